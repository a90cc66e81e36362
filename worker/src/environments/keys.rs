//! From a key to the environment that it opens.

use std::collections::HashMap;
use std::hash::BuildHasher;

use contract::{ArchivedIndex, Expiry, key};
use engine::Side;
use foldhash::fast::RandomState;

/// What a key opens in the index.
pub(super) fn find(index: &ArchivedIndex, key: &[u8]) -> Option<Opened> {
    if key::is_server_side(key) {
        let (row, expiry) = index.open_server_side(&key::digest(key))?;
        Some(Opened {
            row,
            side: Side::Server,
            expiry,
        })
    } else {
        let key = std::str::from_utf8(key).ok()?;
        Some(Opened {
            row: index.open_client_side(key)?,
            side: Side::Client,
            expiry: Expiry::NEVER,
        })
    }
}

/// What a key opens.
pub(super) struct Opened {
    pub(super) row: usize,
    pub(super) side: Side,
    /// When it stops opening that.
    pub(super) expiry: Expiry,
}

/// Keys that requests have presented and that open something. A server-side key is digested once.
#[derive(Default)]
pub(super) struct KeyCache {
    keys: HashMap<u64, CachedKey, RandomState>,
    /// Hashes keys, with another seed in each process. A wrong key is compared with a good one only if all 64 bits of
    /// their hashes are equal, so the time of a refusal tells a client nothing about good keys.
    hasher: RandomState,
}

struct CachedKey {
    key: Box<[u8]>,
    target: Target,
}

/// The environment that a key opens.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// The position among the rows that are in use.
    pub(super) position: usize,
    pub(super) side: Side,
    pub(super) expiry: Expiry,
}

impl KeyCache {
    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<Target> {
        let cached = self.keys.get(&self.hasher.hash_one(key))?;
        (*cached.key == *key).then_some(cached.target)
    }

    pub(super) fn insert(&mut self, key: &[u8], target: Target) {
        let cached = CachedKey {
            key: key.into(),
            target,
        };
        self.keys.insert(self.hasher.hash_one(key), cached);
    }
}
