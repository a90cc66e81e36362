//! Whether the next fetch may say "only if it changed since". Knows no HTTP but its dates.
//!
//! `If-Modified-Since` counts whole seconds: when an environment is edited twice in one second and fetched in between,
//! upstream takes the second edit for one that we have. So a date is only sent once a body was asked for *after* its
//! second was over, on upstream's own clock and with a margin, for the clock that stamps edits need not be the one that
//! stamps answers. Until then fetches are unconditional: after an edit that is one fetch, seldom two.
//!
//! A clock that is set back can stamp an edit with a second that was over. It gives itself away by the dates of the
//! answers that follow, and then the document is fetched whole. What gives nothing away (a restored backup, whose
//! document is older than ours) is met by fetching it whole now and then.

use std::time::{Duration, Instant, SystemTime};

/// An edit that upstream's dates hide is seen after this long. So it is after [`FEWEST_CONFIRMED`] fetches, for those who
/// poll seldom: what is fetched whole without need must stay a small part.
const WHOLE_EVERY: Duration = Duration::from_secs(600);
const FEWEST_CONFIRMED: u32 = 24;
const SECOND: Duration = Duration::from_secs(1);
/// How far apart upstream's clocks may be.
const MARGIN: Duration = Duration::from_secs(3);
/// How far behind a clock may seem that was not set back: dates have whole seconds, clocks drift. Less than [`MARGIN`], so
/// that what is not noticed does no harm.
const UNNOTICED: Duration = Duration::from_secs(2);

/// When a fetch took place, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// When we asked.
    pub(crate) asked: Instant,
    /// How long the head of the answer took.
    pub(crate) elapsed: Duration,
    /// Upstream's clock in that head, unless the answer comes out of somebody's cache: then the date is of another
    /// fetch, which may have taken longer.
    pub(crate) date: Option<SystemTime>,
}

impl Timing {
    /// Upstream's clock when we asked, at the earliest.
    fn sent(&self) -> Option<SystemTime> {
        self.date?.checked_sub(self.elapsed)
    }
}

/// What is known of one environment's newest body.
#[derive(Default)]
pub(crate) struct Condition {
    settled: Option<Settled>,
}

struct Settled {
    modified: SystemTime,
    asked: Instant,
    sent: SystemTime,
    /// How many answers have said since that nothing changed.
    confirmed: u32,
}

impl Condition {
    /// The date to send with a fetch that starts `now`; `None`: fetch unconditionally.
    pub(crate) fn since(&self, now: Instant) -> Option<SystemTime> {
        let settled = self.settled.as_ref()?;
        let whole = now.duration_since(settled.asked) >= WHOLE_EVERY
            && settled.confirmed >= FEWEST_CONFIRMED;
        (!whole).then_some(settled.modified)
    }

    /// A body has arrived whose `updated_at` is this text. `last_modified` is what upstream compares dates with, where it
    /// says so.
    pub(crate) fn received(
        &mut self,
        updated_at: Option<&str>,
        last_modified: Option<SystemTime>,
        timing: Timing,
    ) {
        let modified = last_modified.or_else(|| whole_second(updated_at?));
        self.settled = Settled::proved(modified, timing);
    }

    /// Upstream says that nothing has changed since.
    pub(crate) fn confirmed(&mut self, timing: Timing) {
        if let Some(settled) = &mut self.settled {
            settled.confirmed = settled.confirmed.saturating_add(1);
            if settled.is_refuted_by(timing) {
                self.settled = None;
            }
        }
    }
}

impl Settled {
    /// `None` where a second edit may hide behind the second of this one.
    fn proved(modified: Option<SystemTime>, timing: Timing) -> Option<Self> {
        let (modified, sent) = (modified?, timing.sent()?);
        let over = modified.checked_add(SECOND + MARGIN)?;
        (sent >= over).then_some(Self {
            modified,
            asked: timing.asked,
            sent,
            confirmed: 0,
        })
    }

    /// Whether upstream's clock has been set back, so that seconds that were over came again.
    fn is_refuted_by(&self, timing: Timing) -> bool {
        let passed = timing.asked.saturating_duration_since(self.asked);
        let expected = self.sent + passed;
        timing.date.is_some_and(|date| date + UNNOTICED < expected)
    }
}

fn whole_second(updated_at: &str) -> Option<SystemTime> {
    let timestamp: jiff::Timestamp = updated_at.parse().ok()?;
    let seconds = u64::try_from(timestamp.as_second()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
