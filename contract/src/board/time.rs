//! Times and durations as words.

use std::time::{Duration, SystemTime};

/// Microseconds since 1970. 0 means never, so a clock that is set to 1970 or before counts as one microsecond later.
pub(super) fn word(at: SystemTime) -> u64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// The time of a word; `None` for 0.
pub(super) fn of(word: u64) -> Option<SystemTime> {
    match word {
        0 => None,
        microseconds => SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds)),
    }
}

pub(super) fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}
