//! `edge-proxy worker`: answers requests, as one of the supervisor's workers; and the command that starts one.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;

/// Serves until TERM has come and the requests in progress are answered.
pub(crate) fn run(handover: &str) -> Result<(), Error> {
    let handover = serde_json::from_str(handover).map_err(Error::Handover)?;
    let (own, neighbour) = take_sockets().map_err(Error::Sockets)?;
    Ok(worker::run(handover, own, neighbour)?)
}

/// Makes the command that starts the worker of a slot. `/proc/self/exe` is this very program, even after its file was
/// replaced.
pub(crate) fn command(directory: PathBuf, settings: worker::Settings) -> impl Fn(usize) -> Command {
    move |slot| {
        let handover = worker::Handover {
            directory: directory.clone(),
            slot,
            supervisor: std::process::id(),
            settings: settings.clone(),
        };
        let handover = serde_json::to_string(&handover).unwrap_or_default();
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("edge-proxy")
            .args(["worker", "--handover", &handover]);
        command
    }
}

/// The sockets that are stdin and stdout. Those let go of them: as long as any descriptor of a socket is open, the
/// kernel queues connections that a draining worker will never accept.
fn take_sockets() -> io::Result<(TcpListener, OwnedFd)> {
    let own = io::stdin().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
    let neighbour = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    Ok((TcpListener::from(own), neighbour))
}
