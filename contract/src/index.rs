//! The index: which key opens which environment, and what its snapshots are called.
//!
//! It changes with the configuration alone. The board says which snapshot of an environment is current.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use rkyv::{Archive, Serialize};

use crate::expiry::Expiry;
use crate::settings::Choice;

/// All environments and keys. It is archived, and looked up in place.
#[derive(Archive, Serialize, Debug, Default)]
pub struct Index {
    /// The environments by ascending row. Rows that are not listed belong to no environment.
    pub environments: Vec<IndexEntry>,
    /// The row of each client-side key.
    pub client_side_keys: ByKey<String, u32>,
    /// The row of each server-side key, by its [digest](crate::key::digest).
    pub server_side_keys: ByKey<[u8; 32], ServerSideRow>,
    /// When the proxy is ready.
    pub readiness: Readiness,
}

/// When the proxy is ready. It is told with the index, and not with the handover, because it depends on the number of
/// environments.
#[derive(Archive, Serialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The age of the last successful fetch above which an environment is stale; `None` for never.
    pub stale_after: Option<Duration>,
    /// How many environments have to be current.
    pub ready_when: ReadyWhen,
}

/// How many environments have to be current for the proxy to be ready: there, and not stale.
#[derive(Archive, Serialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadyWhen {
    /// All of them, as in the official proxy.
    #[default]
    All,
    /// One at least: a revoked key among many does not take the proxy out of a load balancer.
    Any,
}

/// What keys open. The hasher has no random seed, so equal entries give equal archives.
pub type ByKey<Key, Opened> = HashMap<Key, Opened, BuildHasherDefault<DefaultHasher>>;

/// What a server-side key opens, and for how long.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSideRow {
    /// The row of the environment.
    pub row: u32,
    /// When the key stops opening it.
    pub expiry: Expiry,
}

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

impl Choice for ReadyWhen {
    const CHOICES: &'static [(&'static str, Self)] = &[("all", Self::All), ("any", Self::Any)];
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

    /// The row that the server-side key with this digest opens, and until when.
    pub fn open_server_side(&self, digest: &[u8; 32]) -> Option<(usize, Expiry)> {
        let opened = self.server_side_keys.get(digest)?;
        Some((opened.row.to_native() as usize, opened.expiry.to_native()))
    }

    /// When the proxy is ready.
    pub fn readiness(&self) -> Readiness {
        let age = self.readiness.stale_after.as_ref();
        Readiness {
            stale_after: age.map(|age| Duration::new(age.as_secs(), age.subsec_nanos())),
            ready_when: match self.readiness.ready_when {
                ArchivedReadyWhen::All => ReadyWhen::All,
                ArchivedReadyWhen::Any => ReadyWhen::Any,
            },
        }
    }
}
