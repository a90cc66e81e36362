//! The data plane: one process, one of N, that answers SDK requests from the current snapshots. It makes no outgoing
//! connection, and reads no file but those of the state directory.
//!
//! | room | what it is |
//! |---|---|
//! | `boot` | from the handover to a worker that serves |
//! | `serve` | a worker's life: accept, answer, drain; the HTTP server around the answers |
//! | `admin` | the admin listener's answers, for who runs the proxy |
//! | `endpoints` | the public listener's answers: from a request to its answer |
//! | `streams` | clients that wait for changes |
//! | `metrics` | what the board counts, as text for Prometheus |
//! | `environments` | the index and the environments that are mapped |
//! | `http` | HTTP messages: reading requests and making answers |
//! | `connections` | sockets: how many, how long, how much memory |
//! | `access` | the access log, and who the client of a request is |
//! | `process` | slot, supervisor, doorbell, limits, privileges |
//!
//! A request goes `connections::stream`, `serve::service`, `endpoints`, then back as an `http::response`. No room names
//! one that stands above it in the table.

mod access;
mod admin;
mod boot;
mod connections;
mod endpoints;
mod environments;
mod error;
mod http;
mod metrics;
mod process;
mod serve;
mod streams;
#[cfg(test)]
mod tests;
mod throttle;

pub use boot::run;
pub use error::Error;
