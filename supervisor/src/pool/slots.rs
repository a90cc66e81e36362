//! The slots and all worker processes.
//!
//! ```text
//!             start               exit
//! Waiting ------------> Running ----------> Waiting     while serving: replaced at once, or after a delay
//!                                  \------> Over        while draining
//! ```
//!
//! During a roll a slot also has a successor, which boots. When it takes the slot, the previous worker drains.

use std::io;
use std::mem;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{BoardWords, Ended, Sockets, WorkerState};
use log::{debug, warn};
use nix::sys::signal::Signal;
use snapshot::Board;

use super::leaving::{Kind, Leaving};
use super::listener::{Listeners, SlotListeners};
use super::replacement::Replacement;
use super::worker::{Worker, WorkerCommand};
use super::{listener, orphans};
use crate::forward::Rings;
use crate::processes;

/// The slots, their sockets, and the workers without a slot.
pub(super) struct Slots {
    board: Arc<Board>,
    rings: Arc<Rings>,
    slots: Vec<Slot>,
    /// Those of each slot; none while draining.
    sockets: Vec<SlotListeners>,
    leaving: Vec<Leaving>,
}

/// One slot.
pub(super) struct Slot {
    state: State,
    /// A worker that boots, to replace the running one.
    successor: Option<Worker>,
    replacement: Replacement,
}

enum State {
    /// The next worker is due then.
    Waiting { until: Instant },
    /// A worker has the slot.
    Running(Worker),
    /// There will be no other worker.
    Over,
}

/// A worker that has exited.
pub(super) struct Exit {
    pub(super) slot: usize,
    pub(super) status: ExitStatus,
    pub(super) lived: Duration,
    /// It was killed because its heartbeat stopped.
    pub(super) was_silent: bool,
}

impl Exit {
    /// As the board tells it.
    pub(super) fn reason(&self) -> Ended {
        if self.was_silent {
            Ended::Silent
        } else if self.status.signal().is_some() {
            Ended::Killed
        } else {
            Ended::Exited
        }
    }
}

impl Slots {
    /// Empty slots with these sockets.
    pub(super) fn new(sockets: Vec<SlotListeners>, board: Arc<Board>, rings: Arc<Rings>) -> Self {
        let now = Instant::now();
        let empty = |_| Slot {
            state: State::Waiting { until: now },
            successor: None,
            replacement: Replacement::default(),
        };
        Self {
            board,
            rings,
            slots: sockets.iter().map(empty).collect(),
            sockets,
            leaving: Vec::new(),
        }
    }

    pub(super) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn sockets(&self) -> &[SlotListeners] {
        &self.sockets
    }

    /// The workers that have a slot, with its number.
    pub(super) fn running(&mut self) -> impl Iterator<Item = (usize, &mut Worker)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(slot, it)| match &mut it.state {
            State::Running(worker) => Some((slot, worker)),
            State::Waiting { .. } | State::Over => None,
        })
    }

    /// All workers.
    fn workers(&self) -> impl Iterator<Item = &Worker> {
        let slots = self.slots.iter().flat_map(|slot| {
            let running = match &slot.state {
                State::Running(worker) => Some(worker),
                State::Waiting { .. } | State::Over => None,
            };
            running.into_iter().chain(&slot.successor)
        });
        slots.chain(self.leaving.iter().map(|leaving| &leaving.worker))
    }

    /// The number of all workers.
    pub(super) fn count(&self) -> usize {
        self.workers().count()
    }

    /// Sends a signal to all workers.
    pub(super) fn signal(&self, signal: Signal) {
        self.workers().for_each(|worker| worker.signal(signal));
    }

    /// The slots whose next worker is due.
    pub(super) fn due_slots(&self) -> Vec<usize> {
        let now = Instant::now();
        let is_due = |slot: &Slot| {
            matches!(slot.state, State::Waiting { until } if until <= now)
                // The successor will have the slot.
                && slot.successor.is_none()
        };
        (0..self.len())
            .filter(|slot| is_due(&self.slots[*slot]))
            .collect()
    }

    /// When the next worker is due to be started, or a leaving one to be killed.
    pub(super) fn due(&self) -> Option<Instant> {
        let starts = self.slots.iter().filter_map(|slot| match slot.state {
            State::Waiting { until } if slot.successor.is_none() => Some(until),
            _ => None,
        });
        let kills = self.leaving.iter().filter_map(|leaving| leaving.kill_at);
        starts.chain(kills).min()
    }

    /// Starts the worker of a slot.
    pub(super) fn start(&mut self, slot: usize, command: &WorkerCommand) -> io::Result<()> {
        let worker = self.start_worker(slot, command, &self.sockets)?;
        self.slots[slot].state = State::Running(worker);
        Ok(())
    }

    /// Starts a worker that is to take over a slot; on these sockets instead of the current ones, if there are any.
    pub(super) fn start_successor(
        &mut self,
        slot: usize,
        command: &WorkerCommand,
        sockets: Option<&[SlotListeners]>,
    ) -> io::Result<()> {
        let worker = self.start_worker(slot, command, sockets.unwrap_or(&self.sockets))?;
        self.slots[slot].successor = Some(worker);
        Ok(())
    }

    fn start_worker(
        &self,
        slot: usize,
        command: &WorkerCommand,
        sockets: &[SlotListeners],
    ) -> io::Result<Worker> {
        let neighbour = self.board.neighbour(slot);
        let sockets = Sockets {
            own: sockets[slot].clone(),
            neighbour: neighbour.map(|neighbour| sockets[neighbour].clone()),
        };
        let worker = Worker::start(command, slot, &sockets, self.rings.lend())?;
        // The worker claims its slot too, but it may exit before.
        self.board.claim_slot(slot, worker.process());
        debug!(worker = slot, process = worker.process(); "worker {slot} started: process {}", worker.process());
        Ok(worker)
    }

    /// The next worker of a slot is due after the delay that its last exits call for, and not before `min_delay`.
    /// Returns that delay.
    pub(super) fn replace_later(
        &mut self,
        slot: usize,
        lived: Duration,
        min_delay: Duration,
    ) -> Duration {
        let slot = &mut self.slots[slot];
        let delay = slot.replacement.delay_after(lived).max(min_delay);
        slot.state = State::Waiting {
            until: Instant::now() + delay,
        };
        delay
    }

    /// The successor of a slot.
    pub(super) fn successor(&mut self, slot: usize) -> Option<&mut Worker> {
        self.slots[slot].successor.as_mut()
    }

    /// Whether the successor of a slot has said on the board that it is ready.
    pub(super) fn successor_is_ready(&self, slot: usize) -> bool {
        self.slots[slot].successor.as_ref().is_some_and(|worker| {
            self.board.worker_process(slot) == worker.process()
                && self.board.worker_state(slot) == WorkerState::Ready
        })
    }

    /// Gives a slot to its successor, with these sockets if sockets change. The previous worker is told to drain, and
    /// is killed at `kill_at`.
    pub(super) fn promote_successor(
        &mut self,
        slot: usize,
        sockets: Option<SlotListeners>,
        kill_at: Option<Instant>,
    ) {
        if let Some(sockets) = sockets {
            let previous = mem::replace(&mut self.sockets[slot], sockets);
            let next = &self.sockets[slot];
            reject_unless_kept(&previous.public, &next.public);
            reject_unless_kept(&previous.admin, &next.admin);
        }
        let Some(successor) = self.slots[slot].successor.take() else {
            return;
        };
        let state = mem::replace(&mut self.slots[slot].state, State::Running(successor));
        if let State::Running(worker) = state {
            self.board.proxy().count_ended_worker(Ended::Rolled);
            worker.signal(Signal::SIGTERM);
            self.leaving.push(Leaving {
                worker,
                slot,
                kind: Kind::Previous,
                kill_at,
            });
        }
    }

    /// Kills the successor of a slot, if it has one. The board shows the running worker again.
    pub(super) fn dismiss_successor(&mut self, slot: usize) {
        if let Some(worker) = self.slots[slot].successor.take()
            && !worker.has_exited()
        {
            worker.signal(Signal::SIGKILL);
            self.leaving.push(Leaving {
                worker,
                slot,
                kind: Kind::New,
                kill_at: None,
            });
        }
        if let State::Running(worker) = &self.slots[slot].state {
            let process = worker.process();
            self.board.claim_slot(slot, process);
            self.board
                .set_worker_state(slot, process, WorkerState::Ready);
        }
    }

    /// Waits for workers that have exited, and kills leaving ones that have not in time. Returns the exits of workers
    /// that had a slot. Signals coalesce, so every worker is asked.
    pub(super) fn reap(&mut self) -> Vec<Exit> {
        let mut exits = Vec::new();
        for (slot, it) in self.slots.iter_mut().enumerate() {
            let State::Running(worker) = &mut it.state else {
                continue;
            };
            match worker.try_wait() {
                Ok(Some(status)) => {
                    let (process, lived) = (worker.process(), worker.age());
                    let was_silent = worker.is_killed;
                    self.board
                        .set_worker_state(slot, process, WorkerState::Exited);
                    it.state = State::Over;
                    exits.push(Exit {
                        slot,
                        status,
                        lived,
                        was_silent,
                    });
                }
                Ok(None) => {}
                Err(error) => {
                    warn!(worker = slot, error:%; "worker {slot} could not be waited for: {error}")
                }
            }
        }
        self.leaving.retain_mut(|leaving| !leaving.reap());
        if process::id() == 1 {
            let others = processes::started();
            let workers = self.workers().map(Worker::process);
            let own: Vec<u32> = workers.chain(others.iter().copied()).collect();
            orphans::reap(&own);
        }
        exits
    }

    /// Ends serving: new connections are rejected, and no worker is started any more. The workers have the sockets, and
    /// accept what is queued before they close them. The admin listener goes on as long as there is a worker.
    pub(super) fn close(&mut self) {
        for sockets in self.sockets.drain(..) {
            reject_connections(&sockets.public);
        }
        for (slot, it) in self.slots.iter_mut().enumerate() {
            if let State::Waiting { .. } = it.state {
                it.state = State::Over;
            }
            self.leaving
                .extend(it.successor.take().map(|worker| Leaving {
                    worker,
                    slot,
                    kind: Kind::New,
                    kill_at: None,
                }));
        }
    }
}

/// Rejects new connections to sockets that others take the place of.
fn reject_unless_kept(previous: &Listeners, next: &Listeners) {
    if !Arc::ptr_eq(previous, next) {
        reject_connections(previous);
    }
}

fn reject_connections(listeners: &Listeners) {
    for listener in listeners.iter() {
        if let Err(error) = listener::reject_connections(listener) {
            // Then a connection is reset that begins between the worker's last accept and its close.
            debug!("reject new connections: {error}");
        }
    }
}
