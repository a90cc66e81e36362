//! The outbox: deliveries that wait to be sent, as files.
//!
//! ```text
//! committed              how far each ring is read, and the number of the next batch
//! <lane>.<number>        a batch: the deliveries of one lane that one collection made
//! ```
//!
//! A collection writes its batches, then `committed`: that rename is the act of committing. A supervisor that is killed
//! before leaves batches with numbers that are not committed, which the next one removes, and reads the records again.
//! One that is killed afterwards leaves records that the rings still hold and `committed` says are read. So each record
//! is in exactly one batch, and no batch is sent before it is committed.

mod batches;
mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{info, warn};
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use super::delivery::{Delivery, Lane};
use batches::{Batches, Stored};
use contract::{Backlog, counted};

/// How many files there are at most, however small they are.
const MAX_BATCHES: usize = 10_000;

/// Deliveries that wait to be sent.
pub(super) struct Outbox {
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    max_bytes: u64,
    committed: Committed,
    batches: Batches,
    /// Deliveries that were dropped since the outbox is full.
    dropped: usize,
    /// Deliveries that were dropped since the start.
    dropped_in_all: u64,
}

/// How far each ring is read, by its number, and the number of the next batch.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
struct Committed {
    next_batch: u64,
    positions: BTreeMap<u64, u64>,
}

/// Why the outbox cannot be used, or keeps what it has.
#[derive(Debug, ThisError)]
pub(crate) enum Error {
    #[error("{act} {}", path.display())]
    Io {
        act: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("write a batch")]
    Encode(#[from] postcard::Error),
    #[error("read {}: it is not whole, or of another release", path.display())]
    Defective { path: PathBuf },
}

impl Error {
    fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }
}

impl Outbox {
    /// Opens the outbox in a directory that exists, with all that an earlier run has committed.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    pub(super) fn open(directory: &Path, max_bytes: u64) -> Result<Self, Error> {
        let path = directory.join("committed");
        let committed = match fs::read(&path) {
            Ok(bytes) => file::value(&bytes),
            Err(source) if source.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::io("read", &path)(source)),
        };
        let mut batches = Batches::find(directory).map_err(Error::io("list", directory))?;
        let committed: Committed = match committed {
            Some(committed) => committed,
            // Nothing is known of what was committed, so all batches are sent, rather than none.
            None => Committed {
                next_batch: batches.next_number(),
                positions: BTreeMap::new(),
            },
        };
        for stored in batches.take_from(committed.next_batch) {
            file::remove(&stored.path(directory))?;
        }
        Ok(Self {
            directory: directory.to_owned(),
            state: Mutex::new(State {
                max_bytes,
                committed,
                batches,
                dropped: 0,
                dropped_in_all: 0,
            }),
        })
    }

    /// From the next commit on, so many bytes of files may wait.
    pub(super) fn set_max_bytes(&self, max_bytes: u64) {
        self.state().max_bytes = max_bytes;
    }

    /// How far a ring is read; `None` if nothing of it was committed.
    pub(super) fn position(&self, ring: u64) -> Option<u64> {
        self.state().committed.positions.get(&ring).copied()
    }

    /// What waits, and what was dropped.
    pub(super) fn backlog(&self) -> Backlog {
        let state = self.state();
        Backlog {
            bytes: state.batches.bytes(),
            dropped: state.dropped_in_all,
        }
    }

    /// How many batches wait in a lane.
    pub(super) fn waiting(&self, lane: Lane) -> usize {
        self.state().batches.of(lane).count()
    }

    /// The number of the oldest batch of a lane.
    pub(super) fn oldest(&self, lane: Lane) -> Option<u64> {
        self.state().batches.of(lane).next()
    }

    /// The number of the oldest batch of a lane behind this one, or else of the oldest.
    pub(super) fn after(&self, lane: Lane, number: u64) -> Option<u64> {
        let state = self.state();
        let behind = state.batches.of(lane).find(|other| *other > number);
        behind.or_else(|| state.batches.of(lane).next())
    }

    /// Commits deliveries, and how far each ring was read for them. Positions of rings that are not named are
    /// forgotten. Durable when this returns; slow.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], for example on a full disk. Then nothing is committed, or [`position`](Self::position) says that
    /// it is.
    pub(super) fn commit(
        &self,
        deliveries: Vec<Delivery>,
        positions: BTreeMap<u64, u64>,
    ) -> Result<(), Error> {
        let mut number = self.state().committed.next_batch;
        let mut written = Vec::new();
        let result = self
            .write_batches(deliveries, &mut number, &mut written)
            .and_then(|()| {
                let committed = Committed {
                    next_batch: number,
                    positions,
                };
                file::write(&self.directory.join("committed"), &file::bytes(&committed)?)?;
                Ok(committed)
            });
        match result {
            Ok(committed) => {
                // Before anything is sent. Without it, it is committed too, but a power cut may undo that.
                let synced = file::sync_directory(&self.directory);
                let mut state = self.state();
                state.committed = committed;
                state.batches.extend(written);
                self.drop_oldest(&mut state);
                synced
            }
            Err(error) => {
                for stored in written {
                    let _ = file::remove(&stored.path(&self.directory));
                }
                Err(error)
            }
        }
    }

    fn write_batches(
        &self,
        deliveries: Vec<Delivery>,
        number: &mut u64,
        written: &mut Vec<Stored>,
    ) -> Result<(), Error> {
        let mut by_lane: BTreeMap<Lane, Vec<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            let lane = by_lane.entry(delivery.destination.lane()).or_default();
            lane.push(delivery);
        }
        for (lane, deliveries) in by_lane {
            let bytes = file::bytes(&deliveries)?;
            let stored = Stored {
                number: *number,
                lane,
                bytes: bytes.len() as u64,
            };
            file::write(&stored.path(&self.directory), &bytes)?;
            written.push(stored);
            *number += 1;
        }
        if !written.is_empty() {
            file::sync_directory(&self.directory)?;
        }
        Ok(())
    }

    /// The deliveries of a batch; none if the batch is gone.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not whole.
    pub(super) fn load(&self, lane: Lane, number: u64) -> Result<Vec<Delivery>, Error> {
        let path = batches::path(&self.directory, lane, number);
        match fs::read(&path) {
            Ok(bytes) => file::value(&bytes).ok_or(Error::Defective { path }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(Error::io("read", &path)(source)),
        }
    }

    /// Notes which deliveries of a batch are left. Without any, the batch is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]. Then deliveries that upstream has taken may be sent to it again, with the same keys.
    pub(super) fn keep(&self, lane: Lane, number: u64, left: &[Delivery]) -> Result<(), Error> {
        let path = batches::path(&self.directory, lane, number);
        if left.is_empty() {
            let removed = file::remove(&path);
            self.state().batches.remove(number);
            return removed;
        }
        if self.state().batches.contains(number) {
            let bytes = file::bytes(&left)?;
            file::write(&path, &bytes)?;
            self.state().batches.resize(number, bytes.len() as u64);
        }
        Ok(())
    }

    /// Drops the oldest batches while there are too many.
    fn drop_oldest(&self, state: &mut State) {
        let was_full = state.dropped > 0;
        let mut dropped = 0;
        while state.batches.bytes() > state.max_bytes || state.batches.len() > MAX_BATCHES {
            let Some(oldest) = state.batches.take_oldest() else {
                break;
            };
            let path = oldest.path(&self.directory);
            let deliveries = fs::read(&path).ok();
            let deliveries = deliveries.and_then(|bytes| file::value::<Vec<Delivery>>(&bytes));
            dropped += deliveries.map_or(0, |deliveries| deliveries.len());
            if let Err(error) = file::remove(&path) {
                warn!("{}", contract::with_causes(&error));
            }
        }
        state.dropped += dropped;
        state.dropped_in_all += dropped as u64;
        if dropped > 0 && !was_full {
            warn!(
                "the outbox has more than journal.max_bytes, which is {}: dropping the oldest reports",
                state.max_bytes
            );
        }
        if was_full && dropped == 0 && state.batches.bytes() < state.max_bytes / 2 {
            let requests = counted(state.dropped, "request");
            info!("the outbox has room again; {requests} to upstream were dropped");
            state.dropped = 0;
        }
    }

    /// A thread that panicked with the lock has left the state consistent: it is changed after the files are.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
