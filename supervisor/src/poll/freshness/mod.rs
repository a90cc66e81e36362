//! Decides whether the next fetch may be conditional, so that no edit is missed.
//!
//! `If-Modified-Since` counts whole seconds. If an environment is edited twice in one second and fetched in between,
//! upstream answers 304 although the second edit is new. The rule (after RFC 9110, section 8.8.2.2): a date is sent
//! only after a body was requested *after* the second of its edit was over. The second is over by upstream's own clock
//! and with a margin, because the machine that dates edits need not be the one that dates answers. Until then fetches
//! are unconditional: one after an edit, seldom two.
//!
//! A clock that is set back can date an edit with a second that was over before. The `Date` of the next answer shows
//! that, and the edit is seen one poll later. Other changes show in no date, so every document is also fetched
//! unconditionally from time to time ([`FetchRules::whole_fetch`]):
//!
//! - Some changes do not move `updated_at`: a scheduled one that goes live, `hide_disabled_flags` of the project, the
//!   value of a multivariate option, the end of an identity with overrides.
//! - A restored backup is older than our document.

mod downstream;
mod rules;
mod trust;

use std::time::{Duration, Instant, SystemTime};

use crate::dates::whole_second;
use crate::source::Stamp;
use crate::source::Timing;
use trust::Evidence;

pub(crate) use downstream::ServedDates;
pub use rules::{ConditionalFetch, FetchRules};
pub(crate) use trust::Trust;

/// Larger documents are fetched unconditionally only so often that it costs a small part of what it would cost always.
const LARGE: usize = 1 << 20;
/// That part is one of so many fetches.
const LARGE_WHOLE_SHARE: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);
/// The largest difference between the clocks of upstream's machines.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(3);
/// A clock that seems to lag by less was not set back: dates have whole seconds, and clocks drift. It is shorter than
/// [`MAX_CLOCK_SKEW`], so that a smaller step back does no harm.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);
/// The core API stores the date of an edit after the edit, in the background; usually within a second.
const MAX_EDIT_DELAY: Duration = Duration::from_secs(10);
/// How young an edit must be for its date to prove something: a cached date that is a minute old has been renewed.
const YOUNG: Duration = Duration::from_secs(10);

/// What is known of the date of one environment's last document.
#[derive(Default)]
pub(crate) struct Freshness {
    /// `None`: the next fetch is unconditional.
    dated: Option<Dated>,
    /// The second of the `updated_at` of the last document.
    updated: Option<SystemTime>,
    /// When the last 304 was requested, by upstream's clock.
    confirmed: Option<SystemTime>,
    /// Of the last document, if it came from a file. No date of such a document tells anything.
    stamp: Option<Stamp>,
}

/// A document whose edit was in a second that was over when it was requested.
struct Dated {
    modified: SystemTime,
    /// When it was requested, by our clock.
    sent: Instant,
    /// When it was requested, by upstream's clock.
    sent_upstream: SystemTime,
    /// The length of the document, in bytes.
    length: usize,
    /// The number of 304 answers since then.
    confirmations: u32,
}

/// What a document says of its date.
#[derive(Clone, Copy)]
pub(crate) struct Received<'document> {
    /// The member of that name.
    pub(crate) updated_at: Option<&'document str>,
    /// The date that upstream compares with, if it sends one.
    pub(crate) last_modified: Option<SystemTime>,
    /// In bytes.
    pub(crate) length: usize,
    pub(crate) timing: Timing,
    /// If it came from a file.
    pub(crate) stamp: Option<Stamp>,
}

impl Freshness {
    /// That of the last document, if it came from a file.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// The date for a fetch that starts `now`; `None`: fetch unconditionally. The fetch after it follows within `next`.
    pub(crate) fn if_modified_since(
        &self,
        now: Instant,
        next: Duration,
        rules: FetchRules,
        trust: &Trust,
    ) -> Option<SystemTime> {
        let dated = self.dated.as_ref()?;
        let may_be_conditional = match rules.conditional_fetch {
            ConditionalFetch::Auto => !trust.is_stale(),
            ConditionalFetch::Never => false,
            ConditionalFetch::Always => true,
        };
        let is_whole_due = rules.whole_fetch.is_some_and(|longest| {
            let is_late = (now + next).saturating_duration_since(dated.sent) > longest;
            is_late && (dated.length <= LARGE || dated.confirmations + 1 >= LARGE_WHOLE_SHARE)
        });
        (may_be_conditional && !is_whole_due).then_some(dated.modified)
    }

    /// A document has arrived. Returns what it proves.
    pub(crate) fn received(&mut self, document: Received<'_>) -> Option<Evidence> {
        let updated = document.updated_at.and_then(whole_second);
        let modified = document.last_modified.or(updated);
        let evidence = self.evidence(updated, modified, document.timing);
        // A date before the last edit is of an earlier document.
        let modified = modified.filter(|modified| Some(*modified) >= updated);
        self.dated = Dated::new(modified, document);
        self.updated = updated;
        self.confirmed = None;
        self.stamp = document.stamp;
        evidence
    }

    /// Upstream has answered 304.
    pub(crate) fn confirmed(&mut self, timing: Timing) {
        if let Some(dated) = &mut self.dated {
            dated.confirmations = dated.confirmations.saturating_add(1);
            if dated.clock_was_set_back(timing) {
                self.dated = None;
            }
        }
        self.confirmed = sent_upstream(timing).or(self.confirmed);
    }

    fn evidence(
        &self,
        updated: Option<SystemTime>,
        modified: Option<SystemTime>,
        timing: Timing,
    ) -> Option<Evidence> {
        let (updated, modified, sent) = (updated?, modified?, sent_upstream(timing)?);
        let is_new = self.updated.is_some_and(|last| last < updated);
        let was_hidden = is_new && self.confirmed >= Some(updated + SECOND + MAX_EDIT_DELAY);
        if was_hidden || modified < updated && is_over(updated, sent) {
            Some(Evidence::Stale)
        } else if is_new && modified >= updated && sent < updated + YOUNG {
            Some(Evidence::Fresh)
        } else {
            None
        }
    }
}

impl Dated {
    /// `None` if another edit may have the same second.
    fn new(modified: Option<SystemTime>, document: Received<'_>) -> Option<Self> {
        let (modified, sent_upstream) = (modified?, sent_upstream(document.timing)?);
        is_over(modified, sent_upstream).then_some(Self {
            modified,
            sent: document.timing.sent,
            sent_upstream,
            length: document.length,
            confirmations: 0,
        })
    }

    /// Whether upstream's clock was set back, so that seconds that were over came again.
    fn clock_was_set_back(&self, timing: Timing) -> bool {
        let passed = timing.sent.saturating_duration_since(self.sent);
        let expected = self.sent_upstream + passed;
        timing
            .date
            .is_some_and(|date| date + CLOCK_TOLERANCE < expected)
    }
}

/// Whether the second of an edit is over at a time by upstream's clock, whichever of its machines that was.
fn is_over(second: SystemTime, now: SystemTime) -> bool {
    last_over(now) >= Some(second)
}

/// The last second that is over at this time.
fn last_over(now: SystemTime) -> Option<SystemTime> {
    now.checked_sub(SECOND + MAX_CLOCK_SKEW)
}

/// The time of a request by upstream's clock, at the earliest.
fn sent_upstream(timing: Timing) -> Option<SystemTime> {
    timing.date?.checked_sub(timing.elapsed)
}

#[cfg(test)]
mod tests;
