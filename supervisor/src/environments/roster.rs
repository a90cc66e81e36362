//! Which environment has which row of the board.
//!
//! An environment keeps its row for the whole run, and its row is never given to another one: a worker that still uses
//! the previous index finds the same environment there, or nothing. Removed environments therefore leave holes, and the
//! board has many more rows than there are environments. A restart begins at row 0 again.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::{ByKey, Index, IndexEntry, KeyPair, Readiness, ServerSideRow, key};
use thiserror::Error;

/// A board has at least so many rows: of 136 bytes each, about a mebibyte.
const MIN_ROWS: usize = 8_192;

/// The number of rows for a board that starts with so many environments: four times as many, or [`MIN_ROWS`].
pub(crate) fn capacity(environments: usize) -> usize {
    environments.saturating_mul(4).max(MIN_ROWS)
}

/// A run has used all rows of its board.
#[derive(Debug, Error)]
#[error(
    "cannot add {added} environments: this run has used {used} of its {capacity} rows; restart to add more"
)]
pub struct Full {
    added: usize,
    used: usize,
    capacity: usize,
}

/// The environments of a configuration and their rows.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    entries: BTreeMap<usize, Entry>,
    /// The first row that was never used.
    next: usize,
    capacity: usize,
}

/// One environment.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) pair: KeyPair,
    /// The name of its snapshots.
    pub(crate) file: String,
}

/// A roster, and how it differs from the previous one. Environments in none of the lists are the same.
#[derive(Debug)]
pub(crate) struct Turnover {
    pub(crate) roster: Roster,
    pub(crate) added: Vec<usize>,
    pub(crate) removed: Vec<usize>,
    /// These have another key than before.
    pub(crate) rotated: Vec<usize>,
}

impl Roster {
    /// The environments at the start, whose rows are their indices.
    pub(crate) fn new(pairs: Vec<KeyPair>, capacity: usize) -> Self {
        let next = pairs.len();
        let entries = pairs.into_iter().map(Entry::new).enumerate().collect();
        Self {
            entries,
            next,
            capacity,
        }
    }

    /// The roster of another configuration. An environment is recognised by its client-side key; one with a new
    /// client-side key is recognised by its server-side key.
    pub(crate) fn change_to(&self, pairs: Vec<KeyPair>) -> Result<Turnover, Full> {
        let by_client_side_key: HashMap<&str, usize> = self
            .entries
            .iter()
            .map(|(row, entry)| (entry.pair.client_side_key.as_str(), *row))
            .collect();
        let stay: HashSet<usize> = pairs
            .iter()
            .filter_map(|pair| {
                by_client_side_key
                    .get(pair.client_side_key.as_str())
                    .copied()
            })
            .collect();
        let by_server_side_key: HashMap<[u8; 32], usize> = self
            .entries
            .iter()
            .filter(|(row, _)| !stay.contains(row))
            .flat_map(|(row, entry)| {
                let keys = entry.pair.server_side_keys.iter();
                keys.map(|key| (key.digest(), *row))
            })
            .collect();
        let (mut added, mut rotated) = (Vec::new(), Vec::new());
        let mut entries = BTreeMap::new();
        let mut next = self.next;
        for pair in pairs {
            let known = by_client_side_key.get(pair.client_side_key.as_str());
            // Several pairs may have one server-side key. The first of them is the environment that had it.
            let by_server_side_key = || {
                let mut keys = pair.server_side_keys.iter();
                let row = keys.find_map(|key| by_server_side_key.get(&key.digest()))?;
                (!entries.contains_key(row)).then_some(*row)
            };
            let Some(row) = known.copied().or_else(by_server_side_key) else {
                added.push(next);
                entries.insert(next, Entry::new(pair));
                next += 1;
                continue;
            };
            let previous = &self.entries[&row];
            if pair != previous.pair {
                rotated.push(row);
            }
            // A snapshot of this name exists, so the name stays.
            let file = previous.file.clone();
            entries.insert(row, Entry { pair, file });
        }
        if next > self.capacity {
            return Err(Full {
                added: added.len(),
                used: self.next,
                capacity: self.capacity,
            });
        }
        let removed = self.entries.keys().filter(|row| !entries.contains_key(row));
        Ok(Turnover {
            added,
            removed: removed.copied().collect(),
            rotated,
            roster: Self {
                entries,
                next,
                capacity: self.capacity,
            },
        })
    }

    /// How many environments there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The environment of a row.
    pub(crate) fn entry(&self, row: usize) -> Option<&Entry> {
        self.entries.get(&row)
    }

    /// The index of all environments except those of the rows `without`.
    pub(crate) fn index(&self, readiness: Readiness, without: &[usize]) -> Index {
        let without: HashSet<usize> = without.iter().copied().collect();
        let entries = || {
            let entries = self
                .entries
                .iter()
                .filter(|(row, _)| !without.contains(row));
            // A board has fewer than 2^32 rows.
            entries.filter_map(|(row, entry)| Some((u32::try_from(*row).ok()?, entry)))
        };
        let client_side_keys: ByKey<String, u32> = entries()
            .map(|(row, entry)| (entry.pair.client_side_key.clone(), row))
            .collect();
        let mut server_side_keys = ByKey::<[u8; 32], ServerSideRow>::default();
        for (row, entry) in entries() {
            for key in &entry.pair.server_side_keys {
                let expiry = key.expiry();
                let opens = ServerSideRow { row, expiry };
                // Pairs with the same key have the same document, so any of them will do: the one that stays longest.
                let longest = server_side_keys.entry(key.digest()).or_insert(opens);
                if longest.expiry < expiry {
                    *longest = opens;
                }
            }
        }
        let environments = entries().map(|(row, entry)| IndexEntry {
            name: entry.pair.client_side_key.clone(),
            file: entry.file.clone(),
            row,
        });
        Index {
            environments: environments.collect(),
            client_side_keys,
            server_side_keys,
            readiness,
        }
    }
}

impl Entry {
    fn new(pair: KeyPair) -> Self {
        let file = key::file_name(&pair.client_side_key);
        Self { pair, file }
    }
}

impl Turnover {
    /// Whether anything differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.rotated.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use contract::{Expiry, ServerSideKey};

    use super::*;

    fn pairs(keys: &[(&str, &str)]) -> Vec<KeyPair> {
        keys.iter()
            .map(|(client, server)| {
                let key = ServerSideKey::new(format!("ser.{server}"));
                KeyPair::new(*client, [key])
            })
            .collect()
    }

    /// Added, removed, rotated.
    fn lists(turnover: &Turnover) -> [&[usize]; 3] {
        [&turnover.added, &turnover.removed, &turnover.rotated]
    }

    #[test]
    fn rows_are_kept_for_a_run_and_never_used_again() {
        let roster = Roster::new(pairs(&[("a", "1"), ("b", "2"), ("c", "3")]), 100);
        // Another order is no change.
        let same = roster.change_to(pairs(&[("c", "3"), ("a", "1"), ("b", "2")]));
        assert!(same.unwrap().is_empty());

        let without = roster.change_to(pairs(&[("c", "3"), ("d", "4")])).unwrap();
        assert_eq!(lists(&without), [&[3][..], &[0, 1], &[]]);
        assert_eq!(without.roster.entry(2).unwrap().pair.client_side_key, "c");
        let back = without
            .roster
            .change_to(pairs(&[("a", "1"), ("c", "3"), ("d", "4")]))
            .unwrap();
        assert_eq!(lists(&back), [&[4][..], &[], &[]]);
        let index = back.roster.index(Readiness::default(), &[]);
        let rows: Vec<u32> = index.environments.iter().map(|entry| entry.row).collect();
        assert_eq!(rows, [2, 3, 4]);
        let others = back.roster.index(Readiness::default(), &[4]);
        assert_eq!(others.environments.len(), 2);
        assert!(!others.client_side_keys.contains_key("a"));
    }

    #[test]
    fn an_environment_with_one_other_key_is_the_same() {
        let roster = Roster::new(pairs(&[("a", "1"), ("b", "2")]), 100);
        let server_side = roster.change_to(pairs(&[("a", "1"), ("b", "3")])).unwrap();
        assert_eq!(lists(&server_side), [&[][..], &[], &[1]]);
        let index = server_side.roster.index(Readiness::default(), &[]);
        let row = |key| {
            index
                .server_side_keys
                .get(&ServerSideKey::new(key).digest())
        };
        assert_eq!(row("ser.3").map(|opens| opens.row), Some(1));
        assert_eq!(row("ser.2"), None);

        let client_side = roster.change_to(pairs(&[("c", "1"), ("b", "2")])).unwrap();
        assert_eq!(lists(&client_side), [&[][..], &[], &[0]]);
        let index = client_side.roster.index(Readiness::default(), &[]);
        assert_eq!(index.client_side_keys.get("c"), Some(&0));
        assert_eq!(index.client_side_keys.get("a"), None);
        // The snapshot that lies there is still this environment's.
        assert_eq!(index.environments[0].name, "c");
        assert_eq!(index.environments[0].file, roster.entry(0).unwrap().file);

        // The client-side key is the name: two that change places do not change rows.
        let crossed = roster.change_to(pairs(&[("a", "2"), ("b", "1")])).unwrap();
        assert_eq!(lists(&crossed), [&[][..], &[], &[0, 1]]);
        assert_eq!(crossed.roster.entry(0).unwrap().pair.client_side_key, "a");
    }

    #[test]
    fn older_keys_open_an_environment_and_are_recognised() {
        let key = ServerSideKey::new;
        let mut both = pairs(&[("a", "2")]);
        both[0].server_side_keys.push(key("ser.1"));
        let roster = Roster::new(pairs(&[("a", "1")]), 100);
        let with_both = roster.change_to(both).unwrap();
        assert_eq!(lists(&with_both), [&[][..], &[], &[0]]);
        let index = with_both.roster.index(Readiness::default(), &[]);
        for server_side_key in ["ser.1", "ser.2"] {
            let opens = index.server_side_keys.get(&key(server_side_key).digest());
            assert_eq!(opens.map(|opens| opens.row), Some(0));
        }
        let renamed = with_both.roster.change_to(pairs(&[("b", "1")])).unwrap();
        assert_eq!(lists(&renamed), [&[][..], &[], &[0]]);
    }

    #[test]
    fn two_environments_may_have_one_server_side_key() {
        let roster = Roster::new(pairs(&[("a", "1")]), 100);
        let two = roster.change_to(pairs(&[("b", "1"), ("c", "1")])).unwrap();
        assert_eq!(lists(&two), [&[1][..], &[], &[0]]);
        let index = two.roster.index(Readiness::default(), &[]);
        assert_eq!(index.environments.len(), 2);
        assert_eq!(index.server_side_keys.len(), 1);
    }

    #[test]
    fn another_expiry_is_another_key_pair_and_the_longest_one_counts() {
        let until = |seconds| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            ServerSideKey::until("ser.1", Expiry::at(at))
        };
        let roster = Roster::new(vec![KeyPair::new("a", [until(1)])], 100);
        let longer = vec![KeyPair::new("a", [until(2)]), KeyPair::new("b", [until(3)])];
        let longer = roster.change_to(longer).unwrap();
        assert_eq!(lists(&longer), [&[1][..], &[], &[0]]);
        let index = longer.roster.index(Readiness::default(), &[]);
        let opens = index.server_side_keys[&until(0).digest()];
        assert_eq!((opens.row, opens.expiry), (1, until(3).expiry()));
        let none = roster.change_to(vec![KeyPair::new("a", [])]).unwrap();
        assert_eq!(lists(&none), [&[][..], &[], &[0]]);
        assert!(
            none.roster
                .index(Readiness::default(), &[])
                .server_side_keys
                .is_empty()
        );
    }

    #[test]
    fn there_is_room_for_four_times_the_environments_and_for_8192() {
        assert_eq!(capacity(1), 8_192);
        assert_eq!(capacity(10_000), 40_000);
        let roster = Roster::new(pairs(&[("a", "1")]), 2);
        let full = roster
            .change_to(pairs(&[("b", "2"), ("c", "3")]))
            .unwrap_err();
        assert_eq!(
            full.to_string(),
            "cannot add 2 environments: this run has used 1 of its 2 rows; restart to add more"
        );
        let full = roster.change_to(pairs(&[("b", "2")])).unwrap().roster;
        assert!(full.change_to(pairs(&[("b", "2"), ("a", "1")])).is_err());
        assert!(full.change_to(pairs(&[("b", "2")])).unwrap().is_empty());
    }
}
