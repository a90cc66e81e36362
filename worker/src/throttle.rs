//! Log lines that would be repeated for as long as something fails.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How often such a line is logged.
const INTERVAL: Duration = Duration::from_secs(60);

/// When a line was last logged.
#[derive(Default)]
pub(crate) struct Throttle(Cell<Option<Instant>>);

impl Throttle {
    /// Whether to log the line now: the first time, and then once a minute.
    pub(crate) fn is_due(&self) -> bool {
        let is_due = self.0.get().is_none_or(|last| last.elapsed() >= INTERVAL);
        if is_due {
            self.0.set(Some(Instant::now()));
        }
        is_due
    }
}
