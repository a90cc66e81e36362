//! The errors that end the process: each is one line on stderr and has an exit status.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;

/// The configuration is missing or wrong (`sysexits.h`).
const EX_CONFIG: u8 = 78;

/// A worker could not boot: the supervisor should not try again.
const EX_BOOT: u8 = 3;

/// An error that ends the process.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("start the demonstration")]
    Demo(#[source] io::Error),
    #[error(transparent)]
    Supervisor(#[from] supervisor::Error),
    #[error("read the handover")]
    Handover(#[source] serde_json::Error),
    #[error("take the listening sockets from stdin and stdout")]
    Sockets(#[source] io::Error),
    #[error(transparent)]
    Worker(#[from] worker::Error),
}

/// Prints the error and returns its exit status.
pub(crate) fn report(error: Error) -> ExitCode {
    eprintln!("edge-proxy: {}", with_causes(&error));
    ExitCode::from(match error {
        Error::Config(_) => EX_CONFIG,
        Error::Demo(_) | Error::Supervisor(_) => 1,
        Error::Handover(_) | Error::Sockets(_) | Error::Worker(_) => EX_BOOT,
    })
}

/// An error and its causes in one line.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}
