//! What is served: which key opens which environment, and what its snapshots are called.
//!
//! Knows nothing of files, nor of what changes without the configuration: which snapshot is current is for the
//! board to say.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use rkyv::{Archive, Serialize};

/// Every environment and every key, made to be looked up in place.
#[derive(Archive, Serialize, Debug, Default)]
pub struct Index {
    /// The environments, by their rows, lowest first. Rows between them are nobody's.
    pub environments: Vec<IndexEntry>,
    /// Each client-side key's row.
    pub client_side_keys: Rows<String>,
    /// Each server-side key's row. A key is known by its SHA-256 alone: it is never written anywhere.
    pub server_side_keys: Rows<[u8; 32]>,
    /// Age of the oldest successful fetch from which what is served is stale, in milliseconds; `None` for never.
    pub stale_after: Option<u64>,
}

/// What opens a row. Its archive depends on its entries alone.
pub type Rows<Key> = HashMap<Key, u32, BuildHasherDefault<DefaultHasher>>;

/// One environment.
#[derive(Archive, Serialize, Debug)]
pub struct IndexEntry {
    /// Its client-side key, which is also its name in logs.
    pub name: String,
    /// The name of its snapshots.
    pub file: String,
    /// Its row of the board, as long as it is configured.
    pub row: u32,
}

impl ArchivedIndex {
    /// The environment that has this row.
    pub fn environment(&self, row: usize) -> Option<&ArchivedIndexEntry> {
        let row = u32::try_from(row).ok()?;
        let found = self
            .environments
            .binary_search_by_key(&row, |entry| entry.row.to_native());
        found.ok().map(|position| &self.environments[position])
    }

    /// The row that a client-side key opens.
    pub fn open_client_side(&self, key: &str) -> Option<usize> {
        Some(self.client_side_keys.get(key)?.to_native() as usize)
    }

    /// The row that the server-side key with this SHA-256 opens.
    pub fn open_server_side(&self, digest: &[u8; 32]) -> Option<usize> {
        Some(self.server_side_keys.get(digest)?.to_native() as usize)
    }
}
