//! The buckets of one identifier, found several at a time.

use crate::archive::ArchivedPlaces;
use crate::bucket::{LANES, digest, digests, remainder, scaled};

/// The buckets of one identifier, each known once it was asked for.
pub(crate) struct Buckets<'r, 's> {
    salts: &'r ArchivedPlaces,
    /// How many of them, the first ones, are of segments.
    segment_salts: usize,
    identifier: &'r str,
    /// By salt, the remainders that buckets are computed from.
    known: &'s mut Vec<Option<u16>>,
}

impl<'r, 's> Buckets<'r, 's> {
    /// No bucket is known. `known` is memory to use.
    pub(crate) fn new(
        salts: &'r ArchivedPlaces,
        segment_salts: usize,
        identifier: &'r str,
        known: &'s mut Vec<Option<u16>>,
    ) -> Buckets<'r, 's> {
        known.clear();
        known.resize(salts.len(), None);
        Buckets {
            salts,
            segment_salts,
            identifier,
            known,
        }
    }

    /// The bucket of the salt of that place and the identifier.
    #[inline]
    pub(crate) fn get(&mut self, salt: u32) -> f64 {
        let salt = salt as usize;
        scaled(match self.known[salt] {
            Some(known) => known,
            None => self.find(salt),
        })
    }

    /// Finds a bucket, and with that of one segment those of others: an identity that needs one often needs more.
    #[cold]
    fn find(&mut self, salt: usize) -> u16 {
        let segments = self.segment_salts;
        let others = (0..segments).filter(|&other| other != salt && self.known[other].is_none());
        let mut together = [salt; LANES];
        let mut count = 1;
        for other in others.take(if salt < segments { LANES - 1 } else { 0 }) {
            together[count] = other;
            count += 1;
        }
        self.find_together(&together[..count]);
        self.known[salt].unwrap_or_default()
    }

    /// Finds as many buckets as there are lanes, or fewer, which takes little longer than one.
    pub(crate) fn find_together(&mut self, salts: &[usize]) {
        let text = |salt| self.salts.text(salt).unwrap_or_default();
        let identifier = self.identifier.as_bytes();
        let Some((&first, others)) = salts.split_first() else {
            return;
        };
        if others.is_empty() {
            let digest = digest(text(first), identifier);
            self.known[first] = Some(remainder(digest, text(first), identifier));
            return;
        }
        let mut places = [first; LANES];
        for (place, other) in places[1..].iter_mut().zip(others) {
            *place = *other;
        }
        let texts = places.map(|salt| (text(salt), identifier));
        for ((salt, (first, second)), digest) in places.into_iter().zip(texts).zip(digests(texts)) {
            self.known[salt] = Some(remainder(digest, first, second));
        }
    }
}
