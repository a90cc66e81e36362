//! The one owner of the publisher: what an environment's snapshots are called, and which rows may be published. Knows
//! neither upstream nor workers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use contract::{Index, with_causes};
use engine::Environment;
use log::warn;
use snapshot::Publisher;
use thiserror::Error;

use crate::publish::warm::{self, Warm};

/// What is published, for any thread.
pub(crate) struct Publication {
    publisher: Publisher,
    /// The names of the snapshots, by row. Held for reading as long as one is published: whoever retires a row waits.
    files: RwLock<HashMap<usize, String>>,
    /// What an earlier run left, by row, until whoever keeps that row asks for it.
    warm: Mutex<HashMap<usize, Warm>>,
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
    /// Publishes what an earlier run left and then every key, so that workers can tell a known key from an unknown one.
    pub(crate) fn open(publisher: Publisher, index: &Index) -> Result<Self, snapshot::Error> {
        for warning in publisher.warnings() {
            warn!("{}", with_causes(warning));
        }
        let warm = warm::start(&publisher, index);
        publisher.publish_index(index)?;
        let files = index.environments.iter();
        let files = files.map(|entry| (entry.row as usize, entry.file.clone()));
        Ok(Self {
            publisher,
            files: RwLock::new(files.collect()),
            warm: Mutex::new(warm),
        })
    }

    /// What is served in this row from before this run. Once.
    pub(crate) fn take_warm(&self, row: usize) -> Option<Warm> {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.remove(&row)
    }

    /// Whether nobody removed the snapshot of this row, so that workers to come will find it.
    pub(crate) fn is_in_place(&self, row: usize) -> bool {
        self.publisher.is_in_place(row)
    }

    /// Publishes a new snapshot of the environment in this row. Returns the generation.
    pub(crate) fn publish(&self, row: usize, environment: &Environment) -> Result<u64, Error> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(&row).ok_or(Error::Retired)?;
        Ok(self.publisher.publish(row, file, environment)?)
    }

    /// Publishes another index and retires the rows that it does not name any more.
    pub(crate) fn change(&self, index: &Index, retired: &[usize]) -> Result<(), snapshot::Error> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        self.publisher.publish_index(index)?;
        for row in retired {
            files.remove(row);
        }
        self.publisher.retire(retired.iter().copied());
        Ok(())
    }

    /// Allows a row to be published that no index names yet.
    pub(crate) fn expect(&self, row: usize, file: String) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(row, file);
    }

    /// Makes what was published outlive a power cut, and reclaims what it replaced. Slow.
    pub(crate) fn settle(&self) -> Result<(), snapshot::Error> {
        self.publisher.settle()
    }
}
