//! Workers that live and do not take their turns: found by what they say on the board, and killed. Does not know what
//! keeps them.

use std::time::{Duration, Instant};

use contract::{BoardWords, WorkerState};
use log::warn;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Pool, State};
use crate::schedule::Seconds;

/// A worker that boots may take so much longer: the program may have to come from a slow disk.
const BOOTING: u32 = 3;

/// When to look at the heartbeats, and how much of what is seen counts.
pub(super) struct Heartbeats {
    patience: Duration,
    due: Instant,
    /// No silence before this is held against a worker: this process did not run itself.
    fresh: Instant,
}

impl Heartbeats {
    pub(super) fn new(patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            patience,
            due: now + patience / 8,
            fresh: now,
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether it is time to look. If that time is long over, whoever stopped this process (a debugger, a container that
    /// was frozen, a machine that was paused or has far too much to do) has stopped the workers too: they get the whole
    /// patience from now on.
    fn look(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        if now - self.due > self.patience / 4 {
            self.fresh = now;
        }
        self.due = now + self.patience / 8;
        true
    }
}

impl Pool {
    /// Kills workers that were not heard of for too long. They are replaced like others that died.
    pub(super) fn kill_unheard(&mut self) {
        let now = Instant::now();
        if !self.heartbeats.look(now) {
            return;
        }
        let fresh = now - self.heartbeats.fresh;
        for (number, slot) in self.slots.iter_mut().enumerate() {
            let State::Running {
                child,
                since,
                killed,
            } = &mut slot.state
            else {
                continue;
            };
            // Another process may hold the slot on the board: this one has not begun, or is about to leave.
            if self.board.worker_process(number) != child.id() {
                continue;
            }
            let unheard = self
                .board
                .heartbeat_age(number)
                .min(now - *since)
                .min(fresh);
            let patience = match self.board.worker_state(number) {
                WorkerState::Starting => self.times.patience * BOOTING,
                _ => self.times.patience,
            };
            if unheard <= patience {
                continue;
            }
            if !*killed {
                warn!(
                    "worker {number} was not heard of for {}; killing it",
                    Seconds(unheard)
                );
            }
            *killed = true;
            // It is not reaped, so its number is no other process.
            if let Ok(process) = i32::try_from(child.id()) {
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
        }
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
        heartbeats.fresh = start;
        let mut at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            heartbeats.look(now).then(|| now - heartbeats.fresh)
        };
        assert_eq!(at(0), None);
        assert_eq!(at(1), Some(Duration::from_secs(1)));
        // A second late, because somebody else had the processor.
        assert_eq!(at(3), Some(Duration::from_secs(3)));
        assert_eq!(at(100), Some(Duration::ZERO));
        assert_eq!(at(101), Some(Duration::from_secs(1)));
    }
}
