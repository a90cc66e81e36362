//! The one owner of the publisher: which row an environment has, and what its snapshots are called. Knows neither
//! upstream nor workers.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};

use engine::{Environment, Index, IndexEntry, Rows};
use log::warn;
use snapshot::{Error, Publisher};

use crate::keys::KeyPair;
use crate::warm::{self, Warm};

/// What is published, for any thread.
pub(crate) struct Publication {
    publisher: Publisher,
    /// The names of the snapshots, by row.
    files: Vec<String>,
    /// What an earlier run left, by row, until whoever keeps that row asks for it.
    warm: Mutex<HashMap<usize, Warm>>,
}

impl Publication {
    /// Publishes what an earlier run left and then every key, so that workers can tell a known key from an unknown one.
    pub(crate) fn open(publisher: Publisher, environments: &[KeyPair]) -> Result<Self, Error> {
        for warning in publisher.warnings() {
            warn!("{}", with_causes(warning));
        }
        let index = index(environments);
        let warm = warm::start(&publisher, &index);
        publisher.publish_index(&index)?;
        let files = index.environments.into_iter().map(|entry| entry.file);
        Ok(Self {
            publisher,
            files: files.collect(),
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
        self.publisher.publish(row, &self.files[row], environment)
    }

    /// Makes what was published outlive a power cut, and reclaims what it replaced. Slow.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.publisher.settle()
    }
}

fn index(environments: &[KeyPair]) -> Index {
    let rows = || (0..).zip(environments);
    let client_side_keys: Rows<String> = rows()
        .map(|(row, pair)| (pair.client_side_key.clone(), row))
        .collect();
    let server_side_keys: Rows<[u8; 32]> = rows()
        .map(|(row, pair)| (pair.server_side_key.digest(), row))
        .collect();
    let environments = environments.iter().map(|pair| IndexEntry {
        name: pair.client_side_key.clone(),
        file: pair.file_name(),
    });
    Index {
        environments: environments.collect(),
        client_side_keys,
        server_side_keys,
    }
}

/// An error and what lies behind it, on one line.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| (*error).source()) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}
