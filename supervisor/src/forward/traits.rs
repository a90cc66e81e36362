//! How traits of identities change, as requests to upstream: only what upstream does not know yet.

use std::collections::HashMap;

use journal::{Change, Labels, TraitChange};
use xxhash_rust::xxh3::Xxh3;

use super::delivery::{Delivery, Destination, Headers, MAX_BODY_BYTES, json};

/// How many traits are remembered at most, in two halves: about 4 MiB.
const REMEMBERED: usize = 1 << 17;

/// What upstream knows, as far as it was told lately: a hash of the value of each trait, by a hash of its name.
pub(super) struct KnownTraits {
    seed: u64,
    newer: HashMap<u64, u64>,
    older: HashMap<u64, u64>,
}

/// Changes of many reports.
pub(super) struct TraitChanges<'known> {
    known: &'known KnownTraits,
    deliveries: Vec<Delivery>,
    environments: HashMap<String, Pending>,
    /// What upstream will know.
    learnt: HashMap<u64, Option<u64>>,
    bytes: usize,
}

/// The traits of one environment that the next request sets, in the order in which they first came.
#[derive(Default)]
struct Pending {
    items: Vec<String>,
    /// Where the trait of this name is in `items`.
    positions: HashMap<u64, usize>,
    bytes: usize,
}

impl KnownTraits {
    pub(super) fn new() -> Self {
        Self {
            seed: fastrand::u64(..),
            newer: HashMap::new(),
            older: HashMap::new(),
        }
    }

    fn get(&self, name: u64) -> Option<u64> {
        self.newer
            .get(&name)
            .or_else(|| self.older.get(&name))
            .copied()
    }

    /// Remembers what upstream will know, or nothing more of a trait.
    pub(super) fn learn(&mut self, learnt: HashMap<u64, Option<u64>>) {
        for (name, value) in learnt {
            self.older.remove(&name);
            match value {
                Some(value) => self.newer.insert(name, value),
                None => self.newer.remove(&name),
            };
            if self.newer.len() >= REMEMBERED / 2 {
                self.older = std::mem::take(&mut self.newer);
            }
        }
    }

    /// Upstream has refused something: it may know nothing of what it was told.
    pub(super) fn forget(&mut self) {
        self.newer.clear();
        self.older.clear();
    }

    fn hash(&self, parts: &[&str]) -> u64 {
        let mut hasher = Xxh3::with_seed(self.seed);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.digest()
    }
}

impl<'known> TraitChanges<'known> {
    pub(super) fn new(known: &'known KnownTraits) -> Self {
        Self {
            known,
            deliveries: Vec::new(),
            environments: HashMap::new(),
            learnt: HashMap::new(),
            bytes: 0,
        }
    }

    /// The bytes that wait to be delivered.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn add(&mut self, environment: &str, changes: Vec<TraitChange<'_>>) {
        for TraitChange {
            identifier,
            key,
            change,
        } in changes
        {
            let name = self.known.hash(&[environment, &identifier, &key]);
            match change {
                Change::Set(value) => {
                    let hash = Some(self.known.hash(&[&value]));
                    let known = self.learnt.get(&name).copied();
                    if known.unwrap_or_else(|| self.known.get(name)) == hash {
                        continue;
                    }
                    self.learnt.insert(name, hash);
                    self.set(environment, name, set_item(&identifier, &key, &value));
                }
                Change::Increment(by) => {
                    self.learnt.insert(name, None);
                    // In its turn: after what was set before.
                    self.flush(environment);
                    let body = increment_body(&identifier, &key, by);
                    self.deliver(Destination::Increment, environment, body);
                }
            }
        }
    }

    /// As requests to upstream, and what it will know when it has taken them.
    pub(super) fn into_deliveries(mut self) -> (Vec<Delivery>, HashMap<u64, Option<u64>>) {
        let environments: Vec<String> = self.environments.keys().cloned().collect();
        for environment in environments {
            self.flush(&environment);
        }
        (self.deliveries, self.learnt)
    }

    fn set(&mut self, environment: &str, name: u64, item: String) {
        if !self.environments.contains_key(environment) {
            let environment = environment.to_owned();
            self.environments.insert(environment, Pending::default());
        }
        let Some(pending) = self.environments.get_mut(environment) else {
            return;
        };
        self.bytes += item.len();
        match pending.positions.get(&name) {
            // The last value counts.
            Some(position) => pending.items[*position] = item,
            None => {
                pending.bytes += item.len() + 1;
                pending.positions.insert(name, pending.items.len());
                pending.items.push(item);
            }
        }
        if pending.bytes > MAX_BODY_BYTES {
            self.flush(environment);
        }
    }

    fn flush(&mut self, environment: &str) {
        let pending = self.environments.remove(environment);
        let Some(pending) = pending.filter(|pending| !pending.items.is_empty()) else {
            return;
        };
        let body = format!("[{}]", pending.items.join(","));
        self.deliver(Destination::Traits, environment, body);
    }

    fn deliver(&mut self, destination: Destination, environment: &str, body: String) {
        self.bytes += body.len();
        let headers = Headers::of_json(Labels::default());
        let body = body.into_bytes();
        let delivery = Delivery::new(destination, environment, headers, body);
        self.deliveries.push(delivery);
    }
}

fn set_item(identifier: &str, key: &str, value: &str) -> String {
    let (identifier, key) = (json(identifier), json(key));
    format!(
        r#"{{"identity":{{"identifier":{identifier}}},"trait_key":{key},"trait_value":{value}}}"#
    )
}

fn increment_body(identifier: &str, key: &str, by: i64) -> String {
    let (identifier, key) = (json(identifier), json(key));
    format!(r#"{{"identifier":{identifier},"trait_key":{key},"increment_by":{by}}}"#)
}
