//! Which environment has which row of the board. Knows neither documents nor upstream.
//!
//! An environment keeps its row for the whole run, and no row is given to another afterwards: whoever still reads by
//! the index before finds there what it expects, or nothing. So removed environments leave holes, and the board has
//! many more rows than there are environments. A restart begins at row 0 again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use contract::{Index, IndexEntry, KeyPair, Rows, key};
use thiserror::Error;

/// The rows of a board have room for this many environments, or for twice those there are at the start.
const LEAST_CAPACITY: usize = 65_536;

/// How many rows a board should have.
pub(crate) fn capacity(environments: usize) -> usize {
    environments.saturating_mul(2).max(LEAST_CAPACITY)
}

/// Every row is taken or was.
#[derive(Debug, Error)]
#[error(
    "there is no room for {added} more environments in this run, in which {given_out} of {capacity} rows were given out: expected fewer, or a restart"
)]
pub struct Full {
    added: usize,
    given_out: usize,
    capacity: usize,
}

/// The environments of a configuration, each in its row.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    seats: BTreeMap<usize, Seat>,
    /// The first row that nobody had so far.
    next: usize,
    capacity: usize,
}

/// One environment.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) pair: KeyPair,
    /// What its snapshots are called.
    pub(crate) file: String,
}

/// A roster, and how it differs from the one before. Whoever is in none of the lists is as before.
#[derive(Debug)]
pub(crate) struct Turnover {
    pub(crate) roster: Roster,
    pub(crate) added: Vec<usize>,
    pub(crate) removed: Vec<usize>,
    /// With one other key, but the same environment.
    pub(crate) rotated: Vec<usize>,
}

impl Roster {
    /// The environments of a start: their rows are their places.
    pub(crate) fn new(pairs: Vec<KeyPair>, capacity: usize) -> Self {
        let next = pairs.len();
        let seats = pairs.into_iter().map(Seat::new).enumerate().collect();
        Self {
            seats,
            next,
            capacity,
        }
    }

    /// The roster of another configuration. An environment is known by its client-side key; by its server-side key
    /// where the client-side key is a new one.
    pub(crate) fn change_to(&self, pairs: Vec<KeyPair>) -> Result<Turnover, Full> {
        let by_client_side_key: HashMap<&str, usize> = self
            .seats
            .iter()
            .map(|(row, seat)| (seat.pair.client_side_key.as_str(), *row))
            .collect();
        let stay: HashSet<usize> = pairs
            .iter()
            .filter_map(|pair| {
                by_client_side_key
                    .get(pair.client_side_key.as_str())
                    .copied()
            })
            .collect();
        let by_server_side_key: HashMap<_, usize> = self
            .seats
            .iter()
            .filter(|(row, _)| !stay.contains(row))
            .map(|(row, seat)| (&seat.pair.server_side_key, *row))
            .collect();
        let (mut added, mut rotated) = (Vec::new(), Vec::new());
        let mut seats = BTreeMap::new();
        let mut next = self.next;
        for pair in pairs {
            let known = by_client_side_key
                .get(pair.client_side_key.as_str())
                .or_else(|| by_server_side_key.get(&pair.server_side_key));
            let Some(row) = known.copied() else {
                added.push(next);
                seats.insert(next, Seat::new(pair));
                next += 1;
                continue;
            };
            let before = &self.seats[&row];
            if pair != before.pair {
                rotated.push(row);
            }
            // The name of the snapshots stays: one lies there by it.
            let file = before.file.clone();
            seats.insert(row, Seat { pair, file });
        }
        if next > self.capacity {
            return Err(Full {
                added: added.len(),
                given_out: self.next,
                capacity: self.capacity,
            });
        }
        let removed = self.seats.keys().filter(|row| !seats.contains_key(row));
        Ok(Turnover {
            added,
            removed: removed.copied().collect(),
            rotated,
            roster: Self {
                seats,
                next,
                capacity: self.capacity,
            },
        })
    }

    /// The environment of a row.
    pub(crate) fn seat(&self, row: usize) -> Option<&Seat> {
        self.seats.get(&row)
    }

    /// The index of all environments but those of the rows `without`.
    pub(crate) fn index(&self, stale_after: Option<Duration>, without: &[usize]) -> Index {
        let without: HashSet<usize> = without.iter().copied().collect();
        let seats = || {
            let seats = self.seats.iter().filter(|(row, _)| !without.contains(row));
            // The board has fewer than 2^32 rows.
            seats.filter_map(|(row, seat)| Some((u32::try_from(*row).ok()?, seat)))
        };
        let client_side_keys: Rows<String> = seats()
            .map(|(row, seat)| (seat.pair.client_side_key.clone(), row))
            .collect();
        let server_side_keys: Rows<[u8; 32]> = seats()
            .map(|(row, seat)| (seat.pair.server_side_key.digest(), row))
            .collect();
        let environments = seats().map(|(row, seat)| IndexEntry {
            name: seat.pair.client_side_key.clone(),
            file: seat.file.clone(),
            row,
        });
        Index {
            environments: environments.collect(),
            client_side_keys,
            server_side_keys,
            stale_after,
        }
    }
}

impl Seat {
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
    use super::*;
    use contract::ServerSideKey;

    fn pairs(keys: &[(&str, &str)]) -> Vec<KeyPair> {
        keys.iter()
            .map(|(client, server)| KeyPair {
                server_side_key: ServerSideKey::new(format!("ser.{server}")),
                client_side_key: (*client).to_owned(),
            })
            .collect()
    }

    /// Added, removed, rotated.
    fn lists(turnover: &Turnover) -> [&[usize]; 3] {
        [&turnover.added, &turnover.removed, &turnover.rotated]
    }

    #[test]
    fn rows_are_kept_for_a_run_and_never_given_out_again() {
        let roster = Roster::new(pairs(&[("a", "1"), ("b", "2"), ("c", "3")]), 100);
        // Another order is no change.
        let same = roster.change_to(pairs(&[("c", "3"), ("a", "1"), ("b", "2")]));
        assert!(same.unwrap().is_empty());

        let without = roster.change_to(pairs(&[("c", "3"), ("d", "4")])).unwrap();
        assert_eq!(lists(&without), [&[3][..], &[0, 1], &[]]);
        assert_eq!(without.roster.seat(2).unwrap().pair.client_side_key, "c");
        let back = without
            .roster
            .change_to(pairs(&[("a", "1"), ("c", "3"), ("d", "4")]))
            .unwrap();
        assert_eq!(lists(&back), [&[4][..], &[], &[]]);
        let index = back.roster.index(None, &[]);
        let rows: Vec<u32> = index.environments.iter().map(|entry| entry.row).collect();
        assert_eq!(rows, [2, 3, 4]);
        let others = back.roster.index(None, &[4]);
        assert_eq!(others.environments.len(), 2);
        assert!(!others.client_side_keys.contains_key("a"));
    }

    #[test]
    fn an_environment_with_one_other_key_is_the_same() {
        let roster = Roster::new(pairs(&[("a", "1"), ("b", "2")]), 100);
        let server_side = roster.change_to(pairs(&[("a", "1"), ("b", "3")])).unwrap();
        assert_eq!(lists(&server_side), [&[][..], &[], &[1]]);
        let index = server_side.roster.index(None, &[]);
        let digest = |key| ServerSideKey::new(key).digest();
        assert_eq!(index.server_side_keys.get(&digest("ser.3")), Some(&1));
        assert_eq!(index.server_side_keys.get(&digest("ser.2")), None);

        let client_side = roster.change_to(pairs(&[("c", "1"), ("b", "2")])).unwrap();
        assert_eq!(lists(&client_side), [&[][..], &[], &[0]]);
        let index = client_side.roster.index(None, &[]);
        assert_eq!(index.client_side_keys.get("c"), Some(&0));
        assert_eq!(index.client_side_keys.get("a"), None);
        // The snapshot that lies there is still this environment's.
        assert_eq!(index.environments[0].name, "c");
        assert_eq!(index.environments[0].file, roster.seat(0).unwrap().file);

        // The client-side key is the name: two that change places do not change rows.
        let crossed = roster.change_to(pairs(&[("a", "2"), ("b", "1")])).unwrap();
        assert_eq!(lists(&crossed), [&[][..], &[], &[0, 1]]);
        assert_eq!(crossed.roster.seat(0).unwrap().pair.client_side_key, "a");
    }

    #[test]
    fn there_is_room_for_twice_the_environments_and_for_65536() {
        assert_eq!(capacity(1), 65_536);
        assert_eq!(capacity(50_000), 100_000);
        let roster = Roster::new(pairs(&[("a", "1")]), 2);
        let full = roster
            .change_to(pairs(&[("b", "2"), ("c", "3")]))
            .unwrap_err();
        assert_eq!(
            full.to_string(),
            "there is no room for 2 more environments in this run, in which 1 of 2 rows were given out: expected fewer, or a restart"
        );
        let full = roster.change_to(pairs(&[("b", "2")])).unwrap().roster;
        assert!(full.change_to(pairs(&[("b", "2"), ("a", "1")])).is_err());
        assert!(full.change_to(pairs(&[("b", "2")])).unwrap().is_empty());
    }
}
