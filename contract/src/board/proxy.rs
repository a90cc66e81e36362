//! The common words: what the supervisor tells of the proxy as a whole. Only the supervisor writes them.
//!
//! Fetches and compilations are counted here too, or their totals would fall when an environment is removed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::environment::Fetch;
use super::histogram::{self, Histogram};
use super::time;

// The words. Those that are not named are for later.
pub(super) const DRAINING: usize = 0;
const STARTED: usize = 1;
const RELOADED: usize = 2;
const RELOADS: usize = 3;
const REFUSED_RELOADS: usize = 4;
const LAST_RELOAD_REFUSED: usize = 5;
const MEMORY: usize = 6;
const ENDED_WORKERS: usize = 8;
const BACKLOG: usize = 12;
const FETCHES: usize = 16;
const FETCH_DURATIONS: usize = 32;
const COMPILE_DURATIONS: usize = 48;
const _: () = assert!(ENDED_WORKERS + Ended::ALL.len() <= BACKLOG);
const _: () = assert!(FETCH_DURATIONS + histogram::WORDS <= COMPILE_DURATIONS);

/// The common words: four lines.
pub(super) const WORDS: usize = 64;

/// Why a worker ended while the proxy served. Each one was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited by itself, which it never should.
    Exited,
    /// Somebody else's signal killed it.
    Killed,
    /// The supervisor killed it because its heartbeat had stopped.
    Silent,
    /// A reload replaced it.
    Rolled,
}

impl Ended {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exited, Self::Killed, Self::Silent, Self::Rolled];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::Silent => "silent",
            Self::Rolled => "rolled",
        }
    }
}

/// The memory of one process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its own.
    pub private: u64,
    /// Of mapped files, most of which other processes map too.
    pub mapped: u64,
}

impl Memory {
    pub(super) fn store(self, words: &[AtomicU64]) {
        words[0].store(self.private, Relaxed);
        words[1].store(self.mapped, Relaxed);
    }

    pub(super) fn load(words: &[AtomicU64]) -> Self {
        Self {
            private: words[0].load(Relaxed),
            mapped: words[1].load(Relaxed),
        }
    }
}

/// What of the journal waits to go upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The length of the outbox's files, in bytes.
    pub bytes: u64,
    /// How many deliveries were dropped since the start because there was no room for them.
    pub dropped: u64,
}

/// What is known of the proxy as a whole.
#[derive(Clone, Copy)]
pub struct ProxyWords<'board>(pub(super) &'board [AtomicU64]);

impl ProxyWords<'_> {
    /// When the supervisor started.
    pub fn started(self) -> Option<SystemTime> {
        time::of(self.get(STARTED))
    }

    /// Notes the start, which is also the first time that the configuration was read.
    pub fn set_started(self, at: SystemTime) {
        self.set(STARTED, time::word(at));
        self.set(RELOADED, time::word(at));
    }

    /// When the configuration in use was read.
    pub fn configured(self) -> Option<SystemTime> {
        time::of(self.get(RELOADED))
    }

    /// Whether the last reload was applied; true if there was none.
    pub fn is_configured(self) -> bool {
        self.get(LAST_RELOAD_REFUSED) == 0
    }

    /// How many reloads were applied, and how many refused.
    pub fn reloads(self) -> (u64, u64) {
        (self.get(RELOADS), self.get(REFUSED_RELOADS))
    }

    /// Notes that a reload was applied or refused.
    pub fn count_reload(self, is_applied: bool, at: SystemTime) {
        if is_applied {
            self.set(RELOADED, time::word(at));
        }
        self.set(LAST_RELOAD_REFUSED, u64::from(!is_applied));
        self.add(if is_applied { RELOADS } else { REFUSED_RELOADS });
    }

    /// How many workers ended for this reason.
    pub fn ended_workers(self, reason: Ended) -> u64 {
        self.get(ENDED_WORKERS + reason as usize)
    }

    /// Notes the end of a worker.
    pub fn count_ended_worker(self, reason: Ended) {
        self.add(ENDED_WORKERS + reason as usize);
    }

    /// The supervisor's memory when it last looked; zero until then.
    pub fn memory(self) -> Memory {
        Memory::load(&self.0[MEMORY..])
    }

    /// Notes the supervisor's memory.
    pub fn set_memory(self, memory: Memory) {
        memory.store(&self.0[MEMORY..]);
    }

    /// What of the journal waits to go upstream.
    pub fn backlog(self) -> Backlog {
        Backlog {
            bytes: self.get(BACKLOG),
            dropped: self.get(BACKLOG + 1),
        }
    }

    /// Notes what of the journal waits.
    pub fn set_backlog(self, backlog: Backlog) {
        self.set(BACKLOG, backlog.bytes);
        self.set(BACKLOG + 1, backlog.dropped);
    }

    /// How many fetches of all environments there were of this kind.
    pub fn fetches(self, fetch: Fetch) -> u64 {
        self.get(FETCHES + fetch as usize)
    }

    /// How long fetches took.
    pub fn fetch_durations(self) -> Histogram {
        histogram::read(&self.0[FETCH_DURATIONS..], &histogram::WORK)
    }

    /// How long it took to compile and publish documents.
    pub fn compile_durations(self) -> Histogram {
        histogram::read(&self.0[COMPILE_DURATIONS..], &histogram::WORK)
    }

    pub(super) fn count_fetch(self, fetch: Fetch, took: Duration) {
        self.add(FETCHES + fetch as usize);
        histogram::count(&self.0[FETCH_DURATIONS..], &histogram::WORK, took);
    }

    pub(super) fn count_compile(self, took: Duration) {
        histogram::count(&self.0[COMPILE_DURATIONS..], &histogram::WORK, took);
    }

    fn get(self, word: usize) -> u64 {
        self.0[word].load(Relaxed)
    }

    fn set(self, word: usize, value: u64) {
        self.0[word].store(value, Relaxed);
    }

    fn add(self, word: usize) {
        self.0[word].fetch_add(1, Relaxed);
    }
}
