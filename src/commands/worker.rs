//! `edge-proxy worker`: answers requests, as one of the supervisor's workers; and the command that starts one.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use contract::{Handover, Token, WorkerSettings};

use supervisor::WorkerCommand;

use crate::config;
use crate::error::Error;
use crate::logging;

/// Serves until TERM has come and the requests in progress are answered.
pub(crate) fn run() -> Result<(), Error> {
    let (handover, sockets) = Handover::take()?;
    logging::configure(&handover.settings.logging, Some(handover.slot));
    Ok(worker::run(handover, sockets)?)
}

/// What all workers are given, whatever their slot.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) admin_token: Option<Token>,
    pub(crate) sse_authentication_token: Option<Token>,
    pub(crate) accepts_events: bool,
    pub(crate) reports_usage: bool,
    pub(crate) settings: WorkerSettings,
}

/// Makes the command that starts the worker of a slot, and its handover. `/proc/self/exe` is this very program, even
/// after its file was replaced.
pub(crate) fn command(given: Given) -> WorkerCommand {
    let private = config::private_variables();
    WorkerCommand::new(move |slot| {
        let handover = Handover {
            // The supervisor knows it once it has opened one.
            directory: PathBuf::new(),
            slot,
            supervisor: std::process::id(),
            admin_token: given.admin_token.clone(),
            sse_authentication_token: given.sse_authentication_token.clone(),
            // The pool chooses one.
            ring: None,
            accepts_events: given.accepts_events,
            reports_usage: given.reports_usage,
            settings: given.settings.clone(),
        };
        let mut command = Command::new("/proc/self/exe");
        command.arg0("edge-proxy").arg("worker");
        for variable in &private {
            command.env_remove(variable);
        }
        (command, handover)
    })
}
