//! The errors that end the process: each is one line on stderr and has an exit status.

use std::io;
use std::process::ExitCode;

use contract::{EX_BOOT, EX_CONFIG, EX_FAILURE, HandoverError, with_causes};
use thiserror::Error;

use crate::commands::health::HealthError;
use crate::config::ConfigError;
use crate::logging;

/// An error that ends the process.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Way(#[from] supervisor::WayError),
    #[error(transparent)]
    Health(#[from] HealthError),
    #[error(transparent)]
    Inspect(supervisor::inspect::Error),
    #[error(transparent)]
    Explain(#[from] supervisor::inspect::explain::ExplainError),
    #[error("write JSON")]
    Json(#[source] serde_json::Error),
    #[error("print")]
    Print(#[source] io::Error),
    #[error("start the demonstration")]
    Demo(#[source] io::Error),
    #[error(transparent)]
    Supervisor(#[from] supervisor::Error),
    #[error(transparent)]
    Handover(#[from] HandoverError),
    #[error(transparent)]
    Worker(#[from] worker::Error),
    #[error(transparent)]
    Compile(#[from] supervisor::CompileError),
}

/// Logs the error and returns its exit status.
pub(crate) fn report(error: Error) -> ExitCode {
    logging::end_with(&with_causes(&error));
    ExitCode::from(match error {
        Error::Config(_) | Error::Way(_) => EX_CONFIG,
        Error::Health(_)
        | Error::Inspect(_)
        | Error::Explain(_)
        | Error::Json(_)
        | Error::Print(_)
        | Error::Compile(_)
        | Error::Demo(_)
        | Error::Supervisor(_) => EX_FAILURE,
        Error::Handover(_) | Error::Worker(_) => EX_BOOT,
    })
}
