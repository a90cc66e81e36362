//! The records of all rings, one after the other in the order in which they were accepted.
//!
//! A client may send a report to one worker and, when that is answered, a second one to another worker. So that the
//! second is never read before the first, records that were accepted after the merge began are left for the next one.

use std::sync::Arc;

use journal::{Entry, now};
use log::warn;

use super::rings::Ring;

/// Reads rings side by side.
pub(super) struct Merge {
    sources: Vec<Source>,
    /// Later records are left.
    horizon: u64,
}

/// A ring that is read.
struct Source {
    ring: Arc<Ring>,
    /// Behind the records that were taken.
    position: u64,
    head: u64,
    may_grow: bool,
    /// The record at `position`, and its payload.
    next: Option<Entry>,
    payload: Vec<u8>,
}

impl Merge {
    /// Begins at these positions.
    pub(super) fn new(rings: Vec<Arc<Ring>>, position: impl Fn(&Ring) -> u64) -> Self {
        // Before any head is loaded.
        let horizon = now();
        let sources = rings.into_iter().map(|ring| {
            // The heads of rings that nobody appends to any more are final.
            let may_grow = ring.may_grow();
            let mut source = Source {
                position: position(&ring),
                head: ring.reader.head(),
                may_grow,
                next: None,
                payload: Vec::new(),
                ring,
            };
            source.advance();
            source
        });
        Self {
            sources: sources.collect(),
            horizon,
        }
    }

    /// Calls `take` with the payload of each record, until it returns false or there is none left.
    pub(super) fn take_while(&mut self, mut take: impl FnMut(&[u8]) -> bool) {
        let horizon = self.horizon;
        while let Some(source) = self
            .sources
            .iter_mut()
            .filter(|source| source.time(horizon).is_some())
            // Clocks begin again with the machine, so records of earlier runs come first, whatever their time.
            .min_by_key(|source| (source.ring.is_ours, source.time(horizon)))
        {
            let goes_on = take(&source.payload);
            if let Some(entry) = source.next {
                source.position = entry.next;
            }
            source.advance();
            if !goes_on {
                return;
            }
        }
    }

    /// How far each ring was read.
    pub(super) fn positions(&self) -> impl Iterator<Item = (&Arc<Ring>, u64)> {
        self.sources
            .iter()
            .map(|source| (&source.ring, source.position))
    }
}

impl Source {
    /// When the next record was accepted; `None` if there is none to take.
    fn time(&self, horizon: u64) -> Option<u64> {
        let time = self.next?.time;
        (time <= horizon || !self.may_grow).then_some(time)
    }

    fn advance(&mut self) {
        let reader = &self.ring.reader;
        self.next = match reader.read(self.position, self.head, &mut self.payload) {
            Ok(next) => next,
            Err(damage) => {
                warn!(
                    "ring {:016x} is damaged at {}: {} bytes of what clients reported are lost",
                    self.ring.number, self.position, damage.bytes
                );
                self.position = self.head;
                None
            }
        };
    }
}
