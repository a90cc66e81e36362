//! The clock by which records are put in order.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of a clock that is the same for all processes of a machine and is never set.
pub fn now() -> u64 {
    // Every Linux has this clock. Without it, records of different rings would not be in order.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
