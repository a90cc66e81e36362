//! The engine at its own door: documents and requests in, answers out.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "../../../tests/golden/cases.rs"]
mod cases;
mod documents;
mod fuzz;
mod fuzzing;
mod generate;
mod golden;
mod obvious;
mod patterns;
mod pools;
mod properties;
mod proxy;
