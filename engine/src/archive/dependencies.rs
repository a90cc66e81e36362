//! Dependent flags: the flags that conditions read (prerequisites), and the segments that are in cycles of them.

use rkyv::{Archive, Serialize};

use super::ids::{CircularSegmentId, ConditionId, ContestId, PropertyId, ScalarId, SegmentId};
use super::segments::Next;
use crate::json::StoredInteger;

/// The dependencies of an environment. All are empty if no condition reads a flag.
#[derive(Archive, Serialize, Debug, Default)]
pub(crate) struct Dependencies {
    /// First those that reach no cycle, each after those that it depends on.
    pub(crate) prerequisites: Vec<Prerequisite>,
    /// How many of them reach no cycle. The others are called circular.
    pub(crate) acyclic: u32,
    /// What conditions see of each flag, by `PieceId`.
    pub(crate) seen: Vec<SeenFlag>,
    pub(crate) scalars: Vec<Scalar>,
    /// The segments that read circular flags, in the order of the document.
    pub(crate) segments: Vec<CircularSegment>,
    pub(crate) steps: Vec<CircularStep>,
}

/// A flag that conditions read.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Prerequisite {
    pub(crate) contest: ContestId,
    /// The properties that read it.
    pub(crate) properties: Vec<FlagProperty>,
    /// The segments that override it, in the order of the document. Empty if the flag is not circular.
    pub(crate) rivals: Vec<Rival>,
    /// The number of the cycle that it is in if all conditions are evaluated.
    pub(crate) cycle: Option<u32>,
}

/// A property that reads a flag.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct FlagProperty {
    pub(crate) property: PropertyId,
    pub(crate) member: FlagMember,
}

/// A member of a flag that conditions read.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FlagMember {
    Enabled,
    Value,
    Variant,
    /// The flag as a whole, or a member that it does not have: null. Reading it counts nevertheless.
    Unknown,
}

/// A segment that overrides a circular flag.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Rival {
    pub(crate) segment: SegmentId,
    /// Set if the segment itself reads circular flags.
    pub(crate) circular: Option<CircularSegmentId>,
    /// Its first index in the precedence of the contest.
    pub(crate) rank: u32,
}

/// What conditions see of a flag.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct SeenFlag {
    pub(crate) enabled: ScalarId,
    pub(crate) value: ScalarId,
    pub(crate) variant: ScalarId,
}

/// A value of a flag. A list or an object is `Null`.
#[derive(Archive, Serialize, Debug)]
pub(crate) enum Scalar {
    Null,
    Boolean(bool),
    Integer(StoredInteger),
    Float(f64),
    Text(String),
}

/// A segment that reads circular flags.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct CircularSegment {
    pub(crate) segment: SegmentId,
    /// The first of the circular steps.
    pub(crate) start: Next,
    /// The number of the cycle that it is in if all conditions are evaluated.
    pub(crate) cycle: Option<u32>,
}

/// A step of a segment that reads circular flags. Unlike a [`Step`](super::Step) it keeps to the order of the
/// document, and to what Flagsmith's engine evaluates: also the nested rules of a rule whose conditions fail, because a
/// cycle in there counts.
#[derive(Archive, Serialize, Debug)]
pub(crate) enum CircularStep {
    Ask {
        condition: ConditionId,
        when_true: Next,
        when_false: Next,
    },
    /// Keeps whether the conditions of a rule match until its nested rules are evaluated.
    Keep { matches: bool, next: Next },
    /// Takes back what was kept last.
    TakeBack { when_true: Next, when_false: Next },
}
