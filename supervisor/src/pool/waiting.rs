//! How long a worker had to wait for a processor: because its cgroup may not use more of one (`cpu.max`), or because
//! others had it. What it did not do meanwhile is not its fault.
//!
//! The kernel tells in `/proc/<pid>/schedstat` how long a thread ran, and how long it could have run and had to wait. A
//! wait is added when it is over. Until then the thread's state is `R`, and its numbers stand still.

use std::fs;
use std::time::{Duration, Instant};

/// What the kernel says of a worker's only busy thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    ran: Duration,
    waited: Duration,
    /// It runs, or waits for a processor.
    is_runnable: bool,
}

/// The waiting of a worker since it was first looked at.
pub(super) struct Waiting {
    first: Reading,
    last: Reading,
    /// The numbers stand still since then, as far as was looked.
    still_since: Instant,
}

impl Waiting {
    /// Begins to look; `None` if the kernel tells nothing.
    pub(super) fn begin(process: u32, now: Instant) -> Option<Self> {
        Some(Self::of(Reading::of(process)?, now))
    }

    /// Looks again. Returns how long the worker has waited since it was first looked at.
    pub(super) fn look(&mut self, process: u32, now: Instant) -> Duration {
        let reading = Reading::of(process).unwrap_or(self.last);
        self.add(reading, now)
    }

    fn of(first: Reading, now: Instant) -> Self {
        Self {
            first,
            last: first,
            still_since: now,
        }
    }

    fn add(&mut self, reading: Reading, now: Instant) -> Duration {
        if reading != self.last {
            self.still_since = now;
            self.last = reading;
        }
        let over = reading.waited.saturating_sub(self.first.waited);
        if reading.is_runnable {
            over + (now - self.still_since)
        } else {
            over
        }
    }
}

impl Reading {
    fn of(process: u32) -> Option<Self> {
        let numbers = fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
        let state = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        Self::parse(&numbers, &state)
    }

    fn parse(numbers: &str, state: &str) -> Option<Self> {
        let mut numbers = numbers.split_ascii_whitespace();
        let mut nanoseconds = || Some(Duration::from_nanos(numbers.next()?.parse().ok()?));
        let (ran, waited) = (nanoseconds()?, nanoseconds()?);
        // The name before the state is in parentheses, and may contain some.
        let (_, state) = state.rsplit_once(") ")?;
        Some(Self {
            ran,
            waited,
            is_runnable: state.starts_with('R'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(ran: u64, waited: u64, is_runnable: bool) -> Reading {
        Reading {
            ran: Duration::from_secs(ran),
            waited: Duration::from_secs(waited),
            is_runnable,
        }
    }

    /// The seconds that each of these readings, one a second, says that the worker has waited.
    fn waited(readings: &[Reading]) -> Vec<u64> {
        let start = Instant::now();
        let mut waiting = Waiting::of(readings[0], start);
        let looks = (1..).zip(&readings[1..]).map(|(second, reading)| {
            let now = start + Duration::from_secs(second);
            waiting.add(*reading, now).as_secs()
        });
        looks.collect()
    }

    #[test]
    fn reads_what_the_kernel_says() {
        let stat = |state| format!("71 (a) R (b) {state} 1 71 71 0 -1 4194560");
        let parse = |numbers: &str, state| Reading::parse(numbers, &stat(state));
        assert_eq!(
            parse("2000000000 3000000000 87\n", "R"),
            Some(reading(2, 3, true))
        );
        assert_eq!(parse("0 0 0\n", "S"), Some(reading(0, 0, false)));
        assert_eq!(parse("", "S"), None);
        assert_eq!(Reading::parse("1 1 1", ""), None);
        assert!(Reading::of(std::process::id()).is_none_or(|it| !it.ran.is_zero()));
    }

    #[test]
    fn a_wait_counts_while_it_lasts_and_once_when_it_is_over() {
        let waits = reading(1, 1, true);
        assert_eq!(waited(&[waits; 4]), [1, 2, 3]);
        let over = reading(2, 4, true);
        assert_eq!(waited(&[waits, waits, waits, over, over]), [1, 2, 3, 4]);
    }

    #[test]
    fn who_runs_or_sleeps_does_not_wait() {
        let sleeps = reading(1, 1, false);
        assert_eq!(waited(&[sleeps; 4]), [0, 0, 0]);
        let runs = |ran| reading(ran, 1, true);
        assert_eq!(waited(&[runs(1), runs(2), runs(3)]), [0, 0]);
    }
}
