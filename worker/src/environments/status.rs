//! How each environment of the index does: whether its document is there, how old it is, and why its fetches fail.

use std::time::{Duration, SystemTime};

use contract::{ArchivedIndexEntry, BoardWords, EnvironmentWords, Failure};
use snapshot::Board;

/// Whether an environment can be answered from, and whether from a new document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It was fetched lately.
    Current,
    /// Its last successful fetch is older than readiness allows.
    Stale,
    /// It has no document, or was never fetched.
    Missing,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Current, Self::Stale, Self::Missing];

    /// Its name in readiness and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Missing => "missing",
        }
    }
}

/// How one environment does.
pub(crate) struct Status<'index> {
    /// Its row.
    pub(crate) row: usize,
    /// Its client-side key.
    pub(crate) name: &'index str,
    pub(crate) state: State,
    /// The generation of its snapshot; 0 for none.
    pub(crate) generation: u64,
    /// The last successful fetch.
    pub(crate) fetched: Option<SystemTime>,
    /// Why the last try failed, and when the first one in a row did.
    pub(crate) failing: Option<(Failure, SystemTime)>,
    /// Whether upstream's stream is connected; `None` if it is not to be.
    pub(crate) realtime: Option<bool>,
    /// All that the board says of it.
    pub(crate) words: EnvironmentWords<'index>,
}

impl<'index> Status<'index> {
    /// The status of the environment in this row, of which the board must have one.
    pub(super) fn of(
        entry: &'index ArchivedIndexEntry,
        board: &'index Board,
        stale_after: Option<Duration>,
        now: SystemTime,
    ) -> Self {
        let row = entry.row.to_native() as usize;
        let words = board.environment(row);
        let generation = board.row_generation(row);
        let fetched = words.fetched();
        let state = match fetched.map(|at| age(at, now)) {
            Some(_) if generation == 0 => State::Missing,
            None => State::Missing,
            Some(age) if stale_after.is_some_and(|limit| age > limit) => State::Stale,
            Some(_) => State::Current,
        };
        Self {
            row,
            name: &entry.name,
            state,
            generation,
            fetched,
            failing: words.failing(),
            realtime: words.realtime(),
            words,
        }
    }

    /// The time since the last successful fetch.
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        self.fetched.map(|at| age(at, now))
    }
}

/// A fetch in the future, from before the clock was set back, is not old.
fn age(at: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(at).unwrap_or_default()
}
