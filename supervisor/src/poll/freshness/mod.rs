//! Decides whether the next fetch may be conditional, so that no edit is missed.
//!
//! `If-Modified-Since` counts whole seconds. If an environment is edited twice in one second and fetched in between,
//! upstream answers 304 although the second edit is new. The rule (after RFC 9110, section 8.8.2.2): a date is sent
//! only after a body was requested *after* the second of its edit was over. The second is over by upstream's own clock
//! and with a margin, because the machine that dates edits need not be the one that dates answers. Until then fetches
//! are unconditional: one after an edit, seldom two.
//!
//! Two guards against dates that mislead are both kept, because they bound different things:
//!
//! - A clock that is set back can date an edit with a second that was over before. The `Date` of the next answer shows
//!   that, and the edit is seen one poll later. Without this check it would be missed for [`UNCONDITIONAL_EVERY`], or
//!   for [`MIN_CONFIRMATIONS`] polls, which are two hours if polls are 5 minutes apart.
//! - A restored backup, whose document is older than ours, shows in no date. Therefore every document is fetched
//!   unconditionally from time to time.

use std::time::{Duration, Instant, SystemTime};

use crate::source::Timing;

/// The longest time between two unconditional fetches, if polls are frequent.
const UNCONDITIONAL_EVERY: Duration = Duration::from_secs(600);
/// At least so many conditional fetches lie between two unconditional ones, so that the latter stay few if polls are
/// rare.
const MIN_CONFIRMATIONS: u32 = 24;
const SECOND: Duration = Duration::from_secs(1);
/// The largest difference between the clocks of upstream's machines.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(3);
/// A clock that seems to lag by less was not set back: dates have whole seconds, and clocks drift. It is shorter than
/// [`MAX_CLOCK_SKEW`], so that a smaller step back does no harm.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// What is known of the date of one environment's last document.
#[derive(Default)]
pub(crate) struct Freshness {
    /// `None`: the next fetch is unconditional.
    dated: Option<Dated>,
}

/// A document whose edit was in a second that was over when it was requested.
struct Dated {
    modified: SystemTime,
    /// When it was requested, by our clock.
    sent: Instant,
    /// When it was requested, by upstream's clock.
    sent_upstream: SystemTime,
    /// The number of 304 answers since then.
    confirmations: u32,
}

impl Freshness {
    /// The date for a fetch that starts `now`; `None`: fetch unconditionally.
    pub(crate) fn if_modified_since(&self, now: Instant) -> Option<SystemTime> {
        let dated = self.dated.as_ref()?;
        let unconditional = now.duration_since(dated.sent) >= UNCONDITIONAL_EVERY
            && dated.confirmations >= MIN_CONFIRMATIONS;
        (!unconditional).then_some(dated.modified)
    }

    /// A document has arrived with this `updated_at`. `last_modified` is the date that upstream compares with, if it
    /// sends one.
    pub(crate) fn received(
        &mut self,
        updated_at: Option<&str>,
        last_modified: Option<SystemTime>,
        timing: Timing,
    ) {
        let modified = last_modified.or_else(|| whole_second(updated_at?));
        self.dated = Dated::new(modified, timing);
    }

    /// Upstream has answered 304.
    pub(crate) fn confirmed(&mut self, timing: Timing) {
        if let Some(dated) = &mut self.dated {
            dated.confirmations = dated.confirmations.saturating_add(1);
            if dated.clock_was_set_back(timing) {
                self.dated = None;
            }
        }
    }
}

impl Dated {
    /// `None` if another edit may have the same second.
    fn new(modified: Option<SystemTime>, timing: Timing) -> Option<Self> {
        let (modified, sent_upstream) = (modified?, sent_upstream(timing)?);
        let over = modified.checked_add(SECOND + MAX_CLOCK_SKEW)?;
        (sent_upstream >= over).then_some(Self {
            modified,
            sent: timing.sent,
            sent_upstream,
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

/// The time of a request by upstream's clock, at the earliest.
fn sent_upstream(timing: Timing) -> Option<SystemTime> {
    timing.date?.checked_sub(timing.elapsed)
}

fn whole_second(updated_at: &str) -> Option<SystemTime> {
    let timestamp: jiff::Timestamp = updated_at.parse().ok()?;
    let seconds = u64::try_from(timestamp.as_second()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
