//! The clock that connections are timed by. It has whole seconds: a timer for each connection would cost more than an
//! answer, so all of them are looked at together, once in a tick.

use std::time::Duration;

/// From one tick to the next.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// A moment, counted in ticks from the start of the worker. It wraps around after 136 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick(pub(super) u32);

impl Tick {
    pub(super) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// How many ticks have passed since an earlier one.
    pub(super) fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// A duration in ticks, rounded up.
pub(super) fn ticks(duration: Duration) -> u32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
