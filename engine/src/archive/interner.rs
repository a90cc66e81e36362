//! An interner: distinct texts and their numbers, as a hash table that is built once and searched in its archive.
//!
//! rkyv's `ArchivedIndexSet` could take its place for all texts but the pieces, which have to lie end to end. It was
//! measured: an answer takes 2 % (demonstration) to 8 % (small profile) more instructions with it.

use rkyv::{Archive, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::span::{Span, length};

/// Distinct texts, numbered in the order in which they came. The archive depends on that order alone, so the same
/// document always makes the same bytes. The hash is not a keyed one: texts come from documents, never from requests.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Interner {
    /// The texts, end to end.
    texts: Vec<u8>,
    /// The start of each text in `texts`, and the end of the last one.
    bounds: Vec<u32>,
    /// None, or a power of two of them, of which at most half are taken.
    entries: Vec<Entry>,
}

/// One text of the hash table. It is at the index that the low bits of its tag give, or at the next free one after it.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
struct Entry {
    /// Half of the hash of the text. Texts are compared only when it is equal.
    tag: u32,
    /// The number of the text, or [`FREE`].
    number: u32,
}

const FREE: u32 = u32::MAX;

impl Interner {
    pub(crate) fn new() -> Interner {
        Interner {
            texts: Vec::new(),
            bounds: vec![0],
            entries: Vec::new(),
        }
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The number of `text`, if it is one of them.
    pub(crate) fn get(&self, text: &[u8]) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = self.entries[self.find(tag(text), text)];
        (entry.number != FREE).then_some(entry.number as usize)
    }

    /// The number of `text`, which is added if it is new.
    pub(crate) fn intern(&mut self, text: &[u8]) -> usize {
        if self.entries.len() < 2 * (self.len() + 1) {
            self.grow();
        }
        let tag = tag(text);
        let at = self.find(tag, text);
        if self.entries[at].number == FREE {
            let number = length(&self.bounds) - 1;
            self.entries[at] = Entry { tag, number };
            self.texts.extend_from_slice(text);
            self.bounds.push(length(&self.texts));
        }
        self.entries[at].number as usize
    }

    /// The index of the entry of `text`, or of the free one where it belongs. There are entries.
    fn find(&self, tag: u32, text: &[u8]) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let entry = self.entries[at];
            if entry.number == FREE
                || (entry.tag == tag && self.text(entry.number as usize) == text)
            {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    /// The text of that number.
    pub(crate) fn text(&self, number: usize) -> &[u8] {
        let Span { start, end } = self.span(number);
        &self.texts[start as usize..end as usize]
    }

    /// The range of [`into_texts`](Self::into_texts) that holds the text of that number.
    pub(crate) fn span(&self, number: usize) -> Span {
        Span {
            start: self.bounds[number],
            end: self.bounds[number + 1],
        }
    }

    /// All texts, end to end.
    pub(crate) fn into_texts(self) -> Vec<u8> {
        self.texts
    }

    fn grow(&mut self) {
        let free = Entry {
            tag: 0,
            number: FREE,
        };
        let count = (self.entries.len() * 2).max(16);
        let old = std::mem::replace(&mut self.entries, vec![free; count]);
        for entry in old.into_iter().filter(|entry| entry.number != FREE) {
            let mut at = entry.tag as usize & (count - 1);
            while self.entries[at].number != FREE {
                at = (at + 1) & (count - 1);
            }
            self.entries[at] = entry;
        }
    }
}

impl ArchivedInterner {
    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The number of `text`, if it is one of them.
    #[inline]
    pub(crate) fn get(&self, text: &[u8]) -> Option<usize> {
        let entries = self.entries.as_slice();
        let mask = entries.len().checked_sub(1)?;
        let tag = tag(text);
        let mut at = tag as usize & mask;
        loop {
            let entry = entries.get(at)?;
            let number = entry.number.to_native();
            if number == FREE {
                return None;
            }
            let number = number as usize;
            if entry.tag == tag && self.text(number)? == text {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// The text of that number.
    pub(crate) fn text(&self, number: usize) -> Option<&[u8]> {
        let start = self.bounds.get(number)?.to_native() as usize;
        let end = self.bounds.get(number + 1)?.to_native() as usize;
        self.texts.get(start..end)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a tag is the low half of a hash"
)]
fn tag(text: &[u8]) -> u32 {
    xxh3_64(text) as u32
}

#[cfg(test)]
mod tests {
    use rkyv::rancor::Error;

    use super::*;

    #[test]
    fn finds_each_text_by_its_number_and_no_other() {
        let text = |number: usize| format!("text {number}").into_bytes();
        let mut interner = Interner::new();
        for round in 0..2 {
            for number in 0..1000 {
                let found = interner.intern(&text(number));
                assert_eq!(found, number, "in round {round}");
            }
        }
        assert_eq!(interner.len(), 1000);
        let archive = rkyv::to_bytes::<Error>(&interner).expect("an archive");
        let archived = rkyv::access::<ArchivedInterner, Error>(&archive).expect("an archive");
        for number in 0..1000 {
            assert_eq!(archived.get(&text(number)), Some(number));
            assert_eq!(archived.get(&text(number + 1000)), None);
        }
        assert_eq!(archived.get(b""), None);
    }

    #[test]
    fn finds_nothing_when_it_is_empty() {
        let archive = rkyv::to_bytes::<Error>(&Interner::new()).expect("an archive");
        let archived = rkyv::access::<ArchivedInterner, Error>(&archive).expect("an archive");
        assert_eq!(archived.get(b""), None);
    }
}
