//! Collecting: reads what the rings hold and commits it to the outbox.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use journal::{Record, Report};
use log::{info, warn};

use super::analytics::Analytics;
use super::delivery::{Delivery, Destination, Headers};
use super::merge::Merge;
use super::outbox::{Error, Outbox};
use super::rings::{Ring, Rings};
use super::traits::{KnownTraits, TraitChanges};
use super::usage::UsageSums;
use crate::words::Seconds;
use contract::with_causes;

/// A ring that is fuller than this is emptied at once.
const FULL: f64 = 0.5;
/// One collection takes about so many bytes of records at most, and counts so many different things.
const MAX_BYTES: usize = 4 << 20;
const MAX_ENTRIES: usize = 50_000;
/// How long to wait after a failure, for example of the disk.
const RETRY: Duration = Duration::from_secs(1);

/// Collects what workers accepted.
pub(super) struct Collector {
    rings: Arc<Rings>,
    outbox: Arc<Outbox>,
    known_traits: KnownTraits,
    /// Upstream has refused traits.
    forget_traits: Arc<AtomicBool>,
    /// There is an upstream.
    is_forwarded: bool,
    frequency: Duration,
    last: Instant,
    failing_since: Option<Instant>,
}

impl Collector {
    pub(super) fn new(
        rings: Arc<Rings>,
        outbox: Arc<Outbox>,
        forget_traits: Arc<AtomicBool>,
        is_forwarded: bool,
        frequency: Duration,
    ) -> Self {
        Self {
            rings,
            outbox,
            known_traits: KnownTraits::new(),
            forget_traits,
            is_forwarded,
            frequency,
            // What an earlier run left is due at once.
            last: Instant::now()
                .checked_sub(frequency)
                .unwrap_or_else(Instant::now),
            failing_since: None,
        }
    }

    /// From now on, what was accepted is collected so often.
    pub(super) fn set_frequency(&mut self, frequency: Duration) {
        self.frequency = frequency;
    }

    /// Whether workers accepted something that is not collected yet.
    pub(super) fn has_records(&self) -> bool {
        self.is_any_fuller_than(0.0)
    }

    /// Collects if it is time to. Returns whether something was committed.
    pub(super) fn tend(&mut self) -> bool {
        let is_failing = self.failing_since.is_some();
        let is_due = match is_failing {
            true => self.last.elapsed() >= RETRY,
            false => self.last.elapsed() >= self.frequency || self.is_any_fuller_than(FULL),
        };
        is_due && self.collect()
    }

    /// Collects all that was accepted before this was called. Returns whether something was committed.
    pub(super) fn collect(&mut self) -> bool {
        self.last = Instant::now();
        let mut is_any = false;
        loop {
            match self.collect_once() {
                Ok(Progress::Nothing) => break,
                Ok(Progress::All) => {
                    is_any = true;
                    break;
                }
                Ok(Progress::Some) => is_any = true,
                Err(error) => {
                    if self.failing_since.is_none() {
                        self.failing_since = Some(Instant::now());
                        warn!(
                            "{}; what clients report waits in the rings",
                            with_causes(&error)
                        );
                    }
                    return is_any;
                }
            }
        }
        self.rings.remove_left();
        if let Some(since) = self.failing_since.take() {
            info!(
                "collecting what clients report again after {}",
                Seconds(since.elapsed())
            );
        }
        is_any
    }

    fn is_any_fuller_than(&self, part: f64) -> bool {
        let rings = self.rings.all();
        rings.iter().any(|ring| ring.reader.fill() > part)
    }

    fn collect_once(&mut self) -> Result<Progress, Error> {
        if self.forget_traits.swap(false, Relaxed) {
            self.known_traits.forget();
        }
        let outbox = &self.outbox;
        let begin = |ring: &Ring| {
            let committed = outbox.position(ring.number).unwrap_or(0);
            committed.max(ring.reader.tail())
        };
        let mut merge = Merge::new(self.rings.all(), begin);
        let mut collection = Collection::new(&self.known_traits);
        let mut is_all = true;
        merge.take_while(|payload| {
            if self.is_forwarded {
                collection.add(payload);
            }
            is_all = collection.is_small();
            is_all
        });
        let positions: Vec<_> = merge
            .positions()
            .map(|(ring, end)| (Arc::clone(ring), end))
            .collect();
        if positions
            .iter()
            .all(|(ring, end)| ring.reader.tail() == *end)
        {
            return Ok(Progress::Nothing);
        }
        let (deliveries, learnt) = collection.into_deliveries();
        if self.is_forwarded {
            let committed = positions.iter().map(|(ring, end)| (ring.number, *end));
            self.outbox.commit(deliveries, committed.collect())?;
        }
        self.known_traits.learn(learnt);
        for (ring, end) in &positions {
            ring.reader.acknowledge(*end);
        }
        Ok(match is_all {
            true => Progress::All,
            false => Progress::Some,
        })
    }
}

/// What a collection has read.
enum Progress {
    Nothing,
    /// Not all that there was: it would have been too much at once.
    Some,
    All,
}

/// What the records of one collection become.
struct Collection<'known> {
    analytics: Analytics,
    usage: UsageSums,
    traits: TraitChanges<'known>,
    events: Vec<Delivery>,
    event_bytes: usize,
}

impl<'known> Collection<'known> {
    fn new(known_traits: &'known KnownTraits) -> Self {
        Self {
            analytics: Analytics::default(),
            usage: UsageSums::default(),
            traits: TraitChanges::new(known_traits),
            events: Vec::new(),
            event_bytes: 0,
        }
    }

    fn is_small(&self) -> bool {
        let entries = self.analytics.entries() + self.usage.entries();
        self.event_bytes + self.traits.bytes() < MAX_BYTES && entries < MAX_ENTRIES
    }

    fn add(&mut self, payload: &[u8]) {
        let record = match Record::read(payload) {
            Ok(record) => record,
            // Its checksum is right, so a worker of another release wrote it.
            Err(error) => {
                warn!(
                    "a record of {} bytes cannot be read: {error}",
                    payload.len()
                );
                return;
            }
        };
        let (environment, labels) = (record.environment, record.labels);
        match record.report {
            Report::Counts(counts) => self.analytics.add_counts(environment, labels, &counts),
            Report::Evaluations(evaluations) => {
                self.analytics
                    .add_evaluations(environment, labels, evaluations);
            }
            Report::Traits(changes) => self.traits.add(environment, changes),
            Report::Usage(usage) => self.usage.add(environment, usage),
            Report::Event { content_type, body } => {
                let headers = Headers::new(content_type, labels);
                let event = Delivery::new(Destination::Events, environment, headers, body.to_vec());
                self.event_bytes += event.body.len();
                self.events.push(event);
            }
        }
    }

    fn into_deliveries(self) -> (Vec<Delivery>, HashMap<u64, Option<u64>>) {
        let mut deliveries = self.analytics.into_deliveries();
        deliveries.extend(self.usage.into_deliveries());
        deliveries.extend(self.events);
        let (traits, learnt) = self.traits.into_deliveries();
        deliveries.extend(traits);
        (deliveries, learnt)
    }
}
