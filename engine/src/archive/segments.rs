//! Segments: their rules as steps, and the conditions and properties that steps ask for.

use rkyv::{Archive, Serialize};

use super::ids::{ConditionId, PrerequisiteId, PropertyId, QueryId};
use super::interner::Interner;
use super::operation::Operation;
use crate::pattern::PatternSource;

/// The segments that override a feature, and those that read circular flags.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Segments {
    /// The first step of each segment. A segment that reads circular flags has other steps.
    pub(crate) segments: Vec<Next>,
    pub(crate) steps: Vec<Step>,
    /// Each condition once, however many rules have it.
    pub(crate) conditions: Vec<CompiledCondition>,
    pub(crate) properties: Vec<Property>,
    /// The names of the properties, by `PropertyId`.
    pub(crate) property_names: Interner,
    pub(crate) patterns: Vec<PatternSource>,
    /// JSONPath queries that need the whole evaluation context.
    pub(crate) queries: Vec<String>,
    /// The evaluation context as JSON, without its identity; `None` if there are no queries.
    pub(crate) context: Option<String>,
}

/// One condition of a segment, and the steps that follow.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) condition: ConditionId,
    pub(crate) when_true: Next,
    pub(crate) when_false: Next,
}

/// What follows a step: the index of another one, or the end. It is no enum because that takes 3 % more instructions to
/// answer where there are many segments.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next(u32);

impl Next {
    /// The segment matches.
    pub(crate) const MATCH: Next = Next(u32::MAX);
    /// The segment does not match.
    pub(crate) const NO_MATCH: Next = Next(u32::MAX - 1);

    /// Another step.
    pub(crate) fn new(step: usize) -> Next {
        Next(u32::try_from(step).unwrap_or(u32::MAX))
    }

    /// The index of the next step, unless this is the end.
    #[inline(always)]
    pub(crate) fn step(self) -> Option<usize> {
        (self.0 < Next::NO_MATCH.0).then_some(self.0 as usize)
    }
}

impl ArchivedNext {
    #[inline(always)]
    pub(crate) fn get(&self) -> Next {
        Next(self.0.to_native())
    }
}

/// An operation on the value of a property.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct CompiledCondition {
    pub(crate) property: PropertyId,
    pub(crate) operation: Operation,
}

/// Where the value of a property comes from. Whatever it is, a trait with the name of the property comes first.
#[derive(Archive, Serialize, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Property {
    /// That trait only.
    Trait,
    /// `$.identity.traits.<name>`: the trait of another property.
    TraitOfPath(PropertyId),
    /// `$.identity.identifier`.
    Identifier,
    /// `$.identity.key`.
    IdentityKey,
    /// `$.environment.name`.
    EnvironmentName,
    /// `$.environment.key`.
    EnvironmentKey,
    /// `$.flags.<name>`: a member of a flag. It is set when the flag is decided.
    Flag(PrerequisiteId),
    /// Any other JSONPath.
    Query(QueryId),
}
