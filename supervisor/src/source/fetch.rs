//! What a fetch brings.

use std::time::{Duration, Instant, SystemTime};

use super::body::Body;
use super::stamp::Stamp;

/// The outcome of a fetch that succeeded.
#[derive(Debug)]
pub(crate) enum FetchOutcome {
    Document(Document),
    /// The last document is still the newest.
    NotModified(Timing),
}

/// A document as it came, its pages put together.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) body: Body,
    /// How many answers it came in.
    pub(crate) pages: usize,
    pub(crate) timing: Timing,
    /// The `Last-Modified` header: the date that upstream compares `If-Modified-Since` with.
    pub(crate) last_modified: Option<SystemTime>,
    /// If it comes from a file.
    pub(crate) stamp: Option<Stamp>,
}

/// When a fetch took place, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// When the request was sent, by our clock.
    pub(crate) sent: Instant,
    /// The time from the request to the head of the answer.
    pub(crate) elapsed: Duration,
    /// The `Date` header, by upstream's clock. `None` if the answer comes from a cache: that date is of another fetch,
    /// which may have taken longer.
    pub(crate) date: Option<SystemTime>,
}
