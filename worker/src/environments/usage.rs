//! How many requests an environment has answered since that was last reported. Upstream is told, not the operator: what
//! metrics count has no environment.

use std::cell::Cell;

use journal::Usage;

/// What a request was for, as upstream counts usage. OFREP evaluates identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Flags,
    Identities,
    Document,
}

/// The counters of one environment, which only this worker's thread counts in.
#[derive(Debug, Default)]
pub(crate) struct UsageCounters([Cell<u64>; 3]);

impl UsageCounters {
    /// Counts a request. Costs one addition to memory that nobody else writes.
    #[inline]
    pub(crate) fn count(&self, resource: Resource) {
        let counter = &self.0[resource as usize];
        counter.set(counter.get() + 1);
    }

    /// What was counted since it was last reported; `None` if nothing was.
    pub(super) fn unreported(&self) -> Option<Usage> {
        let [flags, identities, document] = [0, 1, 2].map(|counter: usize| self.0[counter].get());
        let usage = Usage {
            flags,
            identities,
            document,
        };
        (usage != Usage::default()).then_some(usage)
    }

    /// All that was counted is reported.
    pub(super) fn reported(&self) {
        self.0.iter().for_each(|counter| counter.set(0));
    }
}
