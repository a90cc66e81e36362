//! Upstream and the poller of one environment in simulated time. Upstream compares dates like Django.

use super::*;

/// Microseconds, like `updated_at`.
pub(super) type Time = u64;

pub(super) const MILLISECOND: Time = 1_000;
pub(super) const SECOND: Time = 1_000_000;
/// More than any margin, however a test sets clocks.
pub(super) const START: Time = 1_700_000_000 * SECOND;

/// Decides whether a fetch is conditional.
pub(super) trait Policy: Default {
    fn since(&self, now: Instant, next: Duration) -> Option<SystemTime>;
    fn received(&mut self, updated_at: Time, last_modified: Time, timing: Timing);
    fn confirmed(&mut self, timing: Timing);
}

/// The default settings, and a document of this size.
#[derive(Default)]
pub(super) struct Ours<const LENGTH: usize> {
    freshness: Freshness,
    pub(super) trust: Trust,
}

impl<const LENGTH: usize> Policy for Ours<LENGTH> {
    fn since(&self, now: Instant, next: Duration) -> Option<SystemTime> {
        self.freshness
            .if_modified_since(now, next, RULES, &self.trust)
    }

    fn received(&mut self, updated_at: Time, last_modified: Time, timing: Timing) {
        let timestamp = jiff::Timestamp::from_microsecond(updated_at.cast_signed()).unwrap();
        let evidence = self.freshness.received(Received {
            updated_at: Some(&timestamp.to_string()),
            last_modified: Some(whole(last_modified)),
            length: LENGTH,
            timing,
            stamp: None,
        });
        if let Some(evidence) = evidence {
            self.trust.note(evidence);
        }
    }

    fn confirmed(&mut self, timing: Timing) {
        self.freshness.confirmed(timing);
    }
}

pub(super) type Small = Ours<LARGE>;
pub(super) type Large = Ours<{ LARGE + 1 }>;

pub(super) fn whole(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time / SECOND)
}

pub(super) struct Edit {
    pub(super) at: Time,
    pub(super) updated_at: Time,
}

/// One environment, at upstream and here.
pub(super) struct World<P> {
    pub(super) policy: P,
    pub(super) dice: fastrand::Rng,
    epoch: Instant,
    pub(super) now: Time,
    pub(super) interval: Time,
    /// Oldest first. The document is that of the last edit that has happened.
    pub(super) edits: Vec<Edit>,
    /// Upstream compares with a date that it read at most so long ago.
    pub(super) date_cache: Time,
    /// When a date was read, and that date.
    cached: Option<(Time, Time)>,
    /// The difference of upstream's clocks from the simulated time, in microseconds.
    pub(super) offset: i64,
    /// The largest difference between the clocks of upstream's machines.
    pub(super) skew: Time,
    pub(super) served: usize,
    pub(super) fetches: usize,
    pub(super) not_modified: usize,
}

impl<P: Policy> World<P> {
    pub(super) fn new(seed: u64, interval: Time) -> Self {
        let mut world = Self {
            policy: P::default(),
            dice: fastrand::Rng::with_seed(seed),
            epoch: Instant::now(),
            now: START,
            interval,
            edits: Vec::new(),
            date_cache: 0,
            cached: None,
            offset: 0,
            skew: SECOND,
            served: 0,
            fetches: 0,
            not_modified: 0,
        };
        world.edit(START);
        world.now += SECOND;
        world.fetch();
        world
    }

    /// The clock of a random machine of upstream.
    fn clock(&mut self, time: Time) -> Time {
        time.checked_add_signed(self.offset).unwrap() + self.dice.u64(0..=self.skew)
    }

    pub(super) fn edit(&mut self, at: Time) {
        let updated_at = self.clock(at);
        self.edits.push(Edit { at, updated_at });
    }

    /// The date that upstream sends and compares.
    fn last_modified(&mut self, read: Time, updated_at: Time) -> Time {
        match self.cached {
            Some((cached, date)) if read < cached + self.date_cache => date,
            _ => {
                self.cached = Some((read, updated_at));
                updated_at
            }
        }
    }

    /// Fetches now, and advances the time to the end of the answer.
    pub(super) fn fetch(&mut self) {
        let sent = self.epoch + Duration::from_micros(self.now - START);
        let slow = if self.dice.u8(..) == 0 { 20 } else { 1 };
        let mut leg = || slow * self.dice.u64(0..100 * MILLISECOND);
        let read = self.now + leg();
        let stamped = read + leg();
        let arrived = stamped + leg();
        let timing = Timing {
            sent,
            elapsed: Duration::from_micros(arrived - self.now),
            date: Some(whole(self.clock(stamped))),
        };
        let document = self.edits.iter().rposition(|edit| edit.at <= read).unwrap();
        let updated_at = self.edits[document].updated_at;
        self.fetches += 1;
        let last_modified = self.last_modified(read, updated_at);
        let next = Duration::from_micros(self.interval * 11 / 10);
        let since = self.policy.since(sent, next);
        if since.is_some_and(|since| whole(last_modified) <= since) {
            self.not_modified += 1;
            self.policy.confirmed(timing);
        } else {
            self.served = document;
            self.policy.received(updated_at, last_modified, timing);
        }
        self.now = arrived;
    }

    pub(super) fn poll_until(&mut self, end: Time) {
        while self.now < end {
            self.fetch();
            let interval = self.interval;
            let wait = self.dice.u64(interval * 9 / 10..=interval * 11 / 10);
            self.now = (self.now + wait).min(end.max(self.now));
        }
    }

    /// The number of polls until upstream's document is served; `None` if it is more than `most`.
    pub(super) fn polls_to_catch_up(&mut self, most: usize) -> Option<usize> {
        for poll in 1..=most {
            self.fetch();
            if self.served == self.edits.len() - 1 {
                return Some(poll);
            }
            self.now += self.interval;
        }
        None
    }
}
