//! Ids: typed indices into the tables of an [`Environment`](super::Environment).

use rkyv::{Archive, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])+ $id:ident, $archived:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[rkyv(derive(PartialEq, PartialOrd))]
        pub(crate) struct $id(u32);

        #[allow(dead_code, reason = "not every table is looked up on both sides of the archive")]
        impl $id {
            /// The id of the item that has this index. An archive has 32-bit offsets, so a larger index cannot be
            /// archived.
            pub(crate) fn new(index: usize) -> $id {
                $id(u32::try_from(index).unwrap_or(u32::MAX))
            }

            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }

            /// The index as it is archived.
            pub(crate) fn number(self) -> u32 {
                self.0
            }
        }

        #[allow(dead_code, reason = "not every table is looked up on both sides of the archive")]
        impl $archived {
            #[inline(always)]
            pub(crate) fn index(&self) -> usize {
                self.0.to_native() as usize
            }

        }
    )+};
}

ids! {
    /// A feature, by its position in every list of flags.
    FeatureId, ArchivedFeatureId;
    /// A piece of either side.
    PieceId, ArchivedPieceId;
    /// A contest.
    ContestId, ArchivedContestId;
    /// A list of segments, strongest first.
    PrecedenceId, ArchivedPrecedenceId;
    /// What a contest may choose.
    CandidateId, ArchivedCandidateId;
    /// A feature state with multivariate values.
    SplitId, ArchivedSplitId;
    /// The text that a bucket is computed from, up to the identifier.
    SaltId, ArchivedSaltId;
    /// A segment that overrides a feature.
    SegmentId, ArchivedSegmentId;
    /// A condition, which any number of steps may ask.
    ConditionId, ArchivedConditionId;
    /// What conditions look at.
    PropertyId, ArchivedPropertyId;
    /// A regular expression.
    PatternId, ArchivedPatternId;
    /// A JSONPath query.
    QueryId, ArchivedQueryId;
    /// A flag that conditions read.
    PrerequisiteId, ArchivedPrerequisiteId;
    /// A segment that reads circular flags.
    CircularSegmentId, ArchivedCircularSegmentId;
    /// A value of a flag that conditions may read.
    ScalarId, ArchivedScalarId;
}
