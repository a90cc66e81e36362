//! A time in which the state directory refuses something: a full disk, a read-only one, a directory that is gone. It is
//! logged when it begins and when it ends, however many environments it affects and however often each one tries. It
//! logs a state and no rate, and ends without a line when the affected environments are removed, so a limit of lines
//! per second would not do.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt::Display;
use std::time::Instant;

use log::{debug, info, warn};

use crate::words::Seconds;

/// What fails for all rows for the same reason.
pub(crate) struct Outage {
    /// Logged when it begins, after the reason.
    consequence: &'static str,
    /// Logged when it ends, e.g. "publishing again".
    end: &'static str,
    /// The rows whose last try failed.
    affected: RefCell<HashSet<usize>>,
    since: Cell<Option<Instant>>,
}

impl Outage {
    pub(crate) fn new(consequence: &'static str, end: &'static str) -> Self {
        Self {
            consequence,
            end,
            affected: RefCell::default(),
            since: Cell::default(),
        }
    }

    /// A try for this row failed. Returns whether the outage begins.
    pub(crate) fn failed(&self, row: usize, what: &dyn Display) -> bool {
        let mut affected = self.affected.borrow_mut();
        let begins = affected.is_empty();
        if begins {
            self.since.set(Some(Instant::now()));
            warn!(error:% = what; "{what}; {}", self.consequence);
        } else {
            debug!(error:% = what; "{what}");
        }
        affected.insert(row);
        begins
    }

    /// A try for this row succeeded. Returns whether the outage ends.
    pub(crate) fn passed(&self, row: usize) -> bool {
        let ends = self.remove(row);
        if ends && let Some(since) = self.since.get() {
            let lasted = since.elapsed();
            info!(seconds = lasted.as_secs_f64(); "{} after {}", self.end, Seconds(lasted));
        }
        ends
    }

    /// This row is tried no more. Returns whether it was the last one affected.
    pub(crate) fn remove(&self, row: usize) -> bool {
        let mut affected = self.affected.borrow_mut();
        affected.remove(&row) && affected.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_the_first_and_ends_with_the_last_row_that_fails() {
        let outage = Outage::new("waiting", "going on");
        assert!(outage.failed(1, &"full"));
        assert!(!outage.failed(1, &"full"));
        assert!(!outage.failed(2, &"full"));
        assert!(!outage.passed(3));
        assert!(!outage.passed(1));
        assert!(!outage.passed(1));
        assert!(outage.passed(2));
        assert!(outage.failed(3, &"full again"));
        assert!(!outage.failed(1, &"full again"));
        outage.remove(3);
        assert!(outage.passed(1));
    }
}
