//! `edge-proxy compile`: compiles one large document for the supervisor; and the command that starts it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::error::Error;

/// Compiles the document in stdin into the file in stdout, and reports to stderr.
pub(crate) fn run(task: &str) -> Result<(), Error> {
    Ok(supervisor::compile(task)?)
}

/// Makes the command of a compile process. `/proc/self/exe` is this very program, even after its file was replaced.
pub(crate) fn command(task: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("edge-proxy").args(["compile", "--task", task]);
    command
}
