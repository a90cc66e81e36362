//! Whether the next fetch may say "only if it changed since". Knows no HTTP but its dates.
//!
//! `If-Modified-Since` counts whole seconds: when an environment is edited twice in one second and fetched in between,
//! upstream takes the second edit for one that we have. So a date is only sent once a body was asked for *after* the
//! second of its `updated_at` was over, on upstream's own clock. Until then fetches are unconditional: after an edit
//! that is one fetch, seldom two.

use std::time::{Duration, Instant, SystemTime};

/// An `updated_at` that moved backwards (a restored backup) is nothing newer to upstream: now and then we ask for it whole.
const WHOLE_EVERY: Duration = Duration::from_secs(600);

/// What is known of one environment's newest body.
#[derive(Default)]
pub(crate) struct Condition {
    settled: Option<Settled>,
}

struct Settled {
    updated: SystemTime,
    asked: Instant,
}

impl Condition {
    /// The date to send with a fetch that starts `now`; `None`: fetch unconditionally.
    pub(crate) fn since(&self, now: Instant) -> Option<SystemTime> {
        let settled = self.settled.as_ref()?;
        (now.duration_since(settled.asked) < WHOLE_EVERY).then_some(settled.updated)
    }

    /// A body has arrived whose `updated_at` is this text. It was asked for at `asked` on our clock; its head came
    /// `elapsed` later and said `date` on upstream's.
    pub(crate) fn received(
        &mut self,
        updated_at: Option<&str>,
        date: Option<SystemTime>,
        asked: Instant,
        elapsed: Duration,
    ) {
        self.settled = updated_at
            .and_then(whole_second)
            .filter(|updated| {
                date.and_then(|date| date.checked_sub(elapsed))
                    .is_some_and(|sent| sent >= *updated + Duration::from_secs(1))
            })
            .map(|updated| Settled { updated, asked });
    }
}

fn whole_second(updated_at: &str) -> Option<SystemTime> {
    let timestamp: jiff::Timestamp = updated_at.parse().ok()?;
    let seconds = u64::try_from(timestamp.as_second()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(5);

    fn after(updated_at: &str, date: Option<&str>, elapsed: Duration) -> Option<String> {
        let now = Instant::now();
        let date = date.map(|date| httpdate::parse_http_date(date).unwrap());
        let mut condition = Condition::default();
        condition.received(Some(updated_at), date, now, elapsed);
        condition.since(now).map(httpdate::fmt_http_date)
    }

    #[test]
    fn nothing_received_is_no_condition() {
        assert_eq!(Condition::default().since(Instant::now()), None);
    }

    #[test]
    fn an_old_document_is_asked_for_by_its_second() {
        for updated_at in [
            "1994-11-06T08:49:37Z",
            "1994-11-06T08:49:37.999999+00:00",
            "1994-11-06T10:49:37.5+02:00",
        ] {
            assert_eq!(
                after(updated_at, Some("Sun, 06 Nov 1994 08:50:00 GMT"), FAST).as_deref(),
                Some("Sun, 06 Nov 1994 08:49:37 GMT"),
                "{updated_at}"
            );
        }
    }

    #[test]
    fn a_body_of_the_second_of_its_edit_is_fetched_again() {
        let updated_at = "1994-11-06T08:49:37.2Z";
        assert_eq!(
            after(updated_at, Some("Sun, 06 Nov 1994 08:49:37 GMT"), FAST),
            None
        );
        // The head is of the next second, but the body may have been read in the one before.
        assert_eq!(
            after(updated_at, Some("Sun, 06 Nov 1994 08:49:38 GMT"), FAST),
            None
        );
        assert!(after(updated_at, Some("Sun, 06 Nov 1994 08:49:39 GMT"), FAST).is_some());
        let slow = Duration::from_secs(3);
        assert_eq!(
            after(updated_at, Some("Sun, 06 Nov 1994 08:49:39 GMT"), slow),
            None
        );
    }

    #[test]
    fn without_dates_every_fetch_is_unconditional() {
        assert_eq!(after("1994-11-06T08:49:37Z", None, FAST), None);
        assert_eq!(
            after(
                "1994-11-06 at tea",
                Some("Sun, 06 Nov 1994 08:50:00 GMT"),
                FAST
            ),
            None
        );
    }

    #[test]
    fn now_and_then_the_document_is_fetched_whole() {
        let asked = Instant::now();
        let mut condition = Condition::default();
        let date = httpdate::parse_http_date("Sun, 06 Nov 1994 08:50:00 GMT").unwrap();
        condition.received(Some("1994-11-06T08:49:37Z"), Some(date), asked, FAST);
        assert!(
            condition
                .since(asked + WHOLE_EVERY - Duration::from_secs(1))
                .is_some()
        );
        assert_eq!(condition.since(asked + WHOLE_EVERY), None);
    }
}
