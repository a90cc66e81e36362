//! The files of batches: their names, sizes and order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::forward::delivery::Lane;

/// All batches by number.
#[derive(Default)]
pub(super) struct Batches {
    stored: BTreeMap<u64, Stored>,
    bytes: u64,
}

/// One batch.
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) lane: Lane,
    pub(super) bytes: u64,
}

/// The file of a batch.
pub(super) fn path(directory: &Path, lane: Lane, number: u64) -> PathBuf {
    directory.join(format!("{}.{number}", lane.name()))
}

impl Stored {
    pub(super) fn path(&self, directory: &Path) -> PathBuf {
        path(directory, self.lane, self.number)
    }

    /// The batch that a name stands for.
    fn of_name(name: &str, bytes: u64) -> Option<Self> {
        let (lane, number) = name.split_once('.')?;
        let lane = Lane::ALL.into_iter().find(|known| known.name() == lane)?;
        let number = number.parse().ok()?;
        Some(Self {
            number,
            lane,
            bytes,
        })
    }
}

impl Batches {
    /// Those in a directory. Files of any other name are not ours.
    pub(super) fn find(directory: &Path) -> io::Result<Self> {
        let mut batches = Self::default();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let bytes = entry.metadata().map_or(0, |found| found.len());
            let name = entry.file_name();
            let stored = name.to_str().and_then(|name| Stored::of_name(name, bytes));
            batches.extend(stored);
        }
        Ok(batches)
    }

    pub(super) fn extend(&mut self, stored: impl IntoIterator<Item = Stored>) {
        for stored in stored {
            self.bytes += stored.bytes;
            self.stored.insert(stored.number, stored);
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.stored.contains_key(&number)
    }

    /// The number behind the highest one.
    pub(super) fn next_number(&self) -> u64 {
        let last = self.stored.last_key_value();
        last.map_or(0, |(number, _)| number.saturating_add(1))
    }

    /// The numbers of a lane, oldest first.
    pub(super) fn of(&self, lane: Lane) -> impl Iterator<Item = u64> {
        let stored = self.stored.values();
        stored
            .filter(move |stored| stored.lane == lane)
            .map(|stored| stored.number)
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Stored> {
        let stored = self.stored.remove(&number)?;
        self.bytes -= stored.bytes;
        Some(stored)
    }

    pub(super) fn resize(&mut self, number: u64, bytes: u64) {
        if let Some(stored) = self.stored.get_mut(&number) {
            self.bytes = self.bytes - stored.bytes + bytes;
            stored.bytes = bytes;
        }
    }

    pub(super) fn take_oldest(&mut self) -> Option<Stored> {
        let number = *self.stored.first_key_value()?.0;
        self.remove(number)
    }

    /// Takes out all from this number on.
    pub(super) fn take_from(&mut self, number: u64) -> Vec<Stored> {
        let numbers: Vec<u64> = self
            .stored
            .range(number..)
            .map(|(number, _)| *number)
            .collect();
        let taken = numbers.into_iter();
        taken.filter_map(|number| self.remove(number)).collect()
    }
}
