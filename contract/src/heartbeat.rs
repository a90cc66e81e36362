//! Heartbeats: how a worker shows that it is alive and takes its turns, and what follows when it does not.
//!
//! Every [`INTERVAL`] a timer of the worker's only thread writes the time into the slot's line of the board. After
//! [`ABSENT_AFTER`] without one, the worker of the slot before accepts from this slot's socket too, which costs
//! nothing if it was a false alarm. After [`KILLED_AFTER`] the supervisor kills the worker and replaces it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// From one heartbeat to the next; also how often a worker looks at its neighbour's.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// A worker that was silent for longer counts as absent.
pub const ABSENT_AFTER: Duration = Duration::from_secs(2);

/// A worker that was silent for longer is killed. Long enough for a machine that has twenty times more to do than it
/// can, short enough for the clients whose requests the worker has in hand.
pub const KILLED_AFTER: Duration = Duration::from_secs(10);

/// Milliseconds of the clock that heartbeats are written in: it is the same for all processes of a machine, is never
/// set, and stands still while the machine is suspended.
pub(crate) fn now() -> u64 {
    // Every Linux has this clock. Without it, all heartbeats and their ages would be 0: nobody would be killed.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
