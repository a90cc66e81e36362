//! The bucket an identity falls into: a number from 0 to 100 that depends on nothing but a few texts.
//!
//! The rule is flagsmith-flag-engine's: MD5 of the comma-joined texts, modulo 9999, over 9998, times 100.

use md5::block_api::compress;
use md5::{Digest, Md5};

/// What MD5 starts from (RFC 1321, 3.3).
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
/// The longest text that MD5 pads into one block.
const ONE_BLOCK: usize = 55;

/// The bucket of the text that is `first` and `second`, at least 0 and below 100. The comma is the caller's.
pub(crate) fn bucket(first: &str, second: &str) -> f64 {
    let (mut bucket, mut remainder) = scaled(digest(first, second));
    let mut repeats = 1;
    // Exactly 100 would fall outside every allocation: the text is repeated until it does not.
    while remainder == 9998 {
        repeats += 1;
        let text = vec![[first, second].concat(); repeats].join(",");
        (bucket, remainder) = scaled(Md5::digest(text).into());
    }
    bucket
}

fn digest(first: &str, second: &str) -> [u8; 16] {
    let length = first.len() + second.len();
    if length > ONE_BLOCK {
        return Md5::new_with_prefix(first)
            .chain_update(second)
            .finalize()
            .into();
    }
    // Nearly every text fits one block, which is quicker filled by hand.
    let mut block = [0; 64];
    block[..first.len()].copy_from_slice(first.as_bytes());
    block[first.len()..length].copy_from_slice(second.as_bytes());
    block[length] = 0x80;
    block[56..].copy_from_slice(&(8 * length as u64).to_le_bytes());
    let mut state = START;
    compress(&mut state, &[block]);
    let mut digest = [0; 16];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

fn scaled(digest: [u8; 16]) -> (f64, u32) {
    let remainder = (u128::from_be_bytes(digest) % 9999) as u32;
    (f64::from(remainder) / 9998.0 * 100.0, remainder)
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
            assert_eq!(bucket(first, second), expected, "{first}{second}");
        }
    }

    #[test]
    fn digests_texts_of_any_length() {
        let text = "0123456789".repeat(20);
        for length in 0..text.len() {
            for first in [0, length / 3, length] {
                let found = digest(&text[..first], &text[first..length]);
                assert_eq!(
                    found[..],
                    Md5::digest(&text[..length])[..],
                    "{first} of {length}"
                );
            }
        }
    }
}
