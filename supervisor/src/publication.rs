//! The one owner of the publisher: which row an environment has, and what its snapshots are called. Knows neither
//! upstream nor workers.

use engine::{Environment, Index, IndexEntry, Rows};
use snapshot::{Error, Publisher};

use crate::keys::KeyPair;

/// What is published, for any thread.
pub(crate) struct Publication {
    publisher: Publisher,
    /// The names of the snapshots, by row.
    files: Vec<String>,
}

impl Publication {
    /// Publishes every key, and no document yet, so that workers can tell a known key from an unknown one.
    pub(crate) fn open(publisher: Publisher, environments: &[KeyPair]) -> Result<Self, Error> {
        let index = index(environments);
        publisher.publish_index(&index)?;
        let files = index.environments.into_iter().map(|entry| entry.file);
        Ok(Self {
            publisher,
            files: files.collect(),
        })
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
