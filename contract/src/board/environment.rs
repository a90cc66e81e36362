//! The words of a row: what the supervisor tells of one environment. Only the supervisor writes them, except the word
//! by which workers ask for a fetch.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::time;
use crate::failure::Failure;

// The words. Those that are not named are for later.
const FETCHED: usize = 0;
const TRIED: usize = 1;
const FAILURE: usize = 2;
const FAILING_SINCE: usize = 3;
const FETCHES: usize = 4;
const FETCH_NANOSECONDS: usize = FETCHES + Fetch::ALL.len();
const COMPILES: usize = 8;
const COMPILE_NANOSECONDS: usize = 9;
const DOCUMENT_BYTES: usize = 10;
const WARNINGS: usize = 11;
const WANTED: usize = 12;
const REALTIME: usize = 13;

// The words of realtime that is on.
const CONNECTED: u64 = 1;
const DISCONNECTED: u64 = 2;

/// The words of a row: one line.
pub(super) const WORDS: usize = 16;

/// What a fetch brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Another document, which is published.
    Changed,
    /// The document that is published already.
    Unchanged,
    /// Nothing that could be published.
    Failed,
}

impl Fetch {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Changed, Self::Unchanged, Self::Failed];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// What is known of the environment of one row.
#[derive(Clone, Copy)]
pub struct EnvironmentWords<'board>(pub(super) &'board [AtomicU64]);

impl EnvironmentWords<'_> {
    /// When the document was last fetched successfully, in whole microseconds; `None` for never.
    pub fn fetched(self) -> Option<SystemTime> {
        time::of(self.get(FETCHED))
    }

    /// Notes a successful fetch of an earlier run.
    pub fn set_fetched(self, at: SystemTime) {
        self.set(FETCHED, time::word(at));
    }

    /// Notes a successful fetch.
    pub fn succeeded(self, at: SystemTime) {
        self.set_fetched(at);
        self.set(TRIED, time::word(at));
        self.set(FAILURE, 0);
    }

    /// Notes a try that failed.
    pub fn failed(self, at: SystemTime, failure: Failure) {
        self.set(TRIED, time::word(at));
        if self.get(FAILURE) == 0 {
            self.set(FAILING_SINCE, time::word(at));
        }
        self.set(FAILURE, failure.word());
    }

    /// When the last try ended, with or without success.
    pub fn tried(self) -> Option<SystemTime> {
        time::of(self.get(TRIED))
    }

    /// Why the last try failed, and when the first one in a row did; `None` if it succeeded.
    pub fn failing(self) -> Option<(Failure, SystemTime)> {
        let failure = Failure::of(self.get(FAILURE))?;
        Some((failure, time::of(self.get(FAILING_SINCE))?))
    }

    /// How many fetches there were of this kind.
    pub fn fetches(self, fetch: Fetch) -> u64 {
        self.get(FETCHES + fetch as usize)
    }

    /// How long all fetches took together.
    pub fn fetching(self) -> Duration {
        Duration::from_nanos(self.get(FETCH_NANOSECONDS))
    }

    /// How often the document was compiled.
    pub fn compiles(self) -> u64 {
        self.get(COMPILES)
    }

    /// How long it took together to compile and publish.
    pub fn compiling(self) -> Duration {
        Duration::from_nanos(self.get(COMPILE_NANOSECONDS))
    }

    /// The length of the document that is published, in bytes.
    pub fn document_bytes(self) -> u64 {
        self.get(DOCUMENT_BYTES)
    }

    /// The warnings about that document, if it was compiled in this run.
    pub fn warnings(self) -> u64 {
        self.get(WARNINGS)
    }

    /// Notes the document that is published, and the number of warnings about it.
    pub fn set_document(self, bytes: usize, warnings: usize) {
        self.set(DOCUMENT_BYTES, bytes as u64);
        self.set(WARNINGS, warnings as u64);
    }

    /// Whether upstream's stream of this environment is connected; `None` if it is not to be.
    pub fn realtime(self) -> Option<bool> {
        match self.get(REALTIME) {
            0 => None,
            word => Some(word == CONNECTED),
        }
    }

    /// Notes that.
    pub fn set_realtime(self, is_connected: Option<bool>) {
        self.set(
            REALTIME,
            match is_connected {
                None => 0,
                Some(true) => CONNECTED,
                Some(false) => DISCONNECTED,
            },
        );
    }

    /// Asks for a fetch now. For workers, which [knock](crate::knock) then.
    pub fn want_fetch(self) {
        self.set(WANTED, 1);
    }

    /// Whether somebody has asked for a fetch since this was called last. For the supervisor.
    pub fn take_wanted(self) -> bool {
        // Most words are 0, and only those that are not have to be written.
        self.get(WANTED) != 0 && self.0[WANTED].swap(0, Relaxed) != 0
    }

    pub(super) fn count_fetch(self, fetch: Fetch, took: Duration) {
        self.add(FETCHES + fetch as usize, 1);
        self.add(FETCH_NANOSECONDS, time::nanoseconds(took));
    }

    pub(super) fn count_compile(self, took: Duration) {
        self.add(COMPILES, 1);
        self.add(COMPILE_NANOSECONDS, time::nanoseconds(took));
    }

    fn get(self, word: usize) -> u64 {
        self.0[word].load(Relaxed)
    }

    fn set(self, word: usize, value: u64) {
        self.0[word].store(value, Relaxed);
    }

    fn add(self, word: usize, more: u64) {
        self.0[word].fetch_add(more, Relaxed);
    }
}
