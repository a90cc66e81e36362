//! Replacing the workers one by one with others that are started in another way, or on other sockets. Knows nothing of
//! why.
//!
//! For each slot the new worker is started beside the old one, on the same socket unless sockets change too, and has
//! the slot on the board from then on. When it says there that it is ready, the old one is told to drain. A new worker
//! that does not get ready ends the roll; the old ones have never stopped to serve.

use std::io;
use std::mem;
use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

use contract::{BoardWords, WorkerState, is_boot_failure};
use log::{debug, info, warn};
use nix::sys::signal::Signal;

use super::{Pool, State, WorkerCommand, described, signal_worker};
use crate::pool::listener;
use crate::schedule::Seconds;

/// How long a worker may take until it is ready.
pub(crate) const BOOT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often to look whether it is: it says so on the board, which wakes nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// A worker bounds its own drain. This long after that it is killed.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// A roll under way.
pub(super) struct Roll {
    worker: WorkerCommand,
    /// A socket for each slot; `None`: they stay what they are.
    listeners: Option<Vec<TcpListener>>,
    /// Slots before this one are done.
    next: usize,
    pub(super) coming: Option<Coming>,
}

/// A worker that is not ready yet, for a slot that has another.
pub(super) struct Coming {
    pub(super) child: Child,
    since: Instant,
}

/// A worker that has lost its slot and drains.
pub(super) struct Leaving {
    child: Child,
    slot: usize,
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
    pub(crate) fn roll(&mut self, worker: WorkerCommand, listeners: Option<Vec<TcpListener>>) {
        self.rolled = None;
        self.roll = Some(Roll {
            worker,
            listeners,
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
                    self.turn_away(roll.next, roll.coming.take());
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
                let how = match is_boot_failure(status) {
                    true => "could not boot".to_owned(),
                    false => format!("exited before it was ready: {}", described(status)),
                };
                return Err(format!("worker {slot} {how}"));
            }
            Err(error) => return Err(format!("worker {slot} could not be waited for: {error}")),
        }
        let is_ready = self.board.worker_process(slot) == coming.child.id()
            && self.board.worker_state(slot) == WorkerState::Ready;
        if !is_ready {
            if coming.since.elapsed() < self.times.boot_timeout {
                return Ok(false);
            }
            let patience = Seconds(self.times.boot_timeout);
            return Err(format!("worker {slot} was not ready within {patience}"));
        }
        let listener = roll
            .listeners
            .as_ref()
            .map(|sockets| sockets[slot].try_clone());
        if let Some(listener) = listener {
            let listener =
                listener.map_err(|error| format!("keep the socket of worker {slot}: {error}"))?;
            let old = mem::replace(&mut self.listeners[slot], listener);
            // The old worker empties it before it closes it.
            if let Err(error) = listener::refuse(&old) {
                debug!("refuse new connections: {error}");
            }
        }
        if let Some(coming) = roll.coming.take() {
            self.take_slot(slot, coming);
        }
        roll.next += 1;
        Ok(true)
    }

    /// Starts the worker that comes next.
    fn begin(&mut self, roll: &mut Roll) -> io::Result<()> {
        let listeners = roll.listeners.as_ref().unwrap_or(&self.listeners);
        let child = self.start_worker(roll.next, &roll.worker, listeners)?;
        roll.coming = Some(Coming {
            child,
            since: Instant::now(),
        });
        Ok(())
    }

    /// Gives a slot to its new worker, and tells the old one to drain.
    fn take_slot(&mut self, slot: usize, coming: Coming) {
        let running = State::Running {
            child: coming.child,
            since: coming.since,
            killed: false,
        };
        let before = mem::replace(&mut self.slots[slot].state, running);
        if let State::Running { child, .. } = before {
            let patience = self.times.drain_timeout.saturating_add(KILL_AFTER);
            signal_worker(&child, Signal::SIGTERM);
            self.leaving.push(Leaving {
                child,
                slot,
                until: Instant::now().checked_add(patience),
            });
        }
    }

    /// Does away with a worker that did not get ready; its slot is the old one's again.
    fn turn_away(&mut self, slot: usize, coming: Option<Coming>) {
        if let Some(Coming { child, .. }) = coming {
            signal_worker(&child, Signal::SIGKILL);
            self.leaving.push(Leaving {
                child,
                slot,
                until: None,
            });
        }
        if let State::Running { child, .. } = &self.slots[slot].state {
            self.board.claim_slot(slot, child.id());
            self.board
                .set_worker_state(slot, child.id(), WorkerState::Ready);
        }
    }

    /// Ends the roll because all ends: a worker that is on its way drains with the others.
    pub(super) fn end_roll(&mut self) {
        if let Some(mut roll) = self.roll.take()
            && let Some(Coming { child, .. }) = roll.coming.take()
        {
            self.leaving.push(Leaving {
                child,
                slot: roll.next,
                until: None,
            });
        }
    }

    /// Takes note of workers without a slot that ended, and kills those that do not.
    pub(super) fn bury_leaving(&mut self) {
        self.leaving.retain_mut(|leaving| {
            let Leaving { child, slot, .. } = leaving;
            match child.try_wait() {
                Ok(Some(status)) => {
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
                signal_worker(child, Signal::SIGKILL);
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

    /// Whether a worker is on its way to this slot.
    pub(super) fn is_coming(&self, slot: usize) -> bool {
        let roll = self.roll.as_ref();
        roll.is_some_and(|roll| roll.next == slot && roll.coming.is_some())
    }

    /// Workers that have no slot, or none yet.
    pub(super) fn without_slot(&self) -> impl Iterator<Item = &Child> {
        let coming = self.roll.as_ref().and_then(|roll| roll.coming.as_ref());
        let coming = coming.map(|coming| &coming.child);
        let leaving = self.leaving.iter().map(|leaving| &leaving.child);
        leaving.chain(coming)
    }

    /// Readiness fails for so long before accepting stops, should that come.
    pub(crate) fn set_drain_delay(&mut self, delay: Duration) {
        self.times.drain_delay = delay;
    }

    /// Workers may take so long to finish what they have in hand.
    pub(crate) fn set_drain_timeout(&mut self, timeout: Duration) {
        self.times.drain_timeout = timeout;
    }
}
