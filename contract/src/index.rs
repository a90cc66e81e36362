//! The index: which key opens which environment, and what its snapshots are called.
//!
//! It changes with the configuration alone. The board says which snapshot of an environment is current.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use rkyv::{Archive, Serialize};

/// All environments and keys. It is archived, and looked up in place.
#[derive(Archive, Serialize, Debug, Default)]
pub struct Index {
    /// The environments by ascending row. Rows that are not listed belong to no environment.
    pub environments: Vec<IndexEntry>,
    /// The row of each client-side key.
    pub client_side_keys: Rows<String>,
    /// The row of each server-side key, by its [digest](crate::key::digest).
    pub server_side_keys: Rows<[u8; 32]>,
    /// The age of the oldest successful fetch above which the proxy is not ready; `None` for never.
    pub stale_after: Option<Duration>,
}

/// Rows by the keys that open them. The hasher has no random seed, so equal entries give equal archives.
pub type Rows<Key> = HashMap<Key, u32, BuildHasherDefault<DefaultHasher>>;

/// One environment.
#[derive(Archive, Serialize, Debug)]
pub struct IndexEntry {
    /// Its client-side key, which is also its name in logs.
    pub name: String,
    /// The name of its snapshots.
    pub file: String,
    /// Its row of the board, for as long as it is configured.
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

    /// The row that the server-side key with this digest opens.
    pub fn open_server_side(&self, digest: &[u8; 32]) -> Option<usize> {
        Some(self.server_side_keys.get(digest)?.to_native() as usize)
    }

    /// The age of the oldest successful fetch above which the proxy is not ready; `None` for never.
    pub fn stale_after(&self) -> Option<Duration> {
        let age = self.stale_after.as_ref()?;
        Some(Duration::new(age.as_secs(), age.subsec_nanos()))
    }
}
