//! The dates of edits, in whole seconds, as HTTP has them.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The second of an `updated_at`; `None` if it is no date since 1970.
pub(crate) fn whole_second(updated_at: &str) -> Option<SystemTime> {
    let timestamp: jiff::Timestamp = updated_at.parse().ok()?;
    let seconds = u64::try_from(timestamp.as_second()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A range of dates. It can be sent to another process.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct DateRange {
    /// The date before the first one; `None`: no date is too early.
    pub(crate) after: Option<SystemTime>,
    /// The last one; `None`: the range is empty.
    pub(crate) until: Option<SystemTime>,
}

impl DateRange {
    /// Whether the second of this `updated_at` is in the range.
    pub(crate) fn contains(&self, updated_at: &str) -> bool {
        let second = whole_second(updated_at);
        second.is_some() && self.after < second && second <= self.until
    }
}
