//! What the workers of a slot count: requests, how long they took, bytes, connections.
//!
//! The words stay when a worker ends, and its replacement counts on. While a worker drains beside its replacement both
//! count in the same words, so each count is one atomic addition: totals never fall, and nothing is lost.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::histogram::{self, Histogram};

/// Which requests are counted together. Workers answer more paths than there are kinds of endpoints here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// All flags of an environment, or the flag of one feature.
    Flags,
    /// The flags of one identity.
    Identities,
    /// The environment document.
    Document,
    /// Whether the proxy is ready, and whether it is live.
    Health,
    /// Every other path, and what is no HTTP.
    Other,
    /// What clients report.
    Reports,
    /// Streams that tell of changes.
    Streams,
    /// One flag by OFREP.
    OfrepSingle,
    /// All flags by OFREP.
    OfrepBulk,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Flags,
        Self::Identities,
        Self::Document,
        Self::Health,
        Self::Other,
        Self::Reports,
        Self::Streams,
        Self::OfrepSingle,
        Self::OfrepBulk,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flags => "flags",
            Self::Identities => "identities",
            Self::Document => "environment-document",
            Self::Health => "health",
            Self::Other => "other",
            Self::Reports => "reports",
            Self::Streams => "streams",
            Self::OfrepSingle => "ofrep-single",
            Self::OfrepBulk => "ofrep-bulk",
        }
    }
}

/// The classes of status codes that workers answer with, by their first digit.
pub const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Why a worker closed a connection that its client would have kept, or never had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It could not be accepted: most likely the process may not open more files.
    NotAccepted,
    /// It was idle, and made room for a new one at the limit of connections.
    ForRoom,
    /// It was silent for too long, sent a head too slowly, or did not take its answer.
    Overdue,
    /// It held too many bytes of unfinished requests.
    ForMemory,
}

impl Closed {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::NotAccepted,
        Self::ForRoom,
        Self::Overdue,
        Self::ForMemory,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAccepted => "accept",
            Self::ForRoom => "limit",
            Self::Overdue => "timeout",
            Self::ForMemory => "memory",
        }
    }
}

/// What workers have counted of one endpoint, together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The requests that were answered with each of the [`STATUS_CLASSES`].
    pub requests: [u64; STATUS_CLASSES.len()],
    /// The bytes of answers, without their heads.
    pub bytes: u64,
    /// How long the answers took.
    pub durations: Histogram,
}

impl Totals {
    /// Adds what the workers of one slot have counted.
    pub(super) fn add(&mut self, counters: Counters<'_>, endpoint: Endpoint) {
        let requests = counters.requests(endpoint);
        for (total, more) in self.requests.iter_mut().zip(requests) {
            *total += more;
        }
        self.bytes += counters.bytes(endpoint);
        self.durations.add(&counters.durations(endpoint));
    }
}

// Of the words that these counters have.
const ACCEPTED: usize = 0;
const CLOSED: usize = 1;
const ENDPOINTS: usize = 16;

// Of the words of an endpoint. What nearly every request touches is in the first of three cache lines.
const BYTES: usize = STATUS_CLASSES.len();
const DURATIONS: usize = BYTES + 1;
const ENDPOINT_WORDS: usize = 24;
const _: () = assert!(DURATIONS + histogram::WORDS <= ENDPOINT_WORDS);

/// The words of a slot that are counters, with room for more endpoints.
pub(super) const WORDS: usize = ENDPOINTS + MAX_ENDPOINTS * ENDPOINT_WORDS;
const MAX_ENDPOINTS: usize = 12;
const _: () = assert!(Endpoint::ALL.len() <= MAX_ENDPOINTS);

/// What the workers of one slot have counted.
#[derive(Clone, Copy)]
pub struct Counters<'board>(pub(super) &'board [AtomicU64]);

impl Counters<'_> {
    /// Counts a request that is answered with this status and a body of so many bytes. Four atomic additions.
    #[inline]
    pub fn answered(self, endpoint: Endpoint, status: u16, bytes: usize, took: Duration) {
        let words = self.words_of(endpoint);
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        words[class].fetch_add(1, Relaxed);
        words[BYTES].fetch_add(bytes as u64, Relaxed);
        histogram::count(&words[DURATIONS..], &histogram::REQUESTS, took);
    }

    /// Counts a connection that was accepted.
    pub fn accepted(self) {
        self.0[ACCEPTED].fetch_add(1, Relaxed);
    }

    /// Counts a connection that was closed for this reason.
    pub fn closed(self, reason: Closed) {
        self.0[CLOSED + reason as usize].fetch_add(1, Relaxed);
    }

    /// The requests of an endpoint that were answered with each of the [`STATUS_CLASSES`].
    pub fn requests(self, endpoint: Endpoint) -> [u64; STATUS_CLASSES.len()] {
        let words = self.words_of(endpoint);
        std::array::from_fn(|class| words[class].load(Relaxed))
    }

    /// The bytes of an endpoint's answers, without their heads.
    pub fn bytes(self, endpoint: Endpoint) -> u64 {
        self.words_of(endpoint)[BYTES].load(Relaxed)
    }

    /// How long the answers of an endpoint took.
    pub fn durations(self, endpoint: Endpoint) -> Histogram {
        let words = self.words_of(endpoint);
        histogram::read(&words[DURATIONS..], &histogram::REQUESTS)
    }

    /// The connections that were accepted.
    pub fn connections(self) -> u64 {
        self.0[ACCEPTED].load(Relaxed)
    }

    /// The connections that were closed for this reason.
    pub fn closed_connections(self, reason: Closed) -> u64 {
        self.0[CLOSED + reason as usize].load(Relaxed)
    }

    #[inline]
    fn words_of(&self, endpoint: Endpoint) -> &[AtomicU64] {
        let start = ENDPOINTS + endpoint as usize * ENDPOINT_WORDS;
        &self.0[start..start + ENDPOINT_WORDS]
    }
}
