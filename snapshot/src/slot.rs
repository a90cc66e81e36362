//! What a slot of the board says: which process holds it, what that is doing, when it was last alive. Knows nothing of
//! where these words lie.

use std::fmt;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// What a worker is doing, as it says itself, or as whoever saw it end says for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkerState {
    /// Not ready yet; also a slot that had no worker so far.
    Starting,
    /// Serving.
    Ready,
    /// Finishing what it has in hand.
    Draining,
    /// Gone.
    Exited,
}

/// A process and what it is doing, in one word, so that nobody sees the one's state as the other's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Holder {
    pub(crate) process: u32,
    pub(crate) state: WorkerState,
}

/// A moment, in milliseconds of a clock that is the same for all processes of a machine, never set, and stands still
/// while the machine is suspended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Heartbeat(u64);

impl Holder {
    pub(crate) fn of(word: u64) -> Self {
        Self {
            process: (word >> 32) as u32,
            state: WorkerState::of(word as u32),
        }
    }

    pub(crate) fn word(self) -> u64 {
        u64::from(self.process) << 32 | self.state as u64
    }
}

impl Heartbeat {
    pub(crate) fn now() -> Self {
        // This clock is there on every machine; one without it never beats, and has no age either.
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
        Self(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn of(word: u64) -> Self {
        Self(word)
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    pub(crate) fn age(self) -> Duration {
        Duration::from_millis(Self::now().0.saturating_sub(self.0))
    }
}

impl WorkerState {
    fn of(word: u32) -> Self {
        match word {
            0 => Self::Starting,
            1 => Self::Ready,
            2 => Self::Draining,
            _ => Self::Exited,
        }
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Exited => "exited",
        })
    }
}
