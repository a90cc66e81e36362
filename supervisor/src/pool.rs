//! The worker pool: N slots, each with a worker or soon to have one. Does not know what a worker does.
//!
//! ```text
//!             spawn               exits
//! Waiting ------------> Running ----------> Waiting     while serving: replaced, at once or after backing off
//!                                  \------> Over        while draining
//! ```

mod drain;
mod roll;

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, warn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapshot::{Board, WorkerState};
use thiserror::Error;

use crate::notice::Notices;
use crate::schedule::{FIRST_REPLACEMENT, Replacement, Seconds};
use crate::strangers;
use roll::{Leaving, Roll};

pub(crate) use roll::{LINES_A_SLOT, Rolled};

/// The exit code of a worker that could not boot. A replacement could not either.
const BOOT_FAILURE: i32 = 3;
/// Makes the command that starts a worker, which writes to this line of the board.
pub(crate) type WorkerCommand = Box<dyn Fn(usize) -> Command>;

/// Why the pool cannot go on.
#[derive(Debug, Error)]
pub enum Error {
    /// A worker said that it could not boot; it has logged why.
    #[error("worker {slot} could not boot")]
    Boot {
        /// Its slot.
        slot: usize,
    },
    /// A first worker could not even be started.
    #[error("start worker {slot}")]
    Start {
        /// Its slot.
        slot: usize,
        /// What the kernel says.
        source: io::Error,
    },
    /// Without them nothing would ever be noticed again.
    #[error("wait for notices")]
    Wait(#[source] io::Error),
}

/// Why the pool serves no longer, or pauses to tell something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Something that is not for the pool to act on, with which it only pauses.
    Told(Told),
    /// It was asked to stop.
    Stopped,
    /// The poller's thread ended.
    PollerEnded,
}

/// What there is to tell of reloading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Told {
    /// It was asked for.
    pub(crate) reload: bool,
    /// The poller is done with its part.
    pub(crate) changed: bool,
    /// So is the pool.
    pub(crate) rolled: bool,
}

/// The workers and their sockets.
pub(crate) struct Pool {
    worker: WorkerCommand,
    board: Arc<Board>,
    drain_timeout: Duration,
    /// One for each slot; none once draining.
    listeners: Vec<TcpListener>,
    slots: Vec<Slot>,
    roll: Option<Roll>,
    rolled: Option<Rolled>,
    leaving: Vec<Leaving>,
}

struct Slot {
    state: State,
    /// Where its worker writes on the board.
    line: usize,
    replacement: Replacement,
}

enum State {
    /// Its next worker is due then.
    Waiting { until: Instant },
    /// It has a worker.
    Running { child: Child, since: Instant },
    /// It gets no other worker.
    Over,
}

impl Pool {
    /// A pool that is still empty, with a slot for each listener.
    pub(crate) fn new(
        worker: WorkerCommand,
        listeners: Vec<TcpListener>,
        board: Arc<Board>,
        drain_timeout: Duration,
    ) -> Self {
        let now = Instant::now();
        let slots = (0..listeners.len())
            .map(|line| Slot {
                state: State::Waiting { until: now },
                line,
                replacement: Replacement::default(),
            })
            .collect();
        Self {
            worker,
            board,
            drain_timeout,
            listeners,
            slots,
            roll: None,
            rolled: None,
            leaving: Vec::new(),
        }
    }

    /// Starts all workers. The calling thread must be the one that lives longest: workers die with it.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        for slot in 0..self.slots.len() {
            self.spawn(slot)
                .map_err(|source| Error::Start { slot, source })?;
        }
        Ok(())
    }

    /// Keeps every slot filled until there is a reason to end or to pause.
    pub(crate) fn serve(&mut self, notices: &mut Notices) -> Result<End, Error> {
        loop {
            let noticed = notices.wait(self.next_due()).map_err(Error::Wait)?;
            if noticed.published {
                self.signal(Signal::SIGURG);
            }
            if noticed.child {
                self.reap()?;
            }
            if noticed.stop {
                return Ok(End::Stopped);
            }
            if noticed.poller_ended {
                return Ok(End::PollerEnded);
            }
            self.replace();
            self.advance_roll();
            let told = Told {
                reload: noticed.reload,
                changed: noticed.changed,
                rolled: self.rolled.is_some(),
            };
            if told != Told::default() {
                return Ok(End::Told(told));
            }
        }
    }

    /// The sockets in use.
    pub(crate) fn listeners(&self) -> &[TcpListener] {
        &self.listeners
    }

    fn running(&self) -> usize {
        let slots = self.slots.iter();
        let running = slots.filter(|slot| matches!(slot.state, State::Running { .. }));
        running.count() + self.without_slot().count()
    }

    fn next_due(&self) -> Option<Instant> {
        let due = |slot: &Slot| match slot.state {
            State::Waiting { until } => Some(until),
            State::Running { .. } | State::Over => None,
        };
        let slots = self.slots.iter().filter_map(due);
        slots.chain(self.roll_due()).min()
    }

    fn spawn(&mut self, slot: usize) -> io::Result<()> {
        let line = self.slots[slot].line;
        let child = self.start_on(&self.listeners[slot], line, self.command_of(slot))?;
        debug!("worker {slot} started: process {}", child.id());
        self.slots[slot].state = State::Running {
            child,
            since: Instant::now(),
        };
        Ok(())
    }

    fn start_on(
        &self,
        listener: &TcpListener,
        line: usize,
        worker: &WorkerCommand,
    ) -> io::Result<Child> {
        let listener = listener.try_clone()?;
        // Before the worker lives, because it says the rest itself.
        self.board.set_worker_state(line, WorkerState::Starting);
        worker(line)
            .stdin(Stdio::from(OwnedFd::from(listener)))
            // Ctrl-C goes to the whole foreground group; workers are to hear of it from us.
            .process_group(0)
            .spawn()
            .inspect_err(|_| self.board.set_worker_state(line, WorkerState::Exited))
    }

    /// Takes note of workers that ended while they should not have.
    fn reap(&mut self) -> Result<(), Error> {
        for (slot, status, lived) in self.ended() {
            if status.code() == Some(BOOT_FAILURE) {
                return Err(Error::Boot { slot });
            }
            let delay = self.slots[slot].replacement.after(lived);
            self.slots[slot].state = State::Waiting {
                until: Instant::now() + delay,
            };
            let when = if delay.is_zero() {
                String::new()
            } else {
                format!(" in {}", Seconds(delay))
            };
            warn!(
                "worker {slot} exited: {}; replacing it{when}",
                described(status)
            );
        }
        Ok(())
    }

    /// Who ended since the last look, how, and after how long. Signals coalesce, so every slot is asked.
    fn ended(&mut self) -> Vec<(usize, ExitStatus, Duration)> {
        let mut ended = Vec::new();
        let mut living = Vec::new();
        for (number, slot) in self.slots.iter_mut().enumerate() {
            let line = slot.line;
            let State::Running { child, since } = &mut slot.state else {
                continue;
            };
            match child.try_wait() {
                Ok(Some(status)) => {
                    self.board.set_worker_state(line, WorkerState::Exited);
                    ended.push((number, status, since.elapsed()));
                    slot.state = State::Over;
                    continue;
                }
                Ok(None) => {}
                Err(error) => warn!("worker {number} could not be waited for: {error}"),
            }
            living.push(child.id());
        }
        if process::id() == 1 {
            living.extend(self.without_slot().map(Child::id));
            strangers::reap(&living);
        }
        ended
    }

    fn replace(&mut self) {
        for slot in 0..self.slots.len() {
            let State::Waiting { until } = self.slots[slot].state else {
                continue;
            };
            if until > Instant::now() {
                continue;
            }
            if let Err(error) = self.spawn(slot) {
                let delay = self.slots[slot].replacement.after(Duration::ZERO);
                let delay = delay.max(FIRST_REPLACEMENT);
                warn!(
                    "worker {slot} not started: {error}; next try in {}",
                    Seconds(delay)
                );
                self.slots[slot].state = State::Waiting {
                    until: Instant::now() + delay,
                };
            }
        }
    }

    /// To every worker that lives, or has died and is not reaped: its number cannot be another process yet.
    fn signal(&self, signal: Signal) {
        let running = self.slots.iter().filter_map(|slot| match &slot.state {
            State::Running { child, .. } => Some(child),
            State::Waiting { .. } | State::Over => None,
        });
        for child in running.chain(self.without_slot()) {
            if let Ok(process) = i32::try_from(child.id()) {
                let _ = kill(Pid::from_raw(process), signal);
            }
        }
    }
}

fn described(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests;
