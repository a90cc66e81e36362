//! The one owner of the publisher: what the current generation consists of. Knows neither upstream nor workers.

use engine::{Environment, Index, IndexEntry, IndexKey};
use snapshot::{Error, File, Publisher};

use crate::keys::KeyPair;

/// What is published, and what it takes to publish more.
pub(crate) struct Publication {
    publisher: Publisher,
    index: Index,
}

impl Publication {
    /// Publishes every key, and no document yet, so that workers can tell a known key from an unknown one.
    pub(crate) fn open(publisher: Publisher, environments: &[KeyPair]) -> Result<Self, Error> {
        let mut publication = Self {
            publisher,
            index: index(environments),
        };
        publication.publish_index()?;
        Ok(publication)
    }

    /// Publishes a new snapshot of the environment in this row. Returns the generation.
    pub(crate) fn publish(&mut self, row: usize, environment: &Environment) -> Result<u64, Error> {
        let name = self.index.environments[row].file.clone();
        let file = self.publisher.stage(&name, environment)?;
        let entry = &mut self.index.environments[row];
        let previous = entry.generation.replace(file.generation);
        self.publish_index().inspect_err(|_| {
            self.index.environments[row].generation = previous;
        })
    }

    fn publish_index(&mut self) -> Result<u64, Error> {
        let files: Vec<File> = self
            .index
            .environments
            .iter()
            .filter_map(|entry| {
                Some(File {
                    name: entry.file.clone(),
                    generation: entry.generation?,
                })
            })
            .collect();
        self.publisher.publish(&self.index, &files)
    }
}

fn index(environments: &[KeyPair]) -> Index {
    let rows = || (0..).zip(environments);
    Index {
        environments: environments
            .iter()
            .map(|pair| IndexEntry {
                name: pair.client_side_key.clone(),
                file: pair.file_name(),
                generation: None,
            })
            .collect(),
        keys: rows()
            .map(|(environment, pair)| IndexKey::Client {
                key: pair.client_side_key.clone(),
                environment,
            })
            .chain(rows().map(|(environment, pair)| IndexKey::Server {
                digest: pair.server_side_key.digest(),
                environment,
            }))
            .collect(),
    }
}
