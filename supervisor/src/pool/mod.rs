//! The worker pool: N slots, each with a worker or soon to have one. Does not know what a worker does.
//!
//! ```text
//!             spawn               exits
//! Waiting ------------> Running ----------> Waiting     while serving: replaced, at once or after backing off
//!                                  \------> Over        while draining
//! ```

mod drain;
mod heartbeats;
pub(crate) mod listener;
mod orphans;
mod roll;

use std::io;
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{BoardWords, DOORBELL, Sockets, WorkerState, is_boot_failure};
use log::{debug, warn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapshot::Board;
use thiserror::Error;

use crate::notice::{Noticed, Notices};
use crate::schedule::{FIRST_REPLACEMENT, Replacement, Seconds};

use heartbeats::Heartbeats;
pub(crate) use roll::{BOOT_TIMEOUT, Rolled};
use roll::{Leaving, Roll};

/// Makes the command that starts the worker of a slot.
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

/// How long the pool waits for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// How long readiness fails before accepting stops.
    pub(crate) drain_delay: Duration,
    /// How long workers may take to finish what they have in hand.
    pub(crate) drain_timeout: Duration,
    /// How long a worker may go without saying that it is alive.
    pub(crate) patience: Duration,
    /// How long a worker may take until it replaces one that serves.
    pub(crate) boot_timeout: Duration,
}

/// The workers and their sockets.
pub(crate) struct Pool {
    worker: WorkerCommand,
    board: Arc<Board>,
    times: Times,
    heartbeats: Heartbeats,
    /// Whether it was asked to stop more than once.
    impatient: bool,
    /// One for each slot; none once draining.
    listeners: Vec<TcpListener>,
    slots: Vec<Slot>,
    roll: Option<Roll>,
    rolled: Option<Rolled>,
    leaving: Vec<Leaving>,
}

struct Slot {
    state: State,
    replacement: Replacement,
}

enum State {
    /// Its next worker is due then.
    Waiting { until: Instant },
    /// It has a worker, and perhaps no use for it any more.
    Running {
        child: Child,
        since: Instant,
        killed: bool,
    },
    /// It gets no other worker.
    Over,
}

impl Pool {
    /// A pool that is still empty, with a slot for each listener.
    pub(crate) fn new(
        worker: WorkerCommand,
        listeners: Vec<TcpListener>,
        board: Arc<Board>,
        times: Times,
    ) -> Self {
        let now = Instant::now();
        let slots = listeners
            .iter()
            .map(|_| Slot {
                state: State::Waiting { until: now },
                replacement: Replacement::default(),
            })
            .collect();
        Self {
            worker,
            board,
            times,
            heartbeats: Heartbeats::new(times.patience),
            impatient: false,
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

    /// Keeps every slot filled until there is a reason to pause or to end, and in the end then for as long as others may take to notice.
    pub(crate) fn serve(&mut self, notices: &mut Notices) -> Result<End, Error> {
        let end = loop {
            let noticed = self.turn(notices, None)?;
            if noticed.stop {
                break End::Stopped;
            }
            if noticed.poller_ended {
                break End::PollerEnded;
            }
            let told = Told {
                reload: noticed.reload,
                changed: noticed.changed,
                rolled: self.rolled.is_some(),
            };
            if told != Told::default() {
                return Ok(End::Told(told));
            }
        };
        self.linger(notices)?;
        Ok(end)
    }

    /// Waits for something to do, until `deadline` at most, and sees to the workers.
    fn turn(&mut self, notices: &mut Notices, deadline: Option<Instant>) -> Result<Noticed, Error> {
        let due = [self.next_due(), deadline, Some(self.heartbeats.due())];
        let noticed = notices
            .wait(due.into_iter().flatten().min())
            .map_err(Error::Wait)?;
        if noticed.published {
            self.signal(DOORBELL);
        }
        if noticed.child {
            self.reap()?;
        }
        self.kill_unheard();
        self.replace();
        self.advance_roll();
        Ok(noticed)
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
        let child = self.start_worker(slot, self.command_of(slot), &self.listeners)?;
        self.slots[slot].state = State::Running {
            child,
            since: Instant::now(),
            killed: false,
        };
        Ok(())
    }

    /// Starts a worker that has this slot on the board from here on.
    fn start_worker(
        &self,
        slot: usize,
        worker: &WorkerCommand,
        listeners: &[TcpListener],
    ) -> io::Result<Child> {
        let copy = |slot: usize| listeners[slot].try_clone();
        let sockets = Sockets {
            own: copy(slot)?,
            neighbour: self.board.neighbour(slot).map(copy).transpose()?,
        };
        let mut command = worker(slot);
        sockets.give(&mut command);
        // Ctrl-C goes to the whole foreground group; workers are to hear of it from us.
        let child = command.process_group(0).spawn()?;
        // It says so itself, when it gets that far.
        self.board.claim_slot(slot, child.id());
        debug!("worker {slot} started: process {}", child.id());
        Ok(child)
    }

    /// Takes note of workers that ended while they should not have.
    fn reap(&mut self) -> Result<(), Error> {
        let ended = self.ended();
        if !ended.is_empty() {
            // Their neighbours look after their sockets until they are replaced.
            self.signal(DOORBELL);
        }
        for (slot, status, lived) in ended {
            if is_boot_failure(status) {
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
            let State::Running { child, since, .. } = &mut slot.state else {
                continue;
            };
            match child.try_wait() {
                Ok(Some(status)) => {
                    self.board
                        .set_worker_state(number, child.id(), WorkerState::Exited);
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
            orphans::reap(&living);
        }
        ended
    }

    fn replace(&mut self) {
        for slot in 0..self.slots.len() {
            let State::Waiting { until } = self.slots[slot].state else {
                continue;
            };
            if until > Instant::now() || self.is_coming(slot) {
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
            signal_worker(child, signal);
        }
    }
}

/// One that is not reaped: nobody else has its number.
fn signal_worker(child: &Child, signal: Signal) {
    if let Ok(process) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(process), signal);
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
