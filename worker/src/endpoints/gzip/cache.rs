//! Compressed lists of flags, kept for the next identity that is given the same flags. Bounded; what is not asked for
//! again is dropped. Knows nothing of how they are compressed.

use std::collections::HashMap;

use engine::Side;
use flate2::Crc;
use foldhash::fast::RandomState;

/// How many bytes all lists of a worker may take, whatever the number of environments.
const BUDGET: usize = 1024 * 1024;
/// About what a list takes besides its bytes and its key.
const OVERHEAD: usize = 128;

/// A compressed list of flags, with what ends the answer behind it.
pub(crate) struct List {
    /// Deflated data to its end.
    pub(crate) deflated: Box<[u8]>,
    /// Of the bytes before they were deflated.
    pub(crate) checksum: Crc,
}

/// Lists by what tells them apart: generation, side and choices.
///
/// Kept in two halves: when the newer one is full it becomes the older one, and what was not asked for since the last
/// time that happened goes.
#[derive(Default)]
pub(crate) struct Lists {
    newer: Half,
    older: Half,
    /// Of the list that was looked for last.
    key: Vec<u32>,
}

#[derive(Default)]
struct Half {
    lists: HashMap<Box<[u32]>, List, RandomState>,
    bytes: usize,
}

impl Lists {
    /// The list of these choices, as one side sees them in the environment whose file has that generation.
    pub(crate) fn find(&mut self, generation: u64, side: Side, choices: &[u32]) -> Option<&List> {
        let Self { newer, older, key } = self;
        write_key(generation, side, choices, key);
        if !newer.lists.contains_key(key.as_slice()) {
            let (key, list) = older.lists.remove_entry(key.as_slice())?;
            self.insert(key, list);
        }
        self.newer.lists.get(self.key.as_slice())
    }

    /// Keeps the list that was looked for last, and not found.
    pub(crate) fn keep(&mut self, list: List) {
        let key = self.key.as_slice().into();
        self.insert(key, list);
    }

    fn insert(&mut self, key: Box<[u32]>, list: List) {
        let bytes = size_of_val(&*key) + list.deflated.len() + OVERHEAD;
        if bytes > BUDGET / 2 {
            return;
        }
        if self.newer.bytes + bytes > BUDGET / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.bytes += bytes;
        self.newer.lists.insert(key, list);
    }
}

fn write_key(generation: u64, side: Side, choices: &[u32], key: &mut Vec<u32>) {
    key.clear();
    #[expect(clippy::cast_possible_truncation, reason = "the other half follows")]
    key.extend([generation as u32, (generation >> 32) as u32]);
    key.push(match side {
        Side::Client => 0,
        Side::Server => 1,
    });
    key.extend_from_slice(choices);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list that can be told from others by its length.
    fn list(length: usize) -> List {
        List {
            deflated: vec![0; length].into(),
            checksum: Crc::new(),
        }
    }

    fn length(lists: &mut Lists, generation: u64, side: Side, choices: &[u32]) -> Option<usize> {
        let list = lists.find(generation, side, choices)?;
        Some(list.deflated.len())
    }

    #[test]
    fn tells_lists_apart_by_generation_side_and_choices() {
        let mut lists = Lists::default();
        let keys: [(u64, Side, &[u32]); 6] = [
            (1, Side::Client, &[]),
            (1, Side::Server, &[]),
            (1 << 32, Side::Client, &[]),
            (1, Side::Client, &[0]),
            (1, Side::Client, &[0, 0]),
            (2, Side::Client, &[0]),
        ];
        for (place, (generation, side, choices)) in keys.into_iter().enumerate() {
            assert_eq!(length(&mut lists, generation, side, choices), None);
            lists.keep(list(place));
        }
        for (place, (generation, side, choices)) in keys.into_iter().enumerate() {
            let found = length(&mut lists, generation, side, choices);
            assert_eq!(found, Some(place));
        }
    }

    #[test]
    fn keeps_what_is_asked_for_again_within_its_budget() {
        let mut lists = Lists::default();
        let large = BUDGET / 20;
        for number in 0..1000 {
            assert_eq!(length(&mut lists, 1, Side::Client, &[number]), None);
            lists.keep(list(large));
            let favourite = length(&mut lists, 1, Side::Client, &[0]);
            assert_eq!(favourite, Some(large), "after {number}");
            assert!(lists.newer.bytes + lists.older.bytes <= BUDGET);
        }
        let kept = lists.newer.lists.len() + lists.older.lists.len();
        assert!((10..20).contains(&kept), "{kept}");
    }

    #[test]
    fn lets_no_list_push_out_all_others() {
        let mut lists = Lists::default();
        assert_eq!(length(&mut lists, 1, Side::Client, &[1]), None);
        lists.keep(list(10));
        assert_eq!(length(&mut lists, 1, Side::Client, &[2]), None);
        lists.keep(list(BUDGET));
        assert_eq!(length(&mut lists, 1, Side::Client, &[2]), None);
        assert_eq!(length(&mut lists, 1, Side::Client, &[1]), Some(10));
    }
}
