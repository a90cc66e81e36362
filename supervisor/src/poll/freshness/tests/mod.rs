//! Which fetches may be conditional, by the dates of single answers.

mod core_api;
mod evidence;
mod simulation;
mod world;

use super::*;

/// Those of the default settings.
const RULES: FetchRules = FetchRules {
    conditional_fetch: ConditionalFetch::Auto,
    whole_fetch: Some(Duration::from_secs(60)),
};

const FAST: Duration = Duration::from_millis(5);
const UPDATED_AT: &str = "1994-11-06T08:49:37.2Z";
const LONG_AFTER: &str = "Sun, 06 Nov 1994 08:50:00 GMT";

fn date(text: &str) -> SystemTime {
    httpdate::parse_http_date(text).unwrap()
}

fn timing(date: Option<&str>, elapsed: Duration) -> Timing {
    Timing {
        sent: Instant::now(),
        elapsed,
        date: date.map(self::date),
    }
}

/// A small document.
fn received_by(
    freshness: &mut Freshness,
    updated_at: Option<&str>,
    last_modified: Option<&str>,
    timing: Timing,
) -> Option<Evidence> {
    freshness.received(Received {
        updated_at,
        last_modified: last_modified.map(date),
        length: 1000,
        timing,
        stamp: None,
    })
}

fn received(updated_at: Option<&str>, last_modified: Option<&str>, timing: Timing) -> Freshness {
    let mut freshness = Freshness::default();
    received_by(&mut freshness, updated_at, last_modified, timing);
    freshness
}

fn condition(freshness: &Freshness, now: Instant) -> Option<SystemTime> {
    freshness.if_modified_since(now, SECOND, RULES, &Trust::default())
}

fn since(freshness: &Freshness, now: Instant) -> Option<String> {
    condition(freshness, now).map(httpdate::fmt_http_date)
}

fn after(updated_at: &str, date: Option<&str>, elapsed: Duration) -> Option<String> {
    let timing = timing(date, elapsed);
    since(&received(Some(updated_at), None, timing), timing.sent)
}

#[test]
fn nothing_received_is_no_condition() {
    let mut freshness = Freshness::default();
    assert_eq!(condition(&freshness, Instant::now()), None);
    freshness.confirmed(timing(Some(LONG_AFTER), FAST));
    assert_eq!(condition(&freshness, Instant::now()), None);
}

#[test]
fn an_old_document_is_sent_for_by_its_second() {
    for updated_at in [
        "1994-11-06T08:49:37Z",
        "1994-11-06T08:49:37.999999+00:00",
        "1994-11-06T10:49:37.5+02:00",
    ] {
        assert_eq!(
            after(updated_at, Some(LONG_AFTER), FAST).as_deref(),
            Some("Sun, 06 Nov 1994 08:49:37 GMT"),
            "{updated_at}"
        );
    }
}

#[test]
fn a_document_is_sent_for_by_what_upstream_compares() {
    let timing = timing(Some(LONG_AFTER), FAST);
    let last_modified = Some("Sun, 06 Nov 1994 08:49:40 GMT");
    for updated_at in [None, Some(UPDATED_AT), Some("at tea")] {
        let freshness = received(updated_at, last_modified, timing);
        assert_eq!(since(&freshness, timing.sent).as_deref(), last_modified);
    }
    // A `Last-Modified` of just now proves nothing about the second of the last edit.
    let freshness = received(Some(UPDATED_AT), Some(LONG_AFTER), timing);
    assert_eq!(since(&freshness, timing.sent), None);
}

#[test]
fn a_body_of_the_second_of_its_edit_is_fetched_again() {
    let at = |date, elapsed| after(UPDATED_AT, Some(date), elapsed).is_some();
    assert!(!at("Sun, 06 Nov 1994 08:49:37 GMT", FAST));
    // The head is of the next second, but the body may have been read in the previous one.
    assert!(!at("Sun, 06 Nov 1994 08:49:38 GMT", FAST));
    // This would be enough if upstream had only one clock.
    assert!(!at("Sun, 06 Nov 1994 08:49:39 GMT", FAST));
    assert!(!at("Sun, 06 Nov 1994 08:49:41 GMT", FAST));
    assert!(at("Sun, 06 Nov 1994 08:49:42 GMT", FAST));
    assert!(!at("Sun, 06 Nov 1994 08:49:44 GMT", Duration::from_secs(4)));
    assert!(at("Sun, 06 Nov 1994 08:49:45 GMT", Duration::from_secs(4)));
}

#[test]
fn without_dates_every_fetch_is_unconditional() {
    assert_eq!(after(UPDATED_AT, None, FAST), None);
    let tea = "1994-11-06 at tea";
    assert_eq!(after(tea, Some(LONG_AFTER), FAST), None);
    let before = "1969-11-06T08:49:37Z";
    assert_eq!(after(before, Some(LONG_AFTER), FAST), None);
    let timing = timing(Some(LONG_AFTER), FAST);
    let freshness = received(None, None, timing);
    assert_eq!(condition(&freshness, timing.sent), None);
}

#[test]
fn a_newer_body_that_proves_nothing_ends_the_condition_of_the_older_one() {
    let timing = timing(Some(LONG_AFTER), FAST);
    let mut freshness = received(Some(UPDATED_AT), None, timing);
    assert!(condition(&freshness, timing.sent).is_some());
    let newer = Some("1994-11-06T08:50:00.5Z");
    received_by(&mut freshness, newer, None, timing);
    assert_eq!(condition(&freshness, timing.sent), None);
}

/// A document of this length that was confirmed so many times, and when it was requested.
fn confirmed(length: usize, confirmations: u32) -> (Freshness, Instant) {
    let timing = timing(Some(LONG_AFTER), FAST);
    let mut freshness = Freshness::default();
    freshness.received(Received {
        updated_at: Some(UPDATED_AT),
        last_modified: None,
        length,
        timing,
        stamp: None,
    });
    for _ in 0..confirmations {
        freshness.confirmed(timing);
    }
    (freshness, timing.sent)
}

#[test]
fn a_document_is_fetched_whole_before_it_is_a_minute_old() {
    let (freshness, sent) = confirmed(LARGE, 1);
    let is_conditional = |seconds, next| {
        let (now, next) = (
            sent + Duration::from_secs(seconds),
            Duration::from_secs(next),
        );
        let since = freshness.if_modified_since(now, next, RULES, &Trust::default());
        since.is_some()
    };
    // The fetch after this one comes in time.
    assert!(is_conditional(49, 11));
    assert!(!is_conditional(50, 11));
    assert!(!is_conditional(300, 330));
}

#[test]
fn of_a_large_document_one_fetch_in_twenty_is_whole() {
    let hour = Duration::from_secs(3600);
    for (confirmations, is_conditional) in [(0, true), (18, true), (19, false), (30, false)] {
        let (freshness, sent) = confirmed(LARGE + 1, confirmations);
        assert_eq!(
            condition(&freshness, sent + hour).is_some(),
            is_conditional,
            "{confirmations}"
        );
        assert!(condition(&freshness, sent + SECOND).is_some());
    }
}

#[test]
fn the_operator_decides() {
    let (freshness, sent) = confirmed(1000, 100);
    let stale = Trust::default();
    stale.note(Evidence::Stale);
    let is_conditional = |conditional_fetch, whole_fetch: Option<u64>, trust: &Trust| {
        let rules = FetchRules {
            conditional_fetch,
            whole_fetch: whole_fetch.map(Duration::from_secs),
        };
        let now = sent + Duration::from_secs(100);
        let since = freshness.if_modified_since(now, SECOND, rules, trust);
        since.is_some()
    };
    use ConditionalFetch::{Always, Auto, Never};
    assert!(is_conditional(Auto, None, &Trust::default()));
    assert!(!is_conditional(Auto, None, &stale));
    assert!(!is_conditional(Never, None, &Trust::default()));
    assert!(is_conditional(Always, None, &stale));
    assert!(is_conditional(Always, Some(200), &stale));
    assert!(!is_conditional(Always, Some(50), &stale));
}

#[test]
fn a_clock_that_is_set_back_ends_the_condition() {
    let first = timing(Some(LONG_AFTER), FAST);
    let later = |seconds, date| Timing {
        sent: first.sent + Duration::from_secs(seconds),
        elapsed: FAST,
        date: Some(self::date(date)),
    };
    for (answer, refuted) in [
        // Whole seconds, drift, and small differences between clocks are tolerated.
        (later(10, "Sun, 06 Nov 1994 08:50:10 GMT"), false),
        (later(10, "Sun, 06 Nov 1994 08:50:08 GMT"), false),
        (later(10, "Sun, 06 Nov 1994 08:59:00 GMT"), false),
        (later(10, "Sun, 06 Nov 1994 08:50:07 GMT"), true),
        (later(10, "Sun, 06 Nov 1994 08:49:30 GMT"), true),
        // Many small steps back add up.
        (later(60, "Sun, 06 Nov 1994 08:50:40 GMT"), true),
    ] {
        let mut freshness = received(Some(UPDATED_AT), None, first);
        freshness.confirmed(answer);
        assert_eq!(
            condition(&freshness, answer.sent).is_none(),
            refuted,
            "{answer:?}"
        );
    }
}
