//! A bounded cache of compressed lists of flags, for the next identity that gets the same flags.
//!
//! The crate `quick_cache` would leave most of it here: the weight of a list, the composed key, its look-up without
//! allocation. So it is not used.

use std::collections::HashMap;

use engine::Side;
use flate2::Crc;
use foldhash::fast::RandomState;

/// How many bytes the lists of a worker may take, whatever the number of environments.
const BUDGET: usize = 1024 * 1024;
/// About what a list takes besides its bytes and its key.
const OVERHEAD: usize = 128;

/// A compressed list of flags and the end of the answer.
pub(super) struct Deflated {
    /// Deflated data to its end.
    pub(super) deflated: Box<[u8]>,
    /// The checksum of the bytes before they were deflated.
    pub(super) checksum: Crc,
}

/// Compressed lists by generation, side and choices.
///
/// There are two halves. When the newer half is full, it becomes the older one, and lists that no request has needed
/// since the last time are dropped.
#[derive(Default)]
pub(super) struct Cache {
    newer: Half,
    older: Half,
    /// The key of the last look-up.
    key: Vec<u32>,
}

#[derive(Default)]
struct Half {
    lists: HashMap<Box<[u32]>, Deflated, RandomState>,
    bytes: usize,
}

impl Cache {
    /// The list of these choices, for one side of the environment whose snapshot has that generation.
    pub(super) fn find(
        &mut self,
        generation: u64,
        side: Side,
        choices: &[u32],
    ) -> Option<&Deflated> {
        let Self { newer, older, key } = self;
        write_key(generation, side, choices, key);
        if !newer.lists.contains_key(key.as_slice()) {
            let (key, list) = older.lists.remove_entry(key.as_slice())?;
            self.insert(key, list);
        }
        self.newer.lists.get(self.key.as_slice())
    }

    /// Adds the list that the last look-up did not find.
    pub(super) fn insert_missed(&mut self, list: Deflated) {
        let key = self.key.as_slice().into();
        self.insert(key, list);
    }

    fn insert(&mut self, key: Box<[u32]>, list: Deflated) {
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

    /// A list that is told apart by its length.
    fn list(length: usize) -> Deflated {
        Deflated {
            deflated: vec![0; length].into(),
            checksum: Crc::new(),
        }
    }

    fn length(cache: &mut Cache, generation: u64, side: Side, choices: &[u32]) -> Option<usize> {
        let list = cache.find(generation, side, choices)?;
        Some(list.deflated.len())
    }

    #[test]
    fn lists_are_told_apart_by_generation_side_and_choices() {
        let mut cache = Cache::default();
        let keys: [(u64, Side, &[u32]); 6] = [
            (1, Side::Client, &[]),
            (1, Side::Server, &[]),
            (1 << 32, Side::Client, &[]),
            (1, Side::Client, &[0]),
            (1, Side::Client, &[0, 0]),
            (2, Side::Client, &[0]),
        ];
        for (position, (generation, side, choices)) in keys.into_iter().enumerate() {
            assert_eq!(length(&mut cache, generation, side, choices), None);
            cache.insert_missed(list(position));
        }
        for (position, (generation, side, choices)) in keys.into_iter().enumerate() {
            let found = length(&mut cache, generation, side, choices);
            assert_eq!(found, Some(position));
        }
    }

    #[test]
    fn keeps_lists_that_are_asked_for_again_within_its_budget() {
        let mut cache = Cache::default();
        let large = BUDGET / 20;
        for number in 0..1000 {
            assert_eq!(length(&mut cache, 1, Side::Client, &[number]), None);
            cache.insert_missed(list(large));
            let favourite = length(&mut cache, 1, Side::Client, &[0]);
            assert_eq!(favourite, Some(large), "after {number}");
            assert!(cache.newer.bytes + cache.older.bytes <= BUDGET);
        }
        let kept = cache.newer.lists.len() + cache.older.lists.len();
        assert!((10..20).contains(&kept), "{kept}");
    }

    #[test]
    fn one_large_list_does_not_push_out_all_others() {
        let mut cache = Cache::default();
        assert_eq!(length(&mut cache, 1, Side::Client, &[1]), None);
        cache.insert_missed(list(10));
        assert_eq!(length(&mut cache, 1, Side::Client, &[2]), None);
        cache.insert_missed(list(BUDGET));
        assert_eq!(length(&mut cache, 1, Side::Client, &[2]), None);
        assert_eq!(length(&mut cache, 1, Side::Client, &[1]), Some(10));
    }
}
