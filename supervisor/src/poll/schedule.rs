//! When one environment is fetched next. Time and chance are passed in.

use std::time::Duration;

/// Bound the back-off, so that the end of an outage is soon noticed. The shorter one counts, but never less than a poll
/// frequency.
const MAX_BACK_OFF: Duration = Duration::from_secs(60);
const MAX_BACK_OFF_POLLS: u32 = 6;
/// Bounds what `Retry-After` may ask for, because flags get old meanwhile.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(900);
/// Clients are refused until the first document is there, so its back-off is shorter.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const MAX_FIRST_BACK_OFF: Duration = Duration::from_secs(30);

/// When one environment is fetched next.
pub(super) struct Schedule {
    poll_frequency: Duration,
    failures: usize,
    has_succeeded: bool,
}

impl Schedule {
    /// For an environment that is fetched at once, and later about every `poll_frequency`.
    pub(super) fn new(poll_frequency: Duration) -> Self {
        Self {
            poll_frequency,
            failures: 0,
            has_succeeded: false,
        }
    }

    /// Changes the time between later fetches.
    pub(super) fn set_poll_frequency(&mut self, poll_frequency: Duration) {
        self.poll_frequency = poll_frequency;
    }

    /// The number of failures since the last success.
    pub(super) fn failures(&self) -> usize {
        self.failures
    }

    /// The wait after a success. `chance` is from 0 to 1; it spreads the fetches of environments and proxies.
    pub(super) fn succeeded(&mut self, chance: f64) -> Duration {
        self.failures = 0;
        self.has_succeeded = true;
        self.regular(chance)
    }

    /// The longest wait after a success.
    pub(super) fn longest(&self) -> Duration {
        self.regular(1.0)
    }

    /// The wait after a failure that is not upstream's.
    pub(super) fn regular(&self, chance: f64) -> Duration {
        self.poll_frequency.mul_f64(0.9 + 0.2 * chance)
    }

    /// The wait after a failure: twice as long each time, or as long as upstream asks for.
    pub(super) fn failed(&mut self, retry_after: Option<Duration>, chance: f64) -> Duration {
        let longest = self.poll_frequency.saturating_mul(MAX_BACK_OFF_POLLS);
        // The spread adds up to a tenth, and the bounds hold with it.
        let longest = longest.min(MAX_BACK_OFF).div_f64(1.1);
        let (shortest, longest) = if self.has_succeeded {
            (self.poll_frequency, longest)
        } else {
            let shortest = self.poll_frequency.min(FIRST_BACK_OFF);
            (shortest, longest.min(MAX_FIRST_BACK_OFF))
        };
        let back_off = doubled(shortest, self.failures, longest.max(shortest));
        self.failures = self.failures.saturating_add(1);
        match retry_after {
            None => back_off.mul_f64(0.9 + 0.2 * chance),
            // Never earlier than upstream asks.
            Some(asked) => asked
                .min(MAX_RETRY_AFTER)
                .max(shortest)
                .mul_f64(1.0 + 0.1 * chance),
        }
    }
}

fn doubled(shortest: Duration, times: usize, longest: Duration) -> Duration {
    let factor = u32::try_from(times)
        .ok()
        .and_then(|times| 2_u32.checked_pow(times))
        .unwrap_or(u32::MAX);
    shortest.saturating_mul(factor).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL_FREQUENCY: Duration = Duration::from_secs(10);
    const MIDDLE: f64 = 0.5;

    fn seconds(duration: Duration) -> u64 {
        duration.as_secs_f64().round() as u64
    }

    fn failing(schedule: &mut Schedule, times: usize) -> Vec<u64> {
        (0..times)
            .map(|_| seconds(schedule.failed(None, MIDDLE)))
            .collect()
    }

    #[test]
    fn an_interval_varies_by_a_tenth_either_way() {
        let mut schedule = Schedule::new(POLL_FREQUENCY);
        assert_eq!(schedule.succeeded(0.0), Duration::from_secs(9));
        assert_eq!(seconds(schedule.succeeded(MIDDLE)), 10);
        assert_eq!(seconds(schedule.succeeded(1.0)), 11);
    }

    #[test]
    fn failures_back_off_from_the_interval_to_a_minute() {
        let mut schedule = Schedule::new(POLL_FREQUENCY);
        schedule.succeeded(MIDDLE);
        assert_eq!(failing(&mut schedule, 5), [10, 20, 40, 55, 55]);
        assert_eq!(seconds(schedule.failed(None, 0.0)), 49);
        assert_eq!(seconds(schedule.failed(None, 1.0)), 60);
        assert_eq!(schedule.failures(), 7);
        schedule.succeeded(MIDDLE);
        assert_eq!(schedule.failures(), 0);
        assert_eq!(failing(&mut schedule, 2), [10, 20]);
    }

    #[test]
    fn failures_never_wait_longer_than_six_intervals() {
        let mut schedule = Schedule::new(Duration::from_secs(2));
        assert_eq!(failing(&mut schedule, 6), [1, 2, 4, 8, 11, 11]);
        schedule.succeeded(MIDDLE);
        assert_eq!(failing(&mut schedule, 5), [2, 4, 8, 11, 11]);
        assert_eq!(seconds(schedule.failed(None, 1.0)), 12);
    }

    #[test]
    fn the_first_document_is_tried_for_sooner() {
        assert_eq!(
            failing(&mut Schedule::new(POLL_FREQUENCY), 7),
            [1, 2, 4, 8, 16, 30, 30]
        );
    }

    #[test]
    fn an_interval_longer_than_the_longest_back_off_stays_the_interval() {
        let mut schedule = Schedule::new(Duration::from_secs(3600));
        schedule.succeeded(MIDDLE);
        assert_eq!(failing(&mut schedule, 2), [3600, 3600]);
    }

    #[test]
    fn a_hundred_failures_do_not_overflow() {
        let mut schedule = Schedule::new(POLL_FREQUENCY);
        schedule.succeeded(MIDDLE);
        assert_eq!(failing(&mut schedule, 100)[99], 55);
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let mut schedule = Schedule::new(POLL_FREQUENCY);
        schedule.succeeded(MIDDLE);
        let mut asked =
            |asked, chance| seconds(schedule.failed(Some(Duration::from_secs(asked)), chance));
        assert_eq!(asked(120, 0.0), 120);
        assert_eq!(asked(120, 1.0), 132);
        assert_eq!(asked(0, 0.0), 10);
        assert_eq!(asked(86_400, 0.0), 900);
    }

    #[test]
    fn whatever_happens_waits_are_spread_and_end_with_the_first_success() {
        let mut dice = fastrand::Rng::with_seed(1);
        for _ in 0..1_000 {
            let mut schedule = Schedule::new(POLL_FREQUENCY);
            let mut twin = Schedule::new(POLL_FREQUENCY);
            let mut before = Duration::ZERO;
            for _ in 0..dice.usize(1..40) {
                if dice.u8(0..8) == 0 {
                    let wait = schedule.succeeded(dice.f64());
                    twin.succeeded(dice.f64());
                    assert!((9..=11).contains(&seconds(wait)), "{wait:?}");
                    before = Duration::ZERO;
                    continue;
                }
                let retry_after = (dice.u8(0..4) == 0).then(|| Duration::from_secs(dice.u64(..)));
                let (one, other) = (dice.f64(), dice.f64());
                let wait = schedule.failed(retry_after, one);
                let elsewhere = twin.failed(retry_after, other);
                // Two proxies that fail together do not come back together.
                assert_eq!(one < other, wait < elsewhere, "{wait:?} {elsewhere:?}");
                match retry_after {
                    Some(asked) => {
                        let asked = asked.min(MAX_RETRY_AFTER);
                        assert!(wait >= asked && wait <= MAX_RETRY_AFTER.mul_f64(1.1));
                    }
                    None => {
                        assert!(wait <= MAX_BACK_OFF, "{wait:?}");
                        // Twice as long, but for the spread, until it is long enough.
                        let longest = if schedule.has_succeeded {
                            MAX_BACK_OFF.div_f64(1.1)
                        } else {
                            MAX_FIRST_BACK_OFF
                        };
                        let expected = (before * 3 / 2).min(longest.mul_f64(0.9));
                        assert!(wait >= expected, "{wait:?} after {before:?}");
                        before = wait;
                    }
                }
            }
        }
    }
}
