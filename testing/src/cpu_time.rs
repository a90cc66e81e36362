//! Processor time, which does not grow while others keep the machine busy.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Runs `work` and returns its result with the processor time that this thread spent on it.
///
/// # Panics
///
/// If the kernel has no such clock.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = spent();
    let result = work();
    (result, spent() - start)
}

fn spent() -> Duration {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    spent.expect("the clock of this thread").into()
}
