//! `edge-proxy worker`: answers requests, as one of the supervisor's workers; and the command that starts one.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use contract::{Handover, Sockets, WorkerSettings};

use crate::config;
use crate::error::Error;

/// Serves until TERM has come and the requests in progress are answered.
pub(crate) fn run(handover: &str) -> Result<(), Error> {
    let handover = Handover::from_json(handover).map_err(Error::Handover)?;
    let sockets = Sockets::take().map_err(Error::Sockets)?;
    Ok(worker::run(handover, sockets)?)
}

/// Makes the command that starts the worker of a slot. `/proc/self/exe` is this very program, even after its file was
/// replaced.
pub(crate) fn command(directory: PathBuf, settings: WorkerSettings) -> impl Fn(usize) -> Command {
    let private = config::private_variables();
    move |slot| {
        let handover = Handover {
            directory: directory.clone(),
            slot,
            supervisor: std::process::id(),
            settings: settings.clone(),
        };
        let handover = handover.to_json().unwrap_or_default();
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("edge-proxy")
            .args(["worker", "--handover", &handover]);
        for variable in &private {
            command.env_remove(variable);
        }
        command
    }
}
