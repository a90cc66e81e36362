//! The compile process, as it sees itself: one document, one snapshot, one report.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;
use snapshot::{Sealed, write_staged};
use thiserror::Error;

use super::finish;
use super::task::{Effort, Report, Task};
use contract::with_causes;

/// The memory that a document may take: so many times its size, and [`LEAST_MEMORY`]. Documents take once to twice.
const MEMORY_FACTOR: u64 = 16;
/// In bytes.
const LEAST_MEMORY: u64 = 64 << 20;
/// A document can have millions of defects. So many are told.
const MAX_WARNINGS: usize = 1000;

/// Why a compile process did nothing.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The task is not as a supervisor words it.
    #[error("read the task")]
    Task(#[from] serde_json::Error),
    /// It would go on for nobody.
    #[error("end with the supervisor")]
    Follow(#[source] nix::Error),
    /// The supervisor has ended before the kernel was asked to end this process with it.
    #[error("supervisor {supervisor} is gone")]
    SupervisorGone {
        /// Its process id.
        supervisor: u32,
    },
    /// A descriptor is not as a supervisor gives it.
    #[error("take the document and the file from stdin and stdout")]
    Descriptors(#[source] io::Error),
    /// Signals cannot be handled.
    #[error("listen to signals")]
    Signals(#[source] io::Error),
    /// The limit of memory does not hold.
    #[error("limit the memory")]
    Limit(#[source] nix::Error),
}

/// Compiles the document in stdin into the file in stdout, and prints a report to stderr.
///
/// # Errors
///
/// Nothing was done.
pub fn run(task: &str) -> Result<(), CompileError> {
    let task: Task = serde_json::from_str(task)?;
    follow(task.supervisor)?;
    let body = take(io::stdin())
        .and_then(Sealed::received)
        .map_err(CompileError::Descriptors)?;
    let file = take(io::stdout()).map_err(CompileError::Descriptors)?;
    limit_memory(body.len()).map_err(CompileError::Limit)?;
    // With a handler, a file that exceeds the limit of its size is an error like a full disk, and does not end us.
    flag::register(SIGXFSZ, Arc::default()).map_err(CompileError::Signals)?;
    let report = compile(&task, &Bytes::from_owner(body), &file);
    eprintln!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn compile(task: &Task, body: &Bytes, file: &File) -> Report {
    let (mut environment, mut written) = match engine::compile_with(body, task.options) {
        Ok(compiled) => finish(compiled, task.dates),
        Err(error) => return Report::Refused(with_causes(&error)),
    };
    if task.effort == Effort::Most {
        environment.compress();
    }
    if let Err(error) = write_staged(file, &task.file, engine::FORMAT, &environment) {
        return Report::Unwritten(with_causes(&error));
    }
    let more = written.warnings.len().saturating_sub(MAX_WARNINGS);
    if more > 0 {
        written.warnings.truncate(MAX_WARNINGS);
        written.warnings.push(format!("{more} more warnings"));
    }
    Report::Written(written)
}

/// Makes the kernel kill this process when the thread that started it ends, which waits for it.
fn follow(supervisor: u32) -> Result<(), CompileError> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(CompileError::Follow)?;
    // The supervisor may have died before the line above.
    if u32::try_from(getppid().as_raw()) == Ok(supervisor) {
        Ok(())
    } else {
        Err(CompileError::SupervisorGone { supervisor })
    }
}

fn take(descriptor: impl AsFd) -> io::Result<File> {
    Ok(descriptor.as_fd().try_clone_to_owned()?.into())
}

/// Bounds the memory of this process by the length of the document, and has the kernel choose this process before all
/// others when the memory of the machine or of the container ends.
fn limit_memory(length: usize) -> nix::Result<()> {
    // Where that is not possible, another process may be chosen.
    let _ = std::fs::write(Path::new("/proc/self/oom_score_adj"), "1000");
    let most = (length as u64).saturating_mul(MEMORY_FACTOR);
    let most = most.saturating_add(LEAST_MEMORY);
    let (_, hard) = getrlimit(Resource::RLIMIT_DATA)?;
    let most = most.min(hard);
    setrlimit(Resource::RLIMIT_DATA, most, most)
}
