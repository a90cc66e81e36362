//! MD5 (RFC 1321) of short texts, one or four at once.
//!
//! A digest is a chain of additions, each of which waits for the one before. Vector instructions do each step of four
//! chains together, so four digests take hardly longer than one.

use std::array::from_fn;

use md5::block_api::compress as compress_one;
use md5::{Digest, Md5};
use wide::u32x4;

/// How many texts are digested at once.
pub(crate) const LANES: usize = 4;

/// A digest. The lowest byte of its first word comes first.
pub(crate) type Words = [u32; 4];

const BLOCK: usize = 64;
/// Enough blocks for nearly every identifier.
const MOST_BLOCKS: usize = 2;
/// The fewest bytes that MD5 appends to a text: a one and the length.
const PADDING: usize = 9;

const START: Words = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The integer part of 2^32 times the absolute sine of 1, 2, 3 and so on.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// A text with the bytes that MD5 appends.
type Padded = [[u8; BLOCK]; MOST_BLOCKS];

/// The digest of a text in two parts.
pub(crate) fn digest(first: &[u8], second: &[u8]) -> Words {
    let count = blocks(first.len() + second.len());
    if count > MOST_BLOCKS {
        let digest = Md5::new_with_prefix(first).chain_update(second).finalize();
        let (words, _) = digest.as_slice().as_chunks();
        return from_fn(|number| u32::from_le_bytes(words[number]));
    }
    let mut padded = [[0; BLOCK]; MOST_BLOCKS];
    pad(first, second, &mut padded);
    let mut state = START;
    compress_one(&mut state, &padded[..count]);
    state
}

/// The digests of texts in two parts each.
pub(crate) fn digests(texts: [(&[u8], &[u8]); LANES]) -> [Words; LANES] {
    let counts = texts.map(|(first, second)| blocks(first.len() + second.len()));
    if counts.iter().any(|&count| count > MOST_BLOCKS) {
        return texts.map(|(first, second)| digest(first, second));
    }
    let mut padded = [[[0; BLOCK]; MOST_BLOCKS]; LANES];
    for ((first, second), padded) in texts.into_iter().zip(&mut padded) {
        pad(first, second, padded);
    }
    let mut state = START.map(u32x4::splat);
    compress(&mut state, &words(&padded, 0));
    let mut digests = of_lanes(state);
    if counts.iter().any(|&count| count > 1) {
        compress(&mut state, &words(&padded, 1));
        let longer = of_lanes(state);
        for lane in (0..LANES).filter(|&lane| counts[lane] > 1) {
            digests[lane] = longer[lane];
        }
    }
    digests
}

/// How many blocks a text takes.
fn blocks(length: usize) -> usize {
    (length + PADDING).div_ceil(BLOCK)
}

/// Writes a text that fits into `padded`, which is all zeros.
#[inline]
fn pad(first: &[u8], second: &[u8], padded: &mut Padded) {
    let bytes = padded.as_flattened_mut();
    let length = first.len() + second.len();
    bytes[..first.len()].copy_from_slice(first);
    bytes[first.len()..length].copy_from_slice(second);
    bytes[length] = 0x80;
    let end = blocks(length) * BLOCK;
    bytes[end - 8..end].copy_from_slice(&(8 * length as u64).to_le_bytes());
}

#[inline]
fn of_lanes(state: [u32x4; 4]) -> [Words; LANES] {
    let words = state.map(u32x4::to_array);
    from_fn(|lane| words.map(|words| words[lane]))
}

/// The words of a block of each text.
#[inline]
fn words(padded: &[Padded; LANES], block: usize) -> [u32x4; 16] {
    let word = |lane: usize, number: usize| {
        let (words, _) = padded[lane][block].as_chunks();
        u32::from_le_bytes(words[number])
    };
    from_fn(|number| u32x4::new(from_fn(|lane| word(lane, number))))
}

/// RFC 1321, 3.4.
#[inline(never)]
fn compress(state: &mut [u32x4; 4], words: &[u32x4; 16]) {
    let before = *state;
    let choose = |by: u32x4, one: u32x4, other: u32x4| other ^ (by & (one ^ other));
    let not = |lanes: u32x4| lanes ^ u32x4::MAX;
    round(state, words, 0, [7, 12, 17, 22], |at| at, choose);
    round(
        state,
        words,
        16,
        [5, 9, 14, 20],
        |at| 5 * at + 1,
        |b, c, d| choose(d, b, c),
    );
    round(
        state,
        words,
        32,
        [4, 11, 16, 23],
        |at| 3 * at + 5,
        |b, c, d| b ^ c ^ d,
    );
    round(
        state,
        words,
        48,
        [6, 10, 15, 21],
        |at| 7 * at,
        |b, c, d| c ^ (b | not(d)),
    );
    for (word, before) in state.iter_mut().zip(before) {
        *word += before;
    }
}

/// Sixteen steps. `start` is how many came before; `word` gives the index of the word of each.
#[inline(always)]
fn round(
    state: &mut [u32x4; 4],
    words: &[u32x4; 16],
    start: usize,
    turns: [u32; 4],
    word: impl Fn(usize) -> usize,
    mix: impl Fn(u32x4, u32x4, u32x4) -> u32x4,
) {
    let step = |number: usize, [a, b, c, d]: [u32x4; 4], turn: u32| -> u32x4 {
        let added = words[word(number) % 16] + u32x4::splat(SINES[start + number]);
        let sum = a + mix(b, c, d) + added;
        b + ((sum << turn) | (sum >> (32 - turn)))
    };
    let [mut a, mut b, mut c, mut d] = *state;
    for number in (0..16).step_by(4) {
        a = step(number, [a, b, c, d], turns[0]);
        d = step(number + 1, [d, a, b, c], turns[1]);
        c = step(number + 2, [c, d, a, b], turns[2]);
        b = step(number + 3, [b, c, d, a], turns[3]);
    }
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_as_md5_does() {
        let text = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(5);
        let expected = |text: &str| {
            let digest = Md5::digest(text);
            let (words, _) = digest.as_slice().as_chunks();
            [0, 1, 2, 3].map(|number| u32::from_le_bytes(words[number]))
        };
        for length in 0..text.len() {
            // Four lengths at once, which may take different numbers of blocks.
            let texts = [0, 1, 9, 60].map(|less| &text[less.min(length)..length]);
            let parts = texts.map(|text| text.as_bytes().split_at(text.len() / 3));
            assert_eq!(digests(parts), texts.map(expected), "{length}");
            assert_eq!(
                digest(parts[0].0, parts[0].1),
                expected(texts[0]),
                "{length}"
            );
        }
    }
}
