//! Whether clients of this proxy may use a document's date as we use upstream's.
//!
//! The official proxy sends `If-Modified-Since` with the second of its document's `updated_at`, and nothing else. A 304
//! for it is right only if no other document of that second was ever served.

use std::time::SystemTime;

use super::{last_over, sent_upstream};
use crate::dates::{DateRange, whole_second};
use crate::source::Timing;

/// The dates of the documents of one environment that were served.
#[derive(Clone, Copy, Default)]
pub(crate) struct ServedDates {
    newest: Option<SystemTime>,
}

impl ServedDates {
    /// Notes that a document with this `updated_at` is served.
    pub(crate) fn note(&mut self, updated_at: Option<&str>) {
        self.newest = self.newest.max(updated_at.and_then(whole_second));
    }

    /// The dates that tell a document apart that was fetched then: their second belongs to no other one. It has to be
    /// later than all before, because some edits do not move the date, and over, because another edit may follow in it.
    pub(crate) fn telling_apart(&self, timing: Timing) -> DateRange {
        DateRange {
            after: self.newest,
            until: sent_upstream(timing).and_then(last_over),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const UPDATED_AT: &str = "2026-01-15T10:30:00.9Z";

    /// A request so many seconds after the one of [`UPDATED_AT`] had begun.
    fn after(seconds: u64) -> Timing {
        let second = whole_second(UPDATED_AT).expect("a date");
        Timing {
            sent: Instant::now(),
            elapsed: Duration::ZERO,
            date: Some(second + Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn a_date_tells_a_document_apart_once_its_second_is_over_by_a_margin() {
        let dates = ServedDates::default();
        for (seconds, apart) in [(0, false), (1, false), (3, false), (4, true), (1_000, true)] {
            assert_eq!(
                dates.telling_apart(after(seconds)).contains(UPDATED_AT),
                apart,
                "{seconds}"
            );
        }
        let undated = Timing {
            date: None,
            ..after(1_000)
        };
        assert!(!dates.telling_apart(undated).contains(UPDATED_AT));
        assert!(!dates.telling_apart(after(1_000)).contains("yesterday"));
    }

    #[test]
    fn a_date_that_was_served_before_or_is_older_tells_nothing() {
        let mut dates = ServedDates::default();
        dates.note(Some("2026-01-15T10:29:59.9Z"));
        dates.note(None);
        assert!(dates.telling_apart(after(9)).contains(UPDATED_AT));
        dates.note(Some("2026-01-15T10:30:00.1Z"));
        assert!(!dates.telling_apart(after(9)).contains(UPDATED_AT));
        // After a restored backup the same dates come again.
        dates.note(Some("2026-01-15T09:00:00Z"));
        assert!(!dates.telling_apart(after(9)).contains(UPDATED_AT));
        assert!(
            dates
                .telling_apart(after(9))
                .contains("2026-01-15T10:30:01Z")
        );
    }
}
