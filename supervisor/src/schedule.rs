//! When to try next: environments to be fetched, workers to be replaced. Has no clock, and no dice: it is handed both.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A failing environment is still tried about this often, so that the end of an outage is soon noticed.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);
/// Upstream may ask for more patience than that, but not for any amount of it: meanwhile flags are stale.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(900);
/// Until the first document is there, clients are refused, so that it is tried for sooner and never waited for long.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_FIRST_BACK_OFF: Duration = Duration::from_secs(30);

/// So many deaths of a slot's workers are chance, and each is replaced at once.
const CHANCE: u32 = 8;
/// A death is forgotten for each time that a worker lives this long.
const FORGOTTEN: Duration = Duration::from_millis(500);
/// The shortest wait that is one.
pub(crate) const FIRST_REPLACEMENT: Duration = Duration::from_millis(100);
/// Clients may be waiting in the socket's queue, and a start takes some milliseconds.
const LONGEST_REPLACEMENT: Duration = Duration::from_secs(1);
/// More would be remembered for longer, and wait no longer.
const MOST_DEATHS: u32 = CHANCE + 5;

/// When one environment is fetched next.
pub(crate) struct Schedule {
    interval: Duration,
    failures: usize,
    ever_succeeded: bool,
}

impl Schedule {
    /// The first fetch is due at once; the later ones about an `interval` apart.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            failures: 0,
            ever_succeeded: false,
        }
    }

    /// Later fetches are due about this far apart.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// How many tries have failed since the last success.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// The wait after a success. `chance`, from 0 to 1, keeps environments and proxies from marching in step.
    pub(crate) fn succeeded(&mut self, chance: f64) -> Duration {
        self.failures = 0;
        self.ever_succeeded = true;
        self.regular(chance)
    }

    /// The wait when it is not upstream that failed.
    pub(crate) fn regular(&self, chance: f64) -> Duration {
        self.interval.mul_f64(0.9 + 0.2 * chance)
    }

    /// The wait after a failure: twice as long each time, unless upstream says what it wants.
    pub(crate) fn failed(&mut self, retry_after: Option<Duration>, chance: f64) -> Duration {
        let (shortest, longest) = if self.ever_succeeded {
            (self.interval, LONGEST_BACK_OFF)
        } else {
            (self.interval.min(FIRST_BACK_OFF), LONGEST_FIRST_BACK_OFF)
        };
        let back_off = doubled(shortest, self.failures, longest.max(shortest));
        self.failures = self.failures.saturating_add(1);
        match retry_after {
            None => back_off.mul_f64(0.9 + 0.2 * chance),
            // Never earlier than asked.
            Some(asked) => asked
                .min(LONGEST_RETRY_AFTER)
                .max(shortest)
                .mul_f64(1.0 + 0.1 * chance),
        }
    }
}

/// How long a slot stays empty after its worker died.
#[derive(Default)]
pub(crate) struct Replacement {
    deaths: u32,
}

impl Replacement {
    /// The wait after a worker that lived for `lived`: none at first, then twice as long each time.
    pub(crate) fn after(&mut self, lived: Duration) -> Duration {
        let forgotten = lived.as_millis() / FORGOTTEN.as_millis();
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        self.deaths = self.deaths.saturating_sub(forgotten);
        let delay = match self.deaths.checked_sub(CHANCE) {
            None => Duration::ZERO,
            Some(series) => doubled(FIRST_REPLACEMENT, series as usize, LONGEST_REPLACEMENT),
        };
        self.deaths = (self.deaths + 1).min(MOST_DEATHS);
        delay
    }
}

fn doubled(shortest: Duration, times: usize, longest: Duration) -> Duration {
    let factor = u32::try_from(times)
        .ok()
        .and_then(|times| 2_u32.checked_pow(times))
        .unwrap_or(u32::MAX);
    shortest.saturating_mul(factor).min(longest)
}

/// Reads a `Retry-After` header: seconds, or a date that is compared with upstream's own `now`.
pub(crate) fn read_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// A duration for people.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 9.95 {
            let text = format!("{seconds:.1}");
            write!(formatter, "{} s", text.trim_end_matches(".0"))
        } else {
            write!(formatter, "{seconds:.0} s")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
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
        let mut schedule = Schedule::new(INTERVAL);
        assert_eq!(schedule.succeeded(0.0), Duration::from_secs(9));
        assert_eq!(seconds(schedule.succeeded(MIDDLE)), 10);
        assert_eq!(seconds(schedule.succeeded(1.0)), 11);
    }

    #[test]
    fn failures_back_off_from_the_interval_to_five_minutes() {
        let mut schedule = Schedule::new(INTERVAL);
        schedule.succeeded(MIDDLE);
        assert_eq!(
            failing(&mut schedule, 8),
            [10, 20, 40, 80, 160, 300, 300, 300]
        );
        assert_eq!(schedule.failures(), 8);
        schedule.succeeded(MIDDLE);
        assert_eq!(schedule.failures(), 0);
        assert_eq!(failing(&mut schedule, 2), [10, 20]);
    }

    #[test]
    fn the_first_document_is_tried_for_sooner() {
        assert_eq!(
            failing(&mut Schedule::new(INTERVAL), 7),
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
        let mut schedule = Schedule::new(INTERVAL);
        schedule.succeeded(MIDDLE);
        assert_eq!(failing(&mut schedule, 100)[99], 300);
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let mut schedule = Schedule::new(INTERVAL);
        schedule.succeeded(MIDDLE);
        let mut asked =
            |asked, chance| seconds(schedule.failed(Some(Duration::from_secs(asked)), chance));
        assert_eq!(asked(120, 0.0), 120);
        assert_eq!(asked(120, 1.0), 132);
        assert_eq!(asked(0, 0.0), 10);
        assert_eq!(asked(86_400, 0.0), 900);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let read = |value| read_retry_after(value, now).map(seconds);
        assert_eq!(read("120"), Some(120));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }

    #[test]
    fn workers_that_die_in_a_row_are_replaced_more_slowly() {
        let mut replacement = Replacement::default();
        let mut after = |lived| {
            let lived = Duration::from_millis(lived);
            replacement.after(lived).as_millis()
        };
        let series: Vec<_> = (0..15).map(|_| after(20)).collect();
        assert_eq!(series[..8], [0; 8]);
        assert_eq!(series[8..], [100, 200, 400, 800, 1000, 1000, 1000]);
        // Living for a while makes up for as many deaths as it is long.
        assert_eq!(after(1500), 400);
        assert_eq!(after(3_600_000), 0);
    }

    #[test]
    fn workers_that_die_now_and_then_are_replaced_at_once() {
        let mut replacement = Replacement::default();
        let after = |lived| replacement.after(Duration::from_millis(lived));
        assert!(
            [600, 500, 900, 3]
                .repeat(2)
                .into_iter()
                .map(after)
                .all(|delay| delay.is_zero())
        );
    }

    #[test]
    fn durations_read_well() {
        let shown = |milliseconds| Seconds(Duration::from_millis(milliseconds)).to_string();
        assert_eq!(shown(100), "0.1 s");
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(1001), "1 s");
        assert_eq!(shown(9_460), "9.5 s");
        assert_eq!(shown(19_560), "20 s");
    }
}
