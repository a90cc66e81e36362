//! The engine at its own door: documents and requests in, answers out.

mod golden;
mod patterns;
mod proxy;
