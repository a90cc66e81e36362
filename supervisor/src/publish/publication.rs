//! The one owner of the publisher: the names of the snapshots, and the rows that may be published.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use contract::Index;
use engine::Environment;
use snapshot::{Publisher, Staging};
use thiserror::Error;

use super::served::ServedDocument;

/// Publishes snapshots and indexes, from any thread.
pub(crate) struct Publication {
    publisher: Publisher,
    /// The names of the snapshots, by row. It is locked for reading while a snapshot is published, so that a row is not
    /// retired meanwhile.
    files: RwLock<HashMap<usize, String>>,
    /// The documents of an earlier run, by row, until they are taken.
    warm: Mutex<HashMap<usize, ServedDocument>>,
}

/// Why a snapshot was not published.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    #[error("the environment is no longer configured")]
    Retired,
}

impl Publication {
    /// Publishes the index. `warm` are the documents of an earlier run that are served already, by row.
    pub(super) fn new(
        publisher: Publisher,
        index: &Index,
        warm: HashMap<usize, ServedDocument>,
    ) -> Result<Self, snapshot::Error> {
        publisher.publish_index(index)?;
        let files = index.environments.iter();
        let files = files.map(|entry| (entry.row as usize, entry.file.clone()));
        Ok(Self {
            publisher,
            files: RwLock::new(files.collect()),
            warm: Mutex::new(warm),
        })
    }

    /// Takes the document of an earlier run that is served in this row.
    pub(crate) fn take_warm(&self, row: usize) -> Option<ServedDocument> {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.remove(&row)
    }

    /// Whether the snapshot of this row still exists, so that a worker that starts can map it.
    pub(crate) fn is_in_place(&self, row: usize) -> bool {
        self.publisher.is_in_place(row)
    }

    /// Publishes a new snapshot of the environment in this row. Returns the generation.
    pub(crate) fn publish(&self, row: usize, environment: &Environment) -> Result<u64, Error> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(&row).ok_or(Error::Retired)?;
        Ok(self.publisher.publish(row, file, environment)?)
    }

    /// A file for another process to write an environment to.
    pub(crate) fn stage(&self) -> Result<Staging, Error> {
        Ok(self.publisher.stage()?)
    }

    /// Publishes the environment in this file as the snapshot of this row. Returns the generation.
    pub(crate) fn publish_staged(&self, row: usize, staging: Staging) -> Result<u64, Error> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(&row).ok_or(Error::Retired)?;
        let publisher = &self.publisher;
        Ok(publisher.publish_staged::<Environment>(row, file, staging)?)
    }

    /// Publishes another index and retires rows that it does not contain.
    pub(crate) fn change(&self, index: &Index, retired: &[usize]) -> Result<(), snapshot::Error> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        self.publisher.publish_index(index)?;
        for row in retired {
            files.remove(row);
        }
        self.publisher.retire(retired.iter().copied());
        Ok(())
    }

    /// Allows a row to be published that is in no index yet.
    pub(crate) fn expect(&self, row: usize, file: String) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(row, file);
    }

    /// Syncs what was published to the disk, and unlinks what it replaced. Slow.
    pub(crate) fn settle(&self) -> Result<(), snapshot::Error> {
        self.publisher.settle()
    }
}
