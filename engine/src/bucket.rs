//! The bucket an identity falls into: a number from 0 to 100 that depends on nothing but a few texts.
//!
//! The rule is flagsmith-flag-engine's: MD5 of the comma-joined texts, modulo 9999, over 9998, times 100.

use md5::{Digest, Md5};

/// The bucket of `first` and `second`, at least 0 and below 100.
pub(crate) fn bucket(first: &str, second: &str) -> f64 {
    let mut repeats = 1;
    loop {
        let mut digest = Md5::new();
        for repeat in 0..repeats {
            if repeat > 0 {
                digest.update(b",");
            }
            digest.update(first);
            digest.update(b",");
            digest.update(second);
        }
        let number = u128::from_be_bytes(digest.finalize().into());
        let remainder = (number % 9999) as u32;
        let bucket = f64::from(remainder) / 9998.0 * 100.0;
        if remainder < 9998 {
            return bucket;
        }
        // Exactly 100 would fall outside every allocation: the texts are repeated until it does not.
        repeats += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::bucket;

    /// Vectors printed by flagsmith-flag-engine 10.1.0.
    #[test]
    fn gives_the_official_buckets() {
        for (first, second, expected) in [
            ("1", "2", 26.59531906381276),
            ("105", "client-key_u0", 71.18423684736948),
            ("9", "1.5", 99.14982996599319),
            ("9", "True", 72.47449489897978),
            ("9", "é", 16.353270654130824),
            ("1001", "ek_i153", 52.23044608921784),
            ("1001", "ek_j4227", 0.0),
            ("9", "ek_k2171", 25.375075015003002),
        ] {
            assert_eq!(bucket(first, second), expected, "{first},{second}");
        }
    }
}
