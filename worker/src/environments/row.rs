//! One environment that was asked for: its row of the board, and what is held of it. Knows nothing of keys.

use std::rc::Rc;
use std::time::{Duration, Instant};

use contract::{ArchivedIndexEntry, with_causes};
use snapshot::{Board, Error, Reader};

use crate::environments::mapped::Held;

/// How long what is in hand is served before a newer one that could not be mapped is tried again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// An environment's place in this process: empty until its document has arrived.
pub(crate) struct Place {
    row: usize,
    /// Of what is held; 0 for nothing, as on the board.
    generation: u64,
    held: Option<Rc<Held>>,
    failure: Option<Failure>,
}

/// A generation that could not be mapped.
struct Failure {
    generation: u64,
    at: Instant,
}

impl Place {
    /// Holds nothing yet.
    pub(crate) fn of_row(row: usize) -> Self {
        Self {
            row,
            generation: 0,
            held: None,
            failure: None,
        }
    }

    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// What is held, whatever the board says.
    pub(crate) fn held(&self) -> Option<&Rc<Held>> {
        self.held.as_ref()
    }

    /// What is held, if it is what the board names. One atomic load.
    #[inline]
    pub(crate) fn current(&self, board: &Board) -> Option<&Rc<Held>> {
        let held = self.held.as_ref()?;
        (board.row_generation(self.row) == self.generation).then_some(held)
    }

    /// Whether the board names another generation than the one held. One atomic load.
    pub(crate) fn is_outdated(&self, board: &Board) -> bool {
        board.row_generation(self.row) != self.generation
    }

    /// Maps what the board names, unless it is held, and lets go of the one before. What cannot be mapped is told in
    /// the log once, and tried again with patience; the one before is kept meanwhile.
    pub(crate) fn follow(&mut self, reader: &Reader, entry: &ArchivedIndexEntry) {
        loop {
            let generation = reader.board().row_generation(self.row);
            let failed = self
                .failure
                .as_ref()
                .filter(|failure| failure.generation == generation);
            if generation == self.generation
                || failed.is_some_and(|failure| failure.at.elapsed() < PATIENCE)
            {
                return;
            }
            match reader.map(&entry.file, generation) {
                Ok(map) => {
                    self.held = Some(Rc::new(Held::new(map, generation)));
                    self.generation = generation;
                    self.failure = None;
                    return;
                }
                // A newer one replaced it meanwhile.
                Err(Error::Retired { .. })
                    if reader.board().row_generation(self.row) != generation => {}
                Err(error) => {
                    if failed.is_none() {
                        log::error!(
                            "environment {}: generation {generation} not served: {}",
                            entry.name,
                            with_causes(&error)
                        );
                    }
                    let at = Instant::now();
                    self.failure = Some(Failure { generation, at });
                    return;
                }
            }
        }
    }
}
