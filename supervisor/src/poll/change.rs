//! What a reload or a list of environments changes for the poller.

use std::time::Duration;

use contract::Index;
use engine::CompileOptions;

use super::freshness::FetchRules;
use crate::environments::Entry;
use crate::source::realtime::Realtime;
use crate::source::{Access, OpenSource};

/// Everything that changes.
pub(crate) struct Change {
    /// The source of later fetches, if its settings change.
    pub(crate) source: Option<OpenSource>,
    /// Whether that is another source or has another address: its documents may be others.
    pub(crate) is_elsewhere: bool,
    /// The new poll frequency, if it changes.
    pub(crate) poll_frequency: Option<Duration>,
    /// Realtime from now on, if that changes.
    pub(crate) realtime: Option<Option<Realtime>>,
    /// The rules of later fetches.
    pub(crate) fetch_rules: FetchRules,
    /// What documents are compiled to.
    pub(crate) compile_options: CompileOptions,
    /// By row.
    pub(crate) added: Vec<(usize, Entry, Access)>,
    /// By row.
    pub(crate) rotated: Vec<(usize, Entry, Access)>,
    /// The rows.
    pub(crate) removed: Vec<usize>,
    /// The index without the added environments, if it differs from the current one.
    pub(crate) index_at_once: Option<Index>,
    /// The index with the added environments, if there are any.
    pub(crate) index_with_added: Option<Index>,
}
