//! Compiles a large document in a process of its own, as the supervisor sees it.
//!
//! Whatever the document costs is free again when the process ends, and a document that crashes it, or takes all of its
//! memory, is a failure like any other.

use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use snapshot::Staging;

use super::Recipe;
use super::task::{Effort, Report, Task, Written};
use crate::processes::Process;
use crate::publish::failure::Failure;
use crate::words::describe;
use contract::with_causes;

/// Makes the command of a compile process from its task: program and arguments. The supervisor adds the descriptors.
pub type CompileCommand = fn(task: &str) -> Command;

/// Far longer than the largest document takes on a small part of a core.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The longest report, in bytes.
const LONGEST_REPORT: usize = 1 << 20;
/// The longest reason that is taken from what a process said, in characters.
const LONGEST_REASON: usize = 300;

/// Has a document compiled into a staging file.
pub(super) fn compile(
    command: CompileCommand,
    recipe: &Recipe,
    effort: Effort,
    staging: &Staging,
) -> Result<Written, Failure> {
    let task = serde_json::to_string(&Task {
        supervisor: std::process::id(),
        file: staging.path().to_owned(),
        effort,
        dates: recipe.dates,
        options: recipe.options,
    });
    let task = task.map_err(|error| failed(format!("word its task: {error}")))?;
    let body = recipe.body.as_fd().try_clone_to_owned();
    let body = body.map_err(|error| failed(format!("share the document: {error}")))?;
    let file = staging
        .share()
        .map_err(|error| Failure::Publish(with_causes(&error)))?;
    let mut command = command(&task);
    command
        .stdin(Stdio::from(body))
        .stdout(Stdio::from(file))
        // Nothing there is for it, and there may be secrets.
        .env_clear()
        // Ctrl-C is for the supervisor.
        .process_group(0);
    let process = Process::start(&mut command);
    let process = process.map_err(|error| failed(format!("start it: {error}")))?;
    let finished = process.finish(TIMEOUT, LONGEST_REPORT);
    let (said, status) = finished.map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&said);
    match report(&said, status) {
        Some(Report::Written(written)) => Ok(written),
        Some(Report::Refused(reason)) => Err(Failure::Compile(reason)),
        Some(Report::Unwritten(reason)) => Err(Failure::Publish(reason)),
        None => Err(failed(reason(&said, status))),
    }
}

/// The report of a process that ended well.
fn report(said: &str, status: ExitStatus) -> Option<Report> {
    let line = said.lines().next_back()?;
    serde_json::from_str(line).ok().filter(|_| status.success())
}

fn reason(said: &str, status: ExitStatus) -> String {
    let mut reason = format!("it exited: {}", describe(status));
    if status.signal() == Some(Signal::SIGKILL as i32) {
        reason.push_str(", perhaps because memory ran out");
    }
    let said: Vec<_> = said.split_whitespace().collect();
    if !said.is_empty() {
        let said: String = said.join(" ").chars().take(LONGEST_REASON).collect();
        reason.push_str(": ");
        reason.push_str(&said);
    }
    reason
}

fn failed(reason: String) -> Failure {
    Failure::Process(reason)
}
