//! The engine at its own door: documents and requests in, answers out.

#[path = "../../../tests/golden/cases.rs"]
mod cases;
mod compressing;
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
