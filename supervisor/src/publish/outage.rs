//! Whether the state directory refuses something at the moment: a full disk, one that is read-only, a directory that is
//! gone. Told once when it begins, however many documents it holds up and however often that is tried, and once when
//! it is over. Knows nothing of documents.

use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Instant;

use log::{debug, info, warn};

use crate::schedule::Seconds;

/// One for all that are refused the same.
pub(crate) struct Outage {
    /// What follows while it lasts.
    consequence: &'static str,
    /// What is so again after it.
    end: &'static str,
    /// How many are refused something.
    affected: Cell<usize>,
    since: Cell<Option<Instant>>,
}

impl Outage {
    pub(crate) fn new(consequence: &'static str, end: &'static str) -> Rc<Self> {
        Rc::new(Self {
            consequence,
            end,
            affected: Cell::default(),
            since: Cell::default(),
        })
    }
}

/// The part in it of one that is refused something.
pub(crate) struct Trouble {
    outage: Rc<Outage>,
    affected: bool,
}

impl Trouble {
    /// None so far.
    pub(crate) fn with(outage: &Rc<Outage>) -> Self {
        Self {
            outage: Rc::clone(outage),
            affected: false,
        }
    }

    /// It was refused. Whether that is how an outage begins.
    pub(crate) fn failed(&mut self, what: &dyn Display) -> bool {
        let begins = self.outage.affected.get() == 0;
        if begins {
            self.outage.since.set(Some(Instant::now()));
            warn!("{what}; {}", self.outage.consequence);
        } else {
            debug!("{what}");
        }
        if !self.affected {
            self.affected = true;
            self.outage.affected.update(|affected| affected + 1);
        }
        begins
    }

    /// Nothing is held up. Whether that is how an outage ends.
    pub(crate) fn passed(&mut self) -> bool {
        let since = self.outage.since.get();
        let ends = self.leave();
        if ends && let Some(since) = since {
            info!("{} after {}", self.outage.end, Seconds(since.elapsed()));
        }
        ends
    }

    fn leave(&mut self) -> bool {
        if !self.affected {
            return false;
        }
        self.affected = false;
        self.outage.affected.update(|affected| affected - 1);
        self.outage.affected.get() == 0
    }
}

impl Drop for Trouble {
    /// Who is gone is held up by nothing.
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_the_first_and_ends_with_the_last_that_is_refused() {
        let outage = Outage::new("waiting", "going on");
        let [mut first, mut second, mut third] = [0; 3].map(|_| Trouble::with(&outage));
        assert!(first.failed(&"full"));
        assert!(!first.failed(&"full"));
        assert!(!second.failed(&"full"));
        assert!(!third.passed());
        assert!(!first.passed());
        assert!(!first.passed());
        assert!(second.passed());
        assert!(third.failed(&"full again"));
        assert!(!first.failed(&"full again"));
        drop(third);
        assert!(first.passed());
    }
}
