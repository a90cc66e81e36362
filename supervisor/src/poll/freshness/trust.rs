//! Whether upstream's 304 can be trusted.
//!
//! With its default settings the core API answers 304 for up to a minute after an edit: it compares with a date that it
//! caches, while it makes a body from what its database has. Such an upstream is noticed by what it answers, and then
//! fetched unconditionally until edits have come with their own date often enough.

use std::cell::Cell;

use log::{info, warn};

/// So many edits in a row must come with their own date before upstream is trusted again. A cached date may happen to
/// be renewed right after an edit.
const FRESH_EDITS: u32 = 3;

/// What an answer proves about upstream's dates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evidence {
    /// The date was older than the document, or a 304 came for a document that had changed.
    Stale,
    /// An edit of just now came with its own date.
    Fresh,
}

/// Whether the 304 of one upstream can be trusted, whatever the environment.
#[derive(Default)]
pub(crate) struct Trust {
    /// The number of edits that are still to come with their own date; 0: trusted.
    fresh_edits_left: Cell<u32>,
}

impl Trust {
    pub(crate) fn is_stale(&self) -> bool {
        self.fresh_edits_left.get() > 0
    }

    pub(crate) fn note(&self, evidence: Evidence) {
        let left = self.fresh_edits_left.get();
        match evidence {
            Evidence::Stale => {
                self.fresh_edits_left.set(FRESH_EDITS);
                if left == 0 {
                    warn!(
                        "upstream answers 304 for documents that have changed (a self-hosted API with \
                         ENVIRONMENT_CACHE_SECONDS above 0 does): each fetch is unconditional from now on"
                    );
                }
            }
            Evidence::Fresh => {
                self.fresh_edits_left.set(left.saturating_sub(1));
                if left == 1 {
                    info!(
                        "upstream dates its documents by their last edit again: fetches are conditional again"
                    );
                }
            }
        }
    }
}
