//! The environments that this worker answers from. It follows the board: the newest index, and of each environment that
//! a request has opened the newest map.
//!
//! Nothing here is done for all environments, of which there may be many thousands. Keys are looked up in the index
//! where it is mapped, and an environment is mapped when a request first opens it.

mod index;
mod keys;
pub(crate) mod mapped;
mod row;
pub(crate) mod status;
pub(crate) mod usage;

use std::cell::{Cell, Ref, RefCell};
use std::sync::Arc;
use std::time::Instant;

use contract::with_causes;
use snapshot::{Board, Error, Reader};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::throttle::Throttle;
pub(crate) use index::CurrentIndex;
use row::MAP_RETRY;

/// The newest index and environments that could be mapped.
pub(crate) struct Environments {
    reader: Arc<Reader>,
    index: RefCell<CurrentIndex>,
    /// When the newest index could not be mapped.
    failed_at: Cell<Option<Instant>>,
    log: Throttle,
    changed: Notify,
}

impl Environments {
    /// Maps the newest index.
    ///
    /// # Errors
    ///
    /// If that index cannot be mapped.
    pub(crate) fn open(reader: Arc<Reader>) -> Result<Self, Error> {
        Ok(Self {
            index: RefCell::new(CurrentIndex::map(&reader)?),
            failed_at: Cell::default(),
            log: Throttle::default(),
            changed: Notify::new(),
            reader,
        })
    }

    pub(crate) fn board(&self) -> &Board {
        self.reader.board()
    }

    /// The index to answer from. Costs one atomic load, unless a new one was published.
    #[inline]
    pub(crate) fn index(&self) -> Ref<'_, CurrentIndex> {
        let index = self.index.borrow();
        if self.board().index_generation() == index.generation() {
            return index;
        }
        drop(index);
        self.remap_index();
        self.index.borrow()
    }

    /// Follows the board without a request, so that no request waits for a map and retired maps are let go of.
    #[cold]
    pub(crate) fn follow_board(&self) {
        self.index().remap_outdated();
        self.changed.notify_waiters();
    }

    /// Ready when the board was followed once more.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    #[cold]
    fn remap_index(&self) {
        let failed_at = self.failed_at.get();
        if failed_at.is_some_and(|at| at.elapsed() < MAP_RETRY) {
            return;
        }
        match CurrentIndex::map(&self.reader) {
            Ok(index) => {
                log::debug!(generation = index.generation(); "index {} is current", index.generation());
                self.failed_at.set(None);
                let previous = self.index.replace(index);
                self.index.borrow().take_over(previous);
            }
            Err(error) => {
                self.failed_at.set(Some(Instant::now()));
                if self.log.is_due() {
                    let causes = with_causes(&error);
                    log::error!(
                        error:% = causes;
                        "cannot map index {}: {causes}; still serving index {}",
                        self.board().index_generation(),
                        self.index.borrow().generation()
                    );
                }
            }
        }
    }
}
