//! What answers prove about upstream's dates.

use super::*;

const OLD: &str = "Sun, 06 Nov 1994 08:40:00 GMT";
const OWN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// The time of a fetch, by upstream's clock: so many seconds after the second of `UPDATED_AT`.
fn seconds_after(seconds: u64) -> Timing {
    Timing {
        sent: Instant::now(),
        elapsed: Duration::ZERO,
        date: Some(date(OWN) + Duration::from_secs(seconds)),
    }
}

/// What the first document proves, which was fetched so many seconds after its edit.
fn first(last_modified: Option<&str>, seconds: u64) -> Option<Evidence> {
    let mut freshness = Freshness::default();
    let timing = seconds_after(seconds);
    received_by(&mut freshness, Some(UPDATED_AT), last_modified, timing)
}

/// What an edit proves that was fetched so many seconds after it. Before, there was an old document, and 304 for it.
fn edit(last_modified: Option<&str>, confirmed: u64, seconds: u64) -> Option<Evidence> {
    let old = Some("1994-11-06T08:40:00.7Z");
    let mut freshness = received(old, Some(OLD), timing(Some(OWN), FAST));
    freshness.confirmed(seconds_after(confirmed));
    let timing = seconds_after(seconds);
    received_by(&mut freshness, Some(UPDATED_AT), last_modified, timing)
}

#[test]
fn a_date_before_that_of_the_document_is_stale() {
    assert_eq!(first(Some(OLD), 60), Some(Evidence::Stale));
    assert_eq!(first(Some(OLD), 4), Some(Evidence::Stale));
    // The document may have been edited while the answer was made.
    assert_eq!(first(Some(OLD), 3), None);
    assert_eq!(first(Some(OWN), 60), None);
    assert_eq!(first(None, 60), None);
    let stale = received(Some(UPDATED_AT), Some(OLD), seconds_after(60));
    assert_eq!(condition(&stale, Instant::now()), None);
}

#[test]
fn an_answer_without_a_date_or_from_a_cache_proves_nothing() {
    let mut freshness = Freshness::default();
    for timing in [timing(None, FAST), seconds_after(60)] {
        let evidence = received_by(&mut freshness, None, Some(OLD), timing);
        assert_eq!(evidence, None);
    }
    let cached = timing(None, FAST);
    assert_eq!(
        received_by(&mut freshness, Some(UPDATED_AT), Some(OLD), cached),
        None
    );
}

#[test]
fn a_304_long_after_an_edit_was_stale() {
    for last_modified in [None, Some(OWN)] {
        assert_eq!(edit(last_modified, 11, 60), Some(Evidence::Stale));
        assert_eq!(edit(last_modified, 11, 12), Some(Evidence::Stale));
        // The date may have been stored after the edit.
        assert_eq!(edit(last_modified, 10, 60), None);
    }
}

#[test]
fn a_young_edit_with_its_own_date_is_fresh() {
    for last_modified in [None, Some(OWN), Some("Sun, 06 Nov 1994 08:49:38 GMT")] {
        assert_eq!(edit(last_modified, 0, 0), Some(Evidence::Fresh));
        assert_eq!(edit(last_modified, 0, 9), Some(Evidence::Fresh));
        assert_eq!(edit(last_modified, 0, 10), None);
        // It may be of any age.
        assert_eq!(first(last_modified, 9), None);
    }
    assert_eq!(edit(Some(OLD), 0, 3), None);
}

#[test]
fn trust_comes_back_after_three_fresh_edits_in_a_row() {
    let trust = Trust::default();
    trust.note(Evidence::Fresh);
    assert!(!trust.is_stale());
    for evidence in [
        Evidence::Stale,
        Evidence::Fresh,
        Evidence::Fresh,
        Evidence::Stale,
        Evidence::Fresh,
        Evidence::Fresh,
    ] {
        trust.note(evidence);
        assert!(trust.is_stale());
    }
    trust.note(Evidence::Fresh);
    assert!(!trust.is_stale());
}
