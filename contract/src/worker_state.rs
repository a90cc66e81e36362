//! What a worker does, and how its process and its state share one word of the board.

use std::fmt;

/// What a worker does. The worker says so itself; the supervisor says `Exited` for it when it has seen its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkerState {
    /// It is not ready yet. Also the state of a slot that had no worker so far.
    Starting,
    /// It serves.
    Ready,
    /// It finishes the requests that it has in hand.
    Draining,
    /// It is gone.
    Exited,
}

/// The process that holds a slot and its state, in one word, so that no reader takes the state of one process for
/// that of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Holder {
    pub(crate) process: u32,
    pub(crate) state: WorkerState,
}

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
