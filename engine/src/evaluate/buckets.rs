//! The buckets of one identifier, found several at a time.

use crate::archive::{ArchivedSaltId, ArchivedSalts};
use crate::bucket::{LANES, digest, digests, remainder, scaled};

/// The buckets of one identifier. Each is computed once.
pub(super) struct Buckets<'r, 's> {
    salts: &'r ArchivedSalts,
    identifier: &'r str,
    /// By salt of segments and contests; `None` until it is needed.
    remainders: &'s mut Vec<Option<u16>>,
}

impl<'r, 's> Buckets<'r, 's> {
    /// Computes nothing yet. `remainders` is memory to use.
    pub(super) fn new(
        salts: &'r ArchivedSalts,
        identifier: &'r str,
        remainders: &'s mut Vec<Option<u16>>,
    ) -> Buckets<'r, 's> {
        remainders.clear();
        remainders.resize(salts.of_contests.to_native() as usize, None);
        Buckets {
            salts,
            identifier,
            remainders,
        }
    }

    /// The bucket of a salt and the identifier.
    #[inline]
    pub(super) fn get(&mut self, salt: &ArchivedSaltId) -> f64 {
        let salt = salt.index();
        scaled(match self.remainders.get(salt) {
            Some(Some(remainder)) => *remainder,
            Some(None) => self.find(salt),
            None => self.compute(salt),
        })
    }

    /// Computes the bucket of an identity override, which no other candidate needs.
    #[cold]
    fn compute(&self, salt: usize) -> u16 {
        let text = self.salts.texts.text(salt).unwrap_or_default();
        let identifier = self.identifier.as_bytes();
        remainder(digest(text, identifier), text, identifier)
    }

    /// Finds a bucket. With one of a segment it finds those of others: an identity that needs one often needs more.
    #[cold]
    fn find(&mut self, salt: usize) -> u16 {
        let segments = self.salts.of_segments.to_native() as usize;
        let others =
            (0..segments).filter(|&other| other != salt && self.remainders[other].is_none());
        let mut together = [salt; LANES];
        let mut count = 1;
        for other in others.take(if salt < segments { LANES - 1 } else { 0 }) {
            together[count] = other;
            count += 1;
        }
        self.find_together(&together[..count]);
        self.remainders[salt].unwrap_or_default()
    }

    /// Finds up to [`LANES`] buckets, which takes little longer than one.
    pub(super) fn find_together(&mut self, salts: &[usize]) {
        let text = |salt| self.salts.texts.text(salt).unwrap_or_default();
        let identifier = self.identifier.as_bytes();
        let Some((&first, others)) = salts.split_first() else {
            return;
        };
        if others.is_empty() {
            let digest = digest(text(first), identifier);
            self.remainders[first] = Some(remainder(digest, text(first), identifier));
            return;
        }
        let mut lanes = [first; LANES];
        for (lane, other) in lanes[1..].iter_mut().zip(others) {
            *lane = *other;
        }
        let texts = lanes.map(|salt| (text(salt), identifier));
        for ((salt, (first, second)), digest) in lanes.into_iter().zip(texts).zip(digests(texts)) {
            self.remainders[salt] = Some(remainder(digest, first, second));
        }
    }
}
