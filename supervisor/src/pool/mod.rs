//! The worker pool: N slots, each with a worker or soon to have one.
//!
//! The main thread waits and calls [`Pool::tend`]. Times and exits are looked at there, and nowhere does the pool wait.

mod drain;
mod heartbeats;
mod leaving;
pub(crate) mod listener;
mod memory;
mod orphans;
mod replacement;
mod roll;
mod slots;
mod times;
mod waiting;
mod worker;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{BoardWords, DOORBELL, is_boot_failure};
use log::warn;
use snapshot::Board;
use thiserror::Error;

use crate::forward::Rings;
use crate::words::{Seconds, describe};
use drain::Shutdown;
use heartbeats::Heartbeats;
use listener::SlotListeners;
use memory::Memories;
use roll::Roll;
use slots::Slots;

pub(crate) use roll::Rolled;
pub(crate) use times::Times;
pub use worker::WorkerCommand;
pub(crate) use worker::Workplace;

/// Why the pool cannot go on.
#[derive(Debug, Error)]
pub enum Error {
    /// A worker could not boot, and has logged why.
    #[error("worker {slot} could not boot")]
    Boot {
        /// Its slot.
        slot: usize,
    },
    /// The process of a first worker could not be started.
    #[error("start worker {slot}")]
    Start {
        /// Its slot.
        slot: usize,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// The workers and their sockets.
pub(crate) struct Pool {
    command: WorkerCommand,
    times: Times,
    heartbeats: Heartbeats,
    memories: Memories,
    slots: Slots,
    roll: Option<Roll>,
    rolled: Option<Rolled>,
    shutdown: Option<Shutdown>,
}

impl Pool {
    /// A pool of empty slots with these sockets.
    pub(crate) fn new(
        command: WorkerCommand,
        sockets: Vec<SlotListeners>,
        board: Arc<Board>,
        rings: Arc<Rings>,
        times: Times,
    ) -> Self {
        Self {
            command,
            times,
            heartbeats: Heartbeats::new(times.heartbeat_timeout),
            memories: Memories::new(),
            slots: Slots::new(sockets, board, rings),
            roll: None,
            rolled: None,
            shutdown: None,
        }
    }

    /// Starts all workers. The kernel ends them with the calling thread, which must live as long as the process.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        for slot in 0..self.slots.len() {
            self.slots
                .start(slot, &self.command)
                .map_err(|source| Error::Start { slot, source })?;
        }
        Ok(())
    }

    /// Does all that is due: replaces workers that exited, kills silent ones, advances a roll or the shutdown.
    ///
    /// # Errors
    ///
    /// A worker could not boot. Its replacement could not either, so the caller should [`drain`](Self::drain).
    pub(crate) fn tend(&mut self) -> Result<(), Error> {
        if self.shutdown.as_ref().is_none_or(Shutdown::is_delayed) {
            self.reap()?;
            self.heartbeats.kill_silent(&mut self.slots);
            self.memories.look(&mut self.slots);
            self.start_due();
            self.advance_roll();
        }
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.advance(&mut self.slots, self.times.shutdown_timeout);
            self.end_roll();
        }
        Ok(())
    }

    /// When [`tend`](Self::tend) is to be called at the latest; `None` for not before a process exits.
    pub(crate) fn due(&self) -> Option<Instant> {
        let shutdown = self.shutdown.as_ref().and_then(Shutdown::due);
        let serving = self
            .shutdown
            .as_ref()
            .is_none_or(Shutdown::is_delayed)
            .then(|| self.heartbeats.due());
        let roll = self.roll.as_ref().map(|_| Roll::due());
        let due = [shutdown, serving, roll, self.slots.due()];
        due.into_iter().flatten().min()
    }

    /// Whether the pool was not asked to stop.
    pub(crate) fn is_serving(&self) -> bool {
        self.shutdown.is_none()
    }

    /// Whether the shutdown is over.
    pub(crate) fn is_over(&self) -> bool {
        self.shutdown.as_ref().is_some_and(Shutdown::is_over)
    }

    /// Begins the shutdown. When called again, kills the workers that are left.
    pub(crate) fn stop(&mut self) {
        match &mut self.shutdown {
            Some(shutdown) => shutdown.hurry(&mut self.slots),
            None => {
                let (delay, timeout) = (self.times.shutdown_delay, self.times.shutdown_timeout);
                self.shutdown = Some(Shutdown::begin(&mut self.slots, delay, timeout));
            }
        }
        self.end_roll();
    }

    /// Drains at once, without the shutdown delay.
    pub(crate) fn drain(&mut self) {
        if self.shutdown.as_ref().is_none_or(Shutdown::is_delayed) {
            self.shutdown = Some(Shutdown::drain(
                &mut self.slots,
                self.times.shutdown_timeout,
            ));
            self.end_roll();
        }
    }

    /// Tells every worker to look at the board.
    pub(crate) fn ring(&self) {
        self.slots.signal(DOORBELL);
    }

    /// The board that supervisor and workers share.
    pub(crate) fn board(&self) -> &Board {
        self.slots.board()
    }

    /// The sockets in use, of each slot.
    pub(crate) fn sockets(&self) -> &[SlotListeners] {
        self.slots.sockets()
    }

    /// Begins to replace every worker by one that this command starts. The [outcome](Self::take_rolled) comes later.
    pub(crate) fn roll(&mut self, command: WorkerCommand, sockets: Option<Vec<SlotListeners>>) {
        self.rolled = None;
        self.roll = Some(Roll::new(command, sockets));
    }

    /// Takes the outcome of the last roll.
    pub(crate) fn take_rolled(&mut self) -> Option<Rolled> {
        self.rolled.take()
    }

    /// Sets how long readiness fails before workers drain.
    pub(crate) fn set_shutdown_delay(&mut self, delay: Duration) {
        self.times.shutdown_delay = delay;
    }

    /// Sets how long workers may drain.
    pub(crate) fn set_shutdown_timeout(&mut self, timeout: Duration) {
        self.times.shutdown_timeout = timeout;
    }

    fn reap(&mut self) -> Result<(), Error> {
        let exits = self.slots.reap();
        if !exits.is_empty() {
            // Their neighbours serve their sockets until they are replaced.
            self.ring();
        }
        for exit in exits {
            let slot = exit.slot;
            if is_boot_failure(exit.status) {
                return Err(Error::Boot { slot });
            }
            self.slots.board().proxy().count_ended_worker(exit.reason());
            let delay = self.slots.replace_later(slot, exit.lived, Duration::ZERO);
            let when = if delay.is_zero() {
                String::new()
            } else {
                format!(" in {}", Seconds(delay))
            };
            let status = describe(exit.status);
            warn!(
                worker = slot, retry_seconds = delay.as_secs_f64();
                "worker {slot} exited: {status}; replacing it{when}"
            );
        }
        Ok(())
    }

    fn start_due(&mut self) {
        for slot in self.slots.due_slots() {
            let rolled = self.roll.as_ref().and_then(|roll| roll.command_of(slot));
            let command = rolled.unwrap_or(&self.command);
            if let Err(error) = self.slots.start(slot, command) {
                let min_delay = replacement::MIN_DELAY;
                let delay = self.slots.replace_later(slot, Duration::ZERO, min_delay);
                warn!(
                    worker = slot, error:%, retry_seconds = delay.as_secs_f64();
                    "worker {slot} not started: {error}; next try in {}",
                    Seconds(delay)
                );
            }
        }
    }

    fn advance_roll(&mut self) {
        if let Some(mut roll) = self.roll.take() {
            match roll.advance(&mut self.slots, &self.times) {
                None => self.roll = Some(roll),
                Some(rolled) => {
                    if rolled.failure.is_none() {
                        self.command = roll.into_command();
                    }
                    self.rolled = Some(rolled);
                }
            }
        }
    }

    /// A roll ends when draining begins: its successor then drains with the others.
    fn end_roll(&mut self) {
        if !self.shutdown.as_ref().is_none_or(Shutdown::is_delayed) {
            self.roll = None;
        }
    }
}

#[cfg(test)]
mod tests;
