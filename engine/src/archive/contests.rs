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
    /// The segments that override a feature, strongest first. Features with the same ones share them, except circular
    /// flags.
    pub(crate) precedences: Vec<Vec<SegmentId>>,
    pub(crate) candidates: Vec<Candidate>,
    /// Those of identity overrides too.
    pub(crate) splits: Vec<Split>,
}

/// A feature that segments override, that is multivariate, or whose flag conditions read.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Contest {
    pub(crate) feature: FeatureId,
    pub(crate) precedence: PrecedenceId,
    /// The first of its candidates: one for each segment of the precedence, then the environment default.
    pub(crate) candidates: CandidateId,
}

/// A feature state that may be chosen: a piece or a split, in one number. An enum would take twice the memory, and
/// there may be a million identity overrides.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Candidate(u32);

/// A candidate as it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choosable {
    /// The index of a piece.
    Piece(usize),
    /// The index of a split: a bucket decides.
    Split(usize),
}

impl Candidate {
    /// No archive is large enough to have so many pieces or splits.
    const SPLIT: u32 = 1 << 31;

    pub(crate) fn piece(piece: PieceId) -> Candidate {
        Candidate(piece.number())
    }

    pub(crate) fn split(split: SplitId) -> Candidate {
        Candidate(split.number() | Candidate::SPLIT)
    }

    #[inline(always)]
    pub(crate) fn get(self) -> Choosable {
        let index = (self.0 & !Candidate::SPLIT) as usize;
        if self.0 < Candidate::SPLIT {
            Choosable::Piece(index)
        } else {
            Choosable::Split(index)
        }
    }
}

impl ArchivedCandidate {
    #[inline(always)]
    pub(crate) fn get(&self) -> Choosable {
        Candidate(self.0.to_native()).get()
    }
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

impl ArchivedAllocation {
    /// Whether it is chosen, unless one before it is.
    #[inline(always)]
    pub(crate) fn contains(&self, bucket: f64) -> bool {
        self.start <= bucket && self.limit > bucket
    }
}

/// The texts that buckets are computed from, each up to the identifier.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Salts {
    pub(crate) texts: Interner,
    /// How many of them belong to segments. These are the first ones.
    pub(crate) of_segments: u32,
    /// How many of them belong to segments or contests. The others belong to identity overrides: each is needed for one
    /// identifier, and there may be very many.
    pub(crate) of_contests: u32,
}
