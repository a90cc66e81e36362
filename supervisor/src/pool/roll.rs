//! A roll: replaces the workers one by one with others, which are started by another command or on other sockets.
//!
//! For each slot the successor is started beside the running worker, on the same socket unless sockets change too, and
//! claims the slot on the board. When the board says that it is ready, the previous worker is told to drain. A
//! successor that does not get ready ends the roll; the running workers have served all the time.

use std::time::{Duration, Instant};

use super::listener::SlotListeners;
use super::slots::Slots;
use super::times::Times;
use super::worker::{Worker, WorkerCommand};
use crate::words::{Seconds, describe};
use contract::is_boot_failure;

/// The interval at which the board is looked at: a worker that gets ready wakes nobody.
const BOARD_INTERVAL: Duration = Duration::from_millis(5);
/// A worker bounds its own drain. This long after that bound it is killed.
const KILL_MARGIN: Duration = Duration::from_secs(5);

/// A roll in progress.
pub(super) struct Roll {
    command: WorkerCommand,
    /// The sockets of each slot; `None` if they stay the same.
    sockets: Option<Vec<SlotListeners>>,
    /// The slots before this one have their new workers.
    next: usize,
}

/// The outcome of a roll.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rolled {
    /// The number of workers that were replaced.
    pub(crate) workers: usize,
    /// Why the others were not.
    pub(crate) failure: Option<String>,
}

impl Roll {
    pub(super) fn new(command: WorkerCommand, sockets: Option<Vec<SlotListeners>>) -> Self {
        Self {
            command,
            sockets,
            next: 0,
        }
    }

    /// The command for the worker of a slot, if the roll has passed it.
    pub(super) fn command_of(&self, slot: usize) -> Option<&WorkerCommand> {
        (slot < self.next).then_some(&self.command)
    }

    /// The command of a roll that is done.
    pub(super) fn into_command(self) -> WorkerCommand {
        self.command
    }

    /// When [`advance`](Self::advance) is to be called again.
    pub(super) fn due() -> Instant {
        Instant::now() + BOARD_INTERVAL
    }

    /// Does all that can be done now. Returns the outcome if this ends the roll.
    pub(super) fn advance(&mut self, slots: &mut Slots, times: &Times) -> Option<Rolled> {
        while self.next < slots.len() {
            match self.step(slots, times) {
                Ok(true) => self.next += 1,
                Ok(false) => return None,
                Err(failure) => {
                    slots.dismiss_successor(self.next);
                    return Some(self.outcome(Some(failure)));
                }
            }
        }
        Some(self.outcome(None))
    }

    fn outcome(&self, failure: Option<String>) -> Rolled {
        Rolled {
            workers: self.next,
            failure,
        }
    }

    /// Returns whether the next slot has its new worker.
    fn step(&mut self, slots: &mut Slots, times: &Times) -> Result<bool, String> {
        let slot = self.next;
        let Some(successor) = slots.successor(slot) else {
            return slots
                .start_successor(slot, &self.command, self.sockets.as_deref())
                .map(|()| false)
                .map_err(|error| format!("new worker {slot} could not be started: {error}"));
        };
        if let Some(failure) = exit(successor) {
            return Err(format!("new worker {slot} {failure}"));
        }
        let age = successor.age();
        if !slots.successor_is_ready(slot) {
            if age < times.boot_timeout {
                return Ok(false);
            }
            let timeout = Seconds(times.boot_timeout);
            return Err(format!("new worker {slot} was not ready within {timeout}"));
        }
        let sockets = self.sockets.as_ref().map(|sockets| sockets[slot].clone());
        let timeout = times.shutdown_timeout.saturating_add(KILL_MARGIN);
        slots.promote_successor(slot, sockets, Instant::now().checked_add(timeout));
        Ok(true)
    }
}

/// How a worker has exited before it was ready.
fn exit(worker: &mut Worker) -> Option<String> {
    match worker.try_wait() {
        Ok(None) => None,
        Ok(Some(status)) if is_boot_failure(status) => Some("could not boot".into()),
        Ok(Some(status)) => Some(format!("exited before it was ready: {}", describe(status))),
        Err(error) => Some(format!("could not be waited for: {error}")),
    }
}
