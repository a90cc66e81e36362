//! Kills workers whose heartbeat on the board has stopped. They are replaced like others that exited.
//!
//! A worker that did not get to run is forgiven: the whole machine was stopped, or its cgroup is throttled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{BoardWords, WorkerState};
use log::warn;
use nix::sys::signal::Signal;

use super::slots::Slots;
use super::waiting::Waiting;
use crate::words::Seconds;

/// A worker that boots may be silent so many times longer: the program may have to be read from a slow disk.
const BOOT_FACTOR: u32 = 3;

/// When the heartbeats are looked at next, and how much of a silence counts.
pub(super) struct Heartbeats {
    timeout: Duration,
    due: Instant,
    /// No silence before this counts, because this process did not run either.
    counted_from: Instant,
}

impl Heartbeats {
    /// Workers are killed after a silence of `timeout`.
    pub(super) fn new(timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            timeout,
            due: now + timeout / 8,
            counted_from: now,
        }
    }

    /// When the heartbeats are to be looked at.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Kills the workers that are silent for too long, if it is time to look.
    pub(super) fn kill_silent(&mut self, slots: &mut Slots) {
        let now = Instant::now();
        if !self.look(now) {
            return;
        }
        let counted = now - self.counted_from;
        let board = Arc::clone(slots.board());
        for (slot, worker) in slots.running() {
            // If the slot on the board is another process's, a roll has started a successor.
            if board.worker_process(slot) != worker.process() {
                continue;
            }
            let silence = board.heartbeat_age(slot).min(worker.age()).min(counted);
            let timeout = match board.worker_state(slot) {
                WorkerState::Starting => self.timeout * BOOT_FACTOR,
                _ => self.timeout,
            };
            if silence <= self.timeout / 4 {
                worker.waiting = None;
                continue;
            }
            // While it has no processor, its heartbeat can only be missing.
            let process = worker.process();
            let waited = match &mut worker.waiting {
                Some(waiting) => waiting.look(process, now),
                None => {
                    worker.waiting = Waiting::begin(process, now);
                    Duration::ZERO
                }
            };
            if silence <= timeout.saturating_add(waited) {
                continue;
            }
            if !worker.is_killed {
                warn!(
                    worker = slot, seconds = silence.as_secs_f64();
                    "worker {slot} was not heard of for {}; killing it",
                    Seconds(silence)
                );
            }
            worker.is_killed = true;
            worker.signal(Signal::SIGKILL);
        }
    }

    /// Whether it is time to look. A look that comes much too late means that this process was stopped (by a debugger,
    /// a frozen container, a paused or overloaded machine), and the workers with it: then silence counts from now on.
    fn look(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        if now - self.due > self.timeout / 4 {
            self.counted_from = now;
        }
        self.due = now + self.timeout / 8;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_while_this_process_did_not_run_is_not_held_against_workers() {
        let start = Instant::now();
        let mut heartbeats = Heartbeats::new(Duration::from_secs(8));
        heartbeats.due = start + Duration::from_secs(1);
        heartbeats.counted_from = start;
        let mut at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            heartbeats.look(now).then(|| now - heartbeats.counted_from)
        };
        assert_eq!(at(0), None);
        assert_eq!(at(1), Some(Duration::from_secs(1)));
        // A second late, because somebody else had the processor.
        assert_eq!(at(3), Some(Duration::from_secs(3)));
        assert_eq!(at(100), Some(Duration::ZERO));
        assert_eq!(at(101), Some(Duration::from_secs(1)));
    }
}
