//! The bucket an identity falls into: a number from 0 to 100 that depends on nothing but a few texts.
//!
//! The rule is flagsmith-flag-engine's: MD5 of the comma-joined texts, modulo 9999, over 9998, times 100.

use crate::environment::ArchivedEnvironment;
use crate::md5_lanes::{LANES, Words, digest, digests};

/// The bucket of the text that is `first` and `second`, at least 0 and below 100. A comma between is the caller's.
pub(crate) fn bucket(first: &[u8], second: &[u8]) -> f64 {
    scaled(remainder(digest(first, second), first, second))
}

/// The buckets of one identifier, each known once it was asked for.
pub(crate) struct Buckets<'r, 's> {
    environment: &'r ArchivedEnvironment,
    identifier: &'r str,
    /// By salt, the remainders that buckets are computed from.
    known: &'s mut Vec<Option<u16>>,
}

impl<'r, 's> Buckets<'r, 's> {
    /// No bucket is known. `known` is memory to use.
    pub(crate) fn new(
        environment: &'r ArchivedEnvironment,
        identifier: &'r str,
        known: &'s mut Vec<Option<u16>>,
    ) -> Buckets<'r, 's> {
        known.clear();
        known.resize(environment.salts.len(), None);
        Buckets {
            environment,
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
        let segments = self.environment.segment_salts.to_native() as usize;
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
        let text = |salt| self.environment.salts.text(salt).unwrap_or_default();
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

/// The bucket of a remainder.
fn scaled(remainder: u16) -> f64 {
    f64::from(remainder) / 9998.0 * 100.0
}

/// What is left of a text's digest, below 9998: that would make exactly 100 and fall outside every allocation, so the
/// text is then repeated until it does not.
#[inline]
fn remainder(digest: Words, first: &[u8], second: &[u8]) -> u16 {
    match modulo(digest) {
        9998 => of_repeats(first, second),
        remainder => remainder,
    }
}

#[cold]
fn of_repeats(first: &[u8], second: &[u8]) -> u16 {
    let text = [first, second].concat();
    let mut repeated = text.clone();
    loop {
        repeated.push(b',');
        repeated.extend_from_slice(&text);
        match modulo(digest(&repeated, b"")) {
            9998 => {}
            remainder => return remainder,
        }
    }
}

/// A digest modulo 9999. Its bytes are one number of 128 bits, the first byte the highest.
fn modulo(digest: Words) -> u16 {
    let words = digest.map(|word| u64::from(word.swap_bytes()));
    let remainder = words
        .into_iter()
        .fold(0, |high, word| (high << 32 | word) % 9999);
    u16::try_from(remainder).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors printed by flagsmith-flag-engine 10.1.0.
    #[test]
    fn gives_the_official_buckets() {
        for (first, second, expected) in [
            ("1,", "2", 26.59531906381276),
            ("105,", "client-key_u0", 71.18423684736948),
            ("9,", "1.5", 99.14982996599319),
            ("9,", "True", 72.47449489897978),
            ("9,", "é", 16.353270654130824),
            ("1001,", "ek_i153", 52.23044608921784),
            ("1001,", "ek_j4227", 0.0),
            ("9,", "ek_k2171", 25.375075015003002),
        ] {
            assert_eq!(
                bucket(first.as_bytes(), second.as_bytes()),
                expected,
                "{first}{second}"
            );
        }
    }
}
