//! Replacing the workers one by one with others that are started in another way, or on other sockets. Knows nothing of
//! why.
//!
//! For each slot the new worker is started beside the old one, on the same socket unless sockets change too. When it
//! says that it is ready, it has the slot, and the old one is told to drain. It writes to another line of the board
//! meanwhile: each slot has two, and its workers use them by turns. A new worker that does not get ready ends the roll;
//! the old ones have never stopped to serve.

use std::io;
use std::mem;
use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

use log::{debug, info, warn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapshot::WorkerState;

use super::{BOOT_FAILURE, Pool, State, WorkerCommand, described};
use crate::schedule::Seconds;

/// How long a worker may take until it is ready.
const BOOT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often to look whether it is: it says so on the board, which wakes nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// A worker bounds its own drain. This long after that it is killed.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// How many lines of the board a slot has.
pub(crate) const LINES_A_SLOT: usize = 2;

/// A roll under way.
pub(super) struct Roll {
    worker: WorkerCommand,
    /// A socket for each slot, taken from the back: the last slot's is the first. `None`: they stay what they are.
    listeners: Option<Vec<TcpListener>>,
    drain_timeout: Duration,
    boot_timeout: Duration,
    /// Slots before this one are done.
    next: usize,
    coming: Option<Coming>,
}

/// A worker that is not ready yet, for a slot that has another.
struct Coming {
    child: Child,
    line: usize,
    since: Instant,
}

/// A worker that has lost its slot and drains.
pub(super) struct Leaving {
    child: Child,
    slot: usize,
    line: usize,
    /// When it is killed.
    until: Option<Instant>,
}

/// What became of a roll.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rolled {
    /// How many workers were replaced.
    pub(crate) workers: usize,
    /// Why not all of them.
    pub(crate) failure: Option<String>,
}

impl Pool {
    /// Begins to replace every worker by what this command starts. The [outcome](Self::take_rolled) comes later.
    pub(crate) fn roll(
        &mut self,
        worker: WorkerCommand,
        listeners: Option<Vec<TcpListener>>,
        drain_timeout: Duration,
    ) {
        let mut listeners = listeners;
        if let Some(listeners) = &mut listeners {
            listeners.reverse();
        }
        self.rolled = None;
        self.roll = Some(Roll {
            worker,
            listeners,
            drain_timeout,
            boot_timeout: BOOT_TIMEOUT,
            next: 0,
            coming: None,
        });
    }

    /// What became of the roll, once.
    pub(crate) fn take_rolled(&mut self) -> Option<Rolled> {
        self.rolled.take()
    }

    /// The command that starts the worker of a slot, as far as the roll has come.
    pub(super) fn command_of(&self, slot: usize) -> &WorkerCommand {
        match &self.roll {
            Some(roll) if slot < roll.next => &roll.worker,
            _ => &self.worker,
        }
    }

    /// Does what can be done for the roll now, and buries who has left.
    pub(super) fn advance_roll(&mut self) {
        self.bury_leaving();
        while let Some(mut roll) = self.roll.take() {
            let step = self.step(&mut roll);
            let workers = roll.next;
            match step {
                Ok(true) if roll.next < self.slots.len() => self.roll = Some(roll),
                Ok(true) => {
                    self.worker = roll.worker;
                    self.drain_timeout = roll.drain_timeout;
                    self.rolled = Some(Rolled {
                        workers,
                        failure: None,
                    });
                }
                Ok(false) => {
                    self.roll = Some(roll);
                    return;
                }
                Err(failure) => {
                    self.leave(roll.next, roll.coming.take());
                    self.rolled = Some(Rolled {
                        workers,
                        failure: Some(failure),
                    });
                }
            }
        }
    }

    /// Returns whether the slot in turn has its new worker.
    fn step(&mut self, roll: &mut Roll) -> Result<bool, String> {
        let slot = roll.next;
        let Some(coming) = &mut roll.coming else {
            return self.begin(roll).map(|()| false).map_err(|error| {
                format!("worker {slot} could not be started in the new way: {error}")
            });
        };
        match coming.child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                let how = match status.code() {
                    Some(BOOT_FAILURE) => "could not boot".to_owned(),
                    _ => format!("exited before it was ready: {}", described(status)),
                };
                roll.coming = None;
                return Err(format!("worker {slot} {how}"));
            }
            Err(error) => return Err(format!("worker {slot} could not be waited for: {error}")),
        }
        if self.board.worker_state(coming.line) != WorkerState::Ready {
            if coming.since.elapsed() < roll.boot_timeout {
                return Ok(false);
            }
            let patience = Seconds(roll.boot_timeout);
            return Err(format!("worker {slot} was not ready within {patience}"));
        }
        if let Some(coming) = roll.coming.take() {
            self.take_slot(slot, coming);
        }
        if let Some(listener) = roll.listeners.as_mut().and_then(Vec::pop) {
            // Before the old worker drains: what it does not accept any more, nobody does.
            self.listeners[slot] = listener;
        }
        roll.next += 1;
        Ok(true)
    }

    /// Starts the worker that comes next, unless its line of the board is still somebody's.
    fn begin(&mut self, roll: &mut Roll) -> io::Result<()> {
        let slot = roll.next;
        let line = other_line(self.slots[slot].line, self.slots.len());
        if self.leaving.iter().any(|leaving| leaving.line == line) {
            return Ok(());
        }
        let listener = match roll.listeners.as_ref().and_then(|sockets| sockets.last()) {
            Some(listener) => listener,
            None => &self.listeners[slot],
        };
        let child = self.start_on(listener, line, &roll.worker)?;
        roll.coming = Some(Coming {
            child,
            line,
            since: Instant::now(),
        });
        Ok(())
    }

    /// Gives a slot to its new worker, and tells the old one to drain.
    fn take_slot(&mut self, slot: usize, coming: Coming) {
        let running = State::Running {
            child: coming.child,
            since: coming.since,
        };
        let line = mem::replace(&mut self.slots[slot].line, coming.line);
        let before = mem::replace(&mut self.slots[slot].state, running);
        debug!("worker {slot} is replaced");
        if let State::Running { child, .. } = before {
            let patience = self.drain_timeout.saturating_add(KILL_AFTER);
            signal(&child, Signal::SIGTERM);
            self.leaving.push(Leaving {
                child,
                slot,
                line,
                until: Instant::now().checked_add(patience),
            });
        }
    }

    /// Does away with a worker that did not get ready.
    fn leave(&mut self, slot: usize, coming: Option<Coming>) {
        if let Some(Coming { child, line, .. }) = coming {
            signal(&child, Signal::SIGKILL);
            self.leaving.push(Leaving {
                child,
                slot,
                line,
                until: None,
            });
        }
    }

    /// Ends the roll because all ends: a worker that is on its way drains with the others.
    pub(super) fn end_roll(&mut self) {
        if let Some(mut roll) = self.roll.take()
            && let Some(Coming { child, line, .. }) = roll.coming.take()
        {
            self.leaving.push(Leaving {
                child,
                slot: roll.next,
                line,
                until: None,
            });
        }
    }

    /// Takes note of workers without a slot that ended, and kills those that do not.
    pub(super) fn bury_leaving(&mut self) {
        let board = &self.board;
        self.leaving.retain_mut(|leaving| {
            let Leaving { child, slot, .. } = leaving;
            match child.try_wait() {
                Ok(Some(status)) => {
                    board.set_worker_state(leaving.line, WorkerState::Exited);
                    if status.success() {
                        debug!("worker {slot} of before exited");
                    } else {
                        info!("worker {slot} of before exited: {}", described(status));
                    }
                    return false;
                }
                Ok(None) => {}
                Err(error) => warn!("worker {slot} of before could not be waited for: {error}"),
            }
            if leaving.until.is_some_and(|until| until <= Instant::now()) {
                leaving.until = None;
                warn!("killing worker {slot} of before: not done in time");
                signal(child, Signal::SIGKILL);
            }
            true
        });
    }

    /// When the roll is to be looked at again, and when somebody is to be killed.
    pub(super) fn roll_due(&self) -> Option<Instant> {
        let looking = self.roll.as_ref().map(|_| Instant::now() + LOOK_AGAIN);
        let killing = self.leaving.iter().filter_map(|leaving| leaving.until);
        looking.into_iter().chain(killing).min()
    }

    /// Workers that have no slot, or none yet.
    pub(super) fn without_slot(&self) -> impl Iterator<Item = &Child> {
        let coming = self.roll.as_ref().and_then(|roll| roll.coming.as_ref());
        let coming = coming.map(|coming| &coming.child);
        let leaving = self.leaving.iter().map(|leaving| &leaving.child);
        leaving.chain(coming)
    }

    /// For a test, which has not half a minute.
    #[cfg(test)]
    pub(super) fn set_boot_timeout(&mut self, boot_timeout: Duration) {
        if let Some(roll) = &mut self.roll {
            roll.boot_timeout = boot_timeout;
        }
    }
}

/// Nobody else has this process's number as long as it is not reaped.
fn signal(child: &Child, signal: Signal) {
    if let Ok(process) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(process), signal);
    }
}

/// The line of the board that a slot's worker does not use.
fn other_line(line: usize, slots: usize) -> usize {
    if line < slots {
        line + slots
    } else {
        line - slots
    }
}
