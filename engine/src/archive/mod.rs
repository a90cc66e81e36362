//! What a snapshot holds: one environment, with everything that can be worked out once per document.

mod answer;
mod contests;
mod dependencies;
mod environment;
mod ids;
mod interner;
mod ofrep;
mod operation;
mod options;
mod overrides;
mod pieces;
mod segments;
mod span;

pub use answer::{ArchivedConstantAnswer, ConstantAnswer};
pub(crate) use contests::{
    Allocation, ArchivedContest, ArchivedContests, ArchivedSalts, Candidate, Choosable, Contest,
    Contests, Salts, Split,
};
pub(crate) use dependencies::{
    ArchivedCircularStep, ArchivedDependencies, ArchivedFlagMember, ArchivedPrerequisite,
    ArchivedScalar, CircularSegment, CircularStep, Dependencies, FlagMember, FlagProperty,
    Prerequisite, Rival, Scalar, SeenFlag,
};
pub use environment::{ArchivedEnvironment, Environment, FORMAT};
pub(crate) use ids::{
    ArchivedSaltId, CandidateId, CircularSegmentId, ConditionId, ContestId, FeatureId, PatternId,
    PieceId, PrecedenceId, PrerequisiteId, PropertyId, QueryId, SaltId, ScalarId, SegmentId,
    SplitId,
};
pub(crate) use interner::Interner;
pub(crate) use ofrep::{OfrepDefaults, OfrepPiece, OfrepPieces, Source};
pub(crate) use operation::{
    ArchivedComparand, ArchivedOperation, ArchivedRelation, ArchivedTextComparand, Comparand,
    Operation, Relation, TextComparand,
};
pub use options::CompileOptions;
pub(crate) use overrides::{ArchivedOverriddenFlag, IdentityOverrides, OverriddenFlag};
pub(crate) use pieces::{ArchivedPiece, ArchivedSideAnswers, Choice, Piece, SideAnswers};
pub(crate) use segments::{
    ArchivedProperty, ArchivedSegments, ArchivedStep, CompiledCondition, Next, Property, Segments,
    Step,
};
pub(crate) use span::{ArchivedSpan, Span, length};
