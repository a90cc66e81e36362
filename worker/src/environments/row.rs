//! One environment that requests have opened: its row of the board, and its newest map.

use std::rc::Rc;
use std::time::{Duration, Instant};

use contract::{ArchivedIndexEntry, with_causes};
use snapshot::{Board, Error, Reader};

use super::mapped::MappedEnvironment;
use super::usage::UsageCounters;
use crate::throttle::Throttle;

/// How long to wait before a snapshot that could not be mapped is tried again. The one before is served meanwhile.
pub(super) const MAP_RETRY: Duration = Duration::from_secs(1);

/// An environment that requests have opened.
pub(super) struct Row {
    number: usize,
    /// `None` until the first document has arrived.
    environment: Option<Rc<MappedEnvironment>>,
    /// Of all maps one after the other.
    usage: Rc<UsageCounters>,
    failure: Option<Failure>,
    log: Throttle,
}

/// A generation that could not be mapped.
struct Failure {
    generation: u64,
    at: Instant,
}

impl Row {
    /// A row of which nothing is mapped.
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            environment: None,
            usage: Rc::default(),
            failure: None,
            log: Throttle::default(),
        }
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// What was counted of it.
    pub(super) fn usage(&self) -> &UsageCounters {
        &self.usage
    }

    /// The newest map, which may not be the one that the board names.
    pub(super) fn environment(&self) -> Option<&Rc<MappedEnvironment>> {
        self.environment.as_ref()
    }

    /// The newest map, if it is the one that the board names. Costs one atomic load.
    #[inline]
    pub(super) fn current(&self, board: &Board) -> Option<&Rc<MappedEnvironment>> {
        let environment = self.environment.as_ref()?;
        (board.row_generation(self.number) == environment.generation()).then_some(environment)
    }

    /// The board names another generation than the one that is mapped. Costs one atomic load.
    pub(super) fn is_outdated(&self, board: &Board) -> bool {
        board.row_generation(self.number) != self.generation()
    }

    /// The generation that is mapped; 0 for none, as on the board.
    fn generation(&self) -> u64 {
        self.environment
            .as_ref()
            .map_or(0, |environment| environment.generation())
    }

    /// Maps the generation that the board names, unless it is mapped, and lets go of the map before. If it cannot be
    /// mapped, the map before stays, and the same generation is tried again after [`MAP_RETRY`].
    pub(super) fn remap(&mut self, reader: &Reader, entry: &ArchivedIndexEntry) {
        while self.is_outdated(reader.board()) {
            let generation = reader.board().row_generation(self.number);
            if self.failure.as_ref().is_some_and(|failure| {
                failure.generation == generation && failure.at.elapsed() < MAP_RETRY
            }) {
                return;
            }
            match reader.map(&entry.file, generation) {
                Ok(map) => {
                    let usage = Rc::clone(&self.usage);
                    let mapped = MappedEnvironment::new(map, generation, usage);
                    self.environment = Some(Rc::new(mapped));
                    self.failure = None;
                    return;
                }
                // It was replaced meanwhile.
                Err(Error::Retired { .. })
                    if reader.board().row_generation(self.number) != generation => {}
                Err(error) => {
                    if self.log.is_due() {
                        let (name, causes) = (&entry.name, with_causes(&error));
                        let served = match self.generation() {
                            0 => "no document is served".to_owned(),
                            served => format!("still serving generation {served}"),
                        };
                        log::error!(
                            environment:% = name, generation, error:% = causes;
                            "environment {name}: cannot map generation {generation}: {causes}; \
                             {served}"
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
