//! Identity overrides: the flags of single identifiers.

use rkyv::{Archive, Serialize};

use super::contests::Candidate;
use super::ids::FeatureId;
use super::interner::Interner;
use super::span::Span;

/// The identity overrides of an environment: one look-up, however many there are.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct IdentityOverrides {
    pub(crate) identifiers: Interner,
    /// For each identifier a range of `flags`.
    pub(crate) ranges: Vec<Span>,
    /// The flags of each identifier are in the order of the features.
    pub(crate) flags: Vec<OverriddenFlag>,
}

/// The flag of one identifier and feature.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct OverriddenFlag {
    pub(crate) feature: FeatureId,
    pub(crate) candidate: Candidate,
}

impl ArchivedIdentityOverrides {
    /// The flags of an identifier, in the order of the features.
    #[inline(always)]
    pub(crate) fn of(&self, identifier: &str) -> &[ArchivedOverriddenFlag] {
        match self.identifiers.get(identifier.as_bytes()) {
            Some(number) => &self.flags[self.ranges[number].range()],
            None => &[],
        }
    }
}
