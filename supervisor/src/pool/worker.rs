//! One worker process, and the command that starts it.

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use contract::{Handover, Knocker, Sockets};
use log::warn;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::listener::Listeners;
use super::waiting::Waiting;
use crate::forward::Lease;

/// Makes what starts the worker of a slot: the program with its arguments, and the handover. The pool adds the sockets
/// and the ring.
#[derive(Clone)]
pub struct WorkerCommand(Rc<dyn Fn(usize) -> (Command, Handover)>);

impl WorkerCommand {
    /// The commands and handovers that `of_slot` makes.
    pub fn new(of_slot: impl Fn(usize) -> (Command, Handover) + 'static) -> Self {
        Self(Rc::new(of_slot))
    }

    /// The same for workers that work there.
    pub(crate) fn at(self, workplace: &Workplace) -> Self {
        let workplace = workplace.clone();
        Self::new(move |slot| {
            let (mut command, mut handover) = self.of_slot(slot);
            handover.directory.clone_from(&workplace.directory);
            match workplace.knocker.for_worker() {
                Ok(output) => command.stdout(output),
                Err(error) => {
                    warn!("worker {slot} cannot ask for fetches: {error}");
                    command.stdout(Stdio::null())
                }
            };
            (command, handover)
        })
    }

    fn of_slot(&self, slot: usize) -> (Command, Handover) {
        (self.0)(slot)
    }
}

/// Where workers work.
#[derive(Clone, Debug)]
pub(crate) struct Workplace {
    /// The state directory, which they read.
    pub(crate) directory: PathBuf,
    /// Where they knock.
    pub(crate) knocker: Rc<Knocker>,
}

impl PartialEq for WorkerCommand {
    /// Compares the handovers of slot 0: the program is always the same.
    fn eq(&self, other: &Self) -> bool {
        self.of_slot(0).1 == other.of_slot(0).1
    }
}

impl fmt::Debug for WorkerCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of_slot(0).fmt(formatter)
    }
}

/// A worker process.
pub(super) struct Worker {
    child: Child,
    /// Its ring.
    _lease: Option<Lease>,
    started: Instant,
    has_exited: bool,
    /// It was killed because its heartbeat stopped.
    pub(super) is_killed: bool,
    /// Whether it had to wait for a processor, while its heartbeat is missing.
    pub(super) waiting: Option<Waiting>,
}

impl Worker {
    /// Starts a worker, and gives it these sockets and this ring.
    pub(super) fn start(
        command: &WorkerCommand,
        slot: usize,
        sockets: &Sockets<Listeners>,
        lease: Option<Lease>,
    ) -> io::Result<Self> {
        let (mut command, mut handover) = command.of_slot(slot);
        handover.ring = lease.as_ref().map(Lease::number);
        command.stdin(handover.give(sockets)?);
        // Ctrl-C goes to the whole foreground group, and only the supervisor must receive it.
        let child = command.process_group(0).spawn()?;
        Ok(Self {
            child,
            _lease: lease,
            started: Instant::now(),
            has_exited: false,
            is_killed: false,
            waiting: None,
        })
    }

    /// The process number.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The time since it was started.
    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sends it a signal, unless it was waited for: then its number may be another process.
    pub(super) fn signal(&self, signal: Signal) {
        if !self.has_exited
            && let Ok(process) = i32::try_from(self.process())
        {
            let _ = kill(Pid::from_raw(process), signal);
        }
    }

    /// Its exit status, if it has exited.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.has_exited = status.is_some();
        Ok(status)
    }

    /// Whether [`try_wait`](Self::try_wait) has returned its exit status.
    pub(super) fn has_exited(&self) -> bool {
        self.has_exited
    }
}
