//! Segments: their rules as steps, and the conditions and properties that steps ask for.

use rkyv::{Archive, Serialize};

use super::ids::{ConditionId, PropertyId, QueryId, StepId};
use super::interner::Interner;
use super::operation::Operation;
use crate::pattern::PatternSource;

/// The segments that override a feature.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Segments {
    /// The first step of each segment.
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

/// What follows a step: another one, or the end.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) enum Next {
    Step(StepId),
    /// The segment matches.
    Match,
    /// The segment does not match.
    NoMatch,
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
    /// Any other JSONPath.
    Query(QueryId),
}
