//! A record as words: its length and checksum in the first word, its time in the second, then its payload.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::layout::Ring;

/// The words before the payload.
const HEADER: u64 = 2;

/// The words that a payload of so many bytes takes, with its header.
pub(crate) fn words(payload_bytes: usize) -> u64 {
    HEADER + payload_bytes.div_ceil(size_of::<u64>()) as u64
}

/// Writes a frame at a position. There must be room for it.
pub(crate) fn write(ring: &Ring, position: u64, time: u64, payload: &[u8]) {
    let length = payload.len() as u64;
    let first = length << 32 | u64::from(checksum(position, time, payload));
    let (end, begin) = ring.from(position);
    let mut words = end.iter().chain(begin);
    let mut store = |value: u64| {
        if let Some(word) = words.next() {
            word.store(value, Relaxed);
        }
    };
    store(first);
    store(time);
    // In most cases all of the payload is before the end of the ring, where it is stored without asking for each word.
    let body = usize::try_from(words_of(payload)).unwrap_or(usize::MAX);
    match end.get(2..2 + body) {
        Some(words) => store_all(words, payload),
        None => chunks(payload).for_each(store),
    }
}

/// What is at a position.
pub(crate) struct Frame {
    /// When the record was appended.
    pub(crate) time: u64,
    /// The position behind it.
    pub(crate) next: u64,
}

/// Reads the frame at a position into `payload`; `None` if there is no whole one that ends at `head` or before.
pub(crate) fn read(ring: &Ring, position: u64, head: u64, payload: &mut Vec<u8>) -> Option<Frame> {
    let (end, begin) = ring.from(position);
    let mut words = end.iter().chain(begin).map(|word| word.load(Relaxed));
    let (first, time) = (words.next()?, words.next()?);
    let (length, expected) = (usize::try_from(first >> 32).ok()?, first as u32);
    let next = position.checked_add(self::words(length))?;
    if next > head {
        return None;
    }
    payload.clear();
    payload.reserve(length.next_multiple_of(size_of::<u64>()));
    let count = length.div_ceil(size_of::<u64>());
    words
        .take(count)
        .for_each(|word| payload.extend_from_slice(&word.to_le_bytes()));
    payload.truncate(length);
    (checksum(position, time, payload) == expected).then_some(Frame { time, next })
}

/// Of everything that a frame consists of, and of its place.
fn checksum(position: u64, time: u64, payload: &[u8]) -> u32 {
    xxh3_64_with_seed(payload, position.rotate_left(32) ^ time) as u32
}

fn words_of(payload: &[u8]) -> u64 {
    words(payload.len()) - HEADER
}

fn chunks(payload: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = payload.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let last = (!rest.is_empty()).then_some(last);
    whole.iter().copied().chain(last).map(u64::from_le_bytes)
}

fn store_all(words: &[AtomicU64], payload: &[u8]) {
    let (whole, rest) = payload.as_chunks::<8>();
    for (word, chunk) in words.iter().zip(whole) {
        word.store(u64::from_le_bytes(*chunk), Relaxed);
    }
    if let (false, Some(word)) = (rest.is_empty(), words.last()) {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        word.store(u64::from_le_bytes(last), Relaxed);
    }
}
