//! The bucket of an identity: a number from 0 to 100 that depends on a few texts only.
//!
//! The rule is that of flagsmith-flag-engine: the MD5 of the texts, joined by commas, modulo 9999, divided by 9998,
//! times 100.

mod md5;

use md5::Words;
pub(crate) use md5::{LANES, digest, digests};

/// The bucket of the text `first` and `second`, at least 0 and below 100. The caller puts a comma between them.
pub(crate) fn bucket(first: &[u8], second: &[u8]) -> f64 {
    scaled(remainder(digest(first, second), first, second))
}

/// The bucket for a [`remainder`].
pub(crate) fn scaled(remainder: u16) -> f64 {
    f64::from(remainder) / 9998.0 * 100.0
}

/// The remainder of a text's digest, below 9998. A remainder of 9998 would make a bucket of exactly 100, outside every
/// allocation, so the text is then repeated until there is another one.
#[inline]
pub(crate) fn remainder(digest: Words, first: &[u8], second: &[u8]) -> u16 {
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

/// A digest modulo 9999. The digest is a number of 128 bits whose first byte is the highest.
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
