//! Contests: the features whose flag can differ between identities, and what decides.

use rkyv::{Archive, Serialize};

use super::ids::{
    CandidateId, ContestId, FeatureId, PieceId, PrecedenceId, SaltId, SegmentId, SplitId,
};
use super::interner::Interner;

/// The contests of an environment.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Contests {
    /// In the order of the features.
    pub(crate) contests: Vec<Contest>,
    /// The contests in which a bucket may decide.
    pub(crate) splits_among: Vec<ContestId>,
    /// The segments that override a feature, strongest first. Features with the same ones share them.
    pub(crate) precedences: Vec<Vec<SegmentId>>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) splits: Vec<Split>,
}

/// A feature that segments override or that is multivariate.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Contest {
    pub(crate) feature: FeatureId,
    pub(crate) precedence: PrecedenceId,
    /// The first of its candidates: one for each segment of the precedence, then the environment default.
    pub(crate) candidates: CandidateId,
}

/// A feature state that may win a contest.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) enum Candidate {
    Plain(PieceId),
    /// It has multivariate values, so that a bucket decides.
    Split(SplitId),
}

/// A feature state with multivariate values.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Split {
    pub(crate) salt: SaltId,
    /// The value for a bucket outside all allocations.
    pub(crate) own: PieceId,
    pub(crate) allocations: Vec<Allocation>,
}

/// A multivariate value. It is chosen if `start <= bucket < limit`.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Allocation {
    pub(crate) start: f64,
    pub(crate) limit: f64,
    pub(crate) piece: PieceId,
}

/// The texts that buckets are computed from, each up to the identifier.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Salts {
    pub(crate) texts: Interner,
    /// How many of them belong to segments. These are the first ones.
    pub(crate) of_segments: u32,
}
