//! Texts and their places: a hash table made to be built once and searched in an archive.
//!
//! Knows nothing of what the texts say. What belongs to a text lies elsewhere, at the same place.

use rkyv::{Archive, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::span::Span;

/// Distinct texts, numbered in the order in which they came. The archive depends on that order alone, so the same
/// document always makes the same bytes. The hash is fast rather than secret: what a request asks for is never added.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Places {
    /// The texts, end to end.
    texts: Vec<u8>,
    /// Where in `texts` each starts; one more for the end of the last.
    bounds: Vec<u32>,
    /// A power of two of them, at most half of them taken; or none.
    buckets: Vec<Bucket>,
}

/// One text's place, or [`NOBODY`]. Found by the low bits of the tag, or in the next free bucket after that.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
struct Bucket {
    /// Half of the text's hash, so that few other texts are ever looked at.
    tag: u32,
    place: u32,
}

const NOBODY: u32 = u32::MAX;

impl Places {
    pub(crate) fn new() -> Places {
        Places {
            texts: Vec::new(),
            bounds: vec![0],
            buckets: Vec::new(),
        }
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The place of `text`, which is added if it is new.
    pub(crate) fn add(&mut self, text: &[u8]) -> u32 {
        if self.buckets.len() < 2 * (self.len() + 1) {
            self.grow();
        }
        let tag = tag(text);
        let mut at = tag as usize & (self.buckets.len() - 1);
        loop {
            let bucket = self.buckets[at];
            if bucket.place == NOBODY {
                break;
            }
            if bucket.tag == tag && self.text(bucket.place) == text {
                return bucket.place;
            }
            at = (at + 1) & (self.buckets.len() - 1);
        }
        let place = length(&self.bounds) - 1;
        self.buckets[at] = Bucket { tag, place };
        self.texts.extend_from_slice(text);
        self.bounds.push(length(&self.texts));
        place
    }

    /// The text of that place.
    pub(crate) fn text(&self, place: u32) -> &[u8] {
        let Span { start, end } = self.span(place);
        &self.texts[start as usize..end as usize]
    }

    /// Where among all texts that of a place is.
    pub(crate) fn span(&self, place: u32) -> Span {
        let place = place as usize;
        Span {
            start: self.bounds[place],
            end: self.bounds[place + 1],
        }
    }

    /// All texts, end to end.
    pub(crate) fn into_texts(self) -> Vec<u8> {
        self.texts
    }

    fn grow(&mut self) {
        let free = Bucket {
            tag: 0,
            place: NOBODY,
        };
        let count = (self.buckets.len() * 2).max(16);
        let old = std::mem::replace(&mut self.buckets, vec![free; count]);
        for bucket in old.into_iter().filter(|bucket| bucket.place != NOBODY) {
            let mut at = bucket.tag as usize & (count - 1);
            while self.buckets[at].place != NOBODY {
                at = (at + 1) & (count - 1);
            }
            self.buckets[at] = bucket;
        }
    }
}

impl ArchivedPlaces {
    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The place of `text`, if it has one.
    #[inline]
    pub(crate) fn get(&self, text: &[u8]) -> Option<u32> {
        let buckets = self.buckets.as_slice();
        let mask = buckets.len().checked_sub(1)?;
        let tag = tag(text);
        let mut at = tag as usize & mask;
        loop {
            let bucket = buckets.get(at)?;
            let place = bucket.place.to_native();
            if place == NOBODY {
                return None;
            }
            if bucket.tag == tag && self.text(place as usize)? == text {
                return Some(place);
            }
            at = (at + 1) & mask;
        }
    }

    /// The text of that place.
    pub(crate) fn text(&self, place: usize) -> Option<&[u8]> {
        let start = self.bounds.get(place)?.to_native() as usize;
        let end = self.bounds.get(place + 1)?.to_native() as usize;
        self.texts.get(start..end)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low half is what a tag is"
)]
fn tag(text: &[u8]) -> u32 {
    xxh3_64(text) as u32
}

/// A collection's length, which is the place of what is pushed next. Archived places have 32 bits, and so has an
/// archive: what outgrows them cannot be archived either.
pub(crate) fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use rkyv::rancor::Error;

    use super::*;

    #[test]
    fn finds_each_text_at_its_place_and_no_other() {
        let text = |number: u32| format!("text {number}").into_bytes();
        let mut places = Places::new();
        for round in 0..2 {
            for number in 0..1000 {
                assert_eq!(places.add(&text(number)), number, "in round {round}");
            }
        }
        assert_eq!(places.len(), 1000);
        let archive = rkyv::to_bytes::<Error>(&places).expect("an archive");
        let archived = rkyv::access::<ArchivedPlaces, Error>(&archive).expect("an archive");
        for number in 0..1000 {
            assert_eq!(archived.get(&text(number)), Some(number));
            assert_eq!(archived.get(&text(number + 1000)), None);
        }
        assert_eq!(archived.get(b""), None);
    }

    #[test]
    fn finds_nothing_where_there_is_nothing() {
        let archive = rkyv::to_bytes::<Error>(&Places::new()).expect("an archive");
        let archived = rkyv::access::<ArchivedPlaces, Error>(&archive).expect("an archive");
        assert_eq!(archived.get(b""), None);
    }
}
