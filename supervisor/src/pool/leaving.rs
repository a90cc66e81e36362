//! Workers without a slot: previous ones that drain after a roll, and new ones that did not get ready.

use std::fmt;
use std::time::Instant;

use log::{debug, info, warn};
use nix::sys::signal::Signal;

use super::worker::Worker;
use crate::words::describe;

/// A worker that has lost its slot, or did not get it, and is to exit.
pub(super) struct Leaving {
    pub(super) worker: Worker,
    pub(super) slot: usize,
    pub(super) kind: Kind,
    pub(super) kill_at: Option<Instant>,
}

/// Tells a leaving worker from the one that has the slot.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Previous,
    New,
}

impl Leaving {
    /// Waits for it if it has exited, and kills it if it has not in time. Returns whether it has exited.
    pub(super) fn reap(&mut self) -> bool {
        let (kind, slot) = (self.kind, self.slot);
        match self.worker.try_wait() {
            Ok(Some(status)) => {
                if status.success() {
                    debug!(worker = slot; "{kind} worker {slot} exited");
                } else {
                    info!(worker = slot; "{kind} worker {slot} exited: {}", describe(status));
                }
                return true;
            }
            Ok(None) => {}
            Err(error) => {
                warn!(worker = slot, error:%; "{kind} worker {slot} could not be waited for: {error}")
            }
        }
        if self
            .kill_at
            .is_some_and(|kill_at| kill_at <= Instant::now())
        {
            self.kill_at = None;
            warn!(worker = slot; "killing {kind} worker {slot}: shutdown timeout");
            self.worker.signal(Signal::SIGKILL);
        }
        false
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Previous => "previous",
            Self::New => "new",
        })
    }
}
