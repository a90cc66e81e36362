//! An environment as it lies in a snapshot: everything that can be worked out once per document, laid out
//! to be read in place. Knows nothing of requests.

use std::ops::Range;

use rkyv::rend::u32_le;
use rkyv::{Archive, Serialize};

use crate::answer::{Answer, ArchivedAnswer};
use crate::operation::Operation;
use crate::pattern::PatternSource;
use crate::places::Places;
use crate::side::Side;

/// The number of the layout of what this crate archives; raise it with every change of that layout.
pub const FORMAT: u32 = 2;

/// One environment, compiled.
#[derive(Archive, Serialize, Debug)]
pub struct Environment {
    pub(crate) name: Option<String>,
    pub(crate) api_key: String,
    pub(crate) updated_at: Option<String>,
    /// The document as upstream sent it.
    pub(crate) document: Answer,
    pub(crate) client: SideAnswers,
    pub(crate) server: SideAnswers,
    /// Feature name -> its position: where it stands in every list of flags.
    pub(crate) features: Places,
    /// JSON of flag objects, each with a comma behind it; [`Fragment`]s point into it.
    pub(crate) fragment_bytes: Vec<u8>,
    /// Every flag that a request can be answered with, each once.
    pub(crate) fragments: Vec<Fragment>,
    /// Each feature's environment default, among `fragments`, by position.
    pub(crate) defaults: Vec<u32>,
    /// The features whose flag can differ between identities, by position.
    pub(crate) contests: Vec<Contest>,
    /// The segments that override a feature, strongest first; features with the same ones share them.
    pub(crate) precedences: Vec<Vec<u32>>,
    /// What contests are decided between.
    pub(crate) states: Vec<State>,
    pub(crate) splits: Vec<Split>,
    /// Segments that override something.
    pub(crate) segments: Vec<Segment>,
    /// Every rule of every segment; children of one parent stand together.
    pub(crate) rules: Vec<Rule>,
    /// The conditions of every rule, as places among `conditions`.
    pub(crate) rule_conditions: Vec<u32>,
    /// Each condition once, however many rules have it.
    pub(crate) conditions: Vec<Condition>,
    /// What conditions look at; a condition knows its property by place.
    pub(crate) properties: Vec<Property>,
    /// Property name -> its place among `properties`.
    pub(crate) property_names: Places,
    pub(crate) patterns: Vec<PatternSource>,
    /// JSONPath queries that need the whole evaluation context.
    pub(crate) queries: Vec<String>,
    /// That context without its identity, as JSON; only where there are queries.
    pub(crate) context: Option<String>,
    /// Identifier -> its place among `identity_overrides`.
    pub(crate) identifiers: Places,
    /// For each identifier a run of `overrides`.
    pub(crate) identity_overrides: Vec<Span>,
    /// Identity overrides, among `fragments`; those of one identifier by position of the feature.
    pub(crate) overrides: Vec<u32>,
}

/// The constant answers for one kind of key.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct SideAnswers {
    pub(crate) flags: Answer,
    /// Where in the body of `flags` each feature's flag starts, by position; one more for the end of the last. What
    /// comes behind a flag, comma or bracket, is part of it. A hidden feature takes no room.
    pub(crate) starts: Vec<u32>,
    /// Each feature's flag alone, by position; `None` where it is hidden.
    pub(crate) by_feature: Vec<Option<Answer>>,
}

/// The JSON of one flag object and a comma: a range of `fragment_bytes`.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The position of its feature.
    pub(crate) feature: u32,
    /// Neither server-key-only nor hidden because it is disabled.
    pub(crate) visible_to_client: bool,
}

/// A feature that segments override or that has multivariate values.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Contest {
    /// Among `precedences`.
    pub(crate) precedence: u32,
    /// The first of its feature states among `states`: one for each segment of its precedence, in that order, and
    /// then the environment default.
    pub(crate) states: u32,
    /// The feature's position.
    pub(crate) feature: u32,
}

/// A feature state, ready to be copied into an answer.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) enum State {
    /// Among `fragments`.
    Plain(u32),
    /// It has multivariate values: its place among `splits`.
    Split(u32),
}

/// A feature state with multivariate values.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Split {
    /// What its bucket is computed from, up to the identifier.
    pub(crate) salt: String,
    /// Its own value, among `fragments`.
    pub(crate) own: u32,
    pub(crate) multivariate_values: Vec<MultivariateValue>,
}

/// An alternative value: chosen when `start <= bucket < limit`.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct MultivariateValue {
    pub(crate) start: f64,
    pub(crate) limit: f64,
    /// Among `fragments`.
    pub(crate) fragment: u32,
}

/// A segment: matches when it has a rule and all of them match.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Segment {
    pub(crate) id: String,
    pub(crate) rules: Span,
}

/// A run of `rules` or `rule_conditions`.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A rule over its conditions and its nested rules.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Rule {
    pub(crate) quantifier: Quantifier,
    pub(crate) conditions: Span,
    pub(crate) rules: Span,
}

/// How many of a rule's parts must match.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Quantifier {
    All,
    Any,
    /// Not one.
    None,
}

/// An operation on a property's value.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Condition {
    /// Among `properties`.
    pub(crate) property: u32,
    pub(crate) operation: Operation,
}

/// What a condition looks at. A trait of the property's own name comes first, wherever it may be sent.
#[derive(Archive, Serialize, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Property {
    /// A trait and nothing else.
    Trait,
    /// `$.identity.traits.<name>`: another property, which is that trait.
    TraitOfPath(u32),
    /// `$.identity.identifier`.
    Identifier,
    /// `$.identity.key`.
    IdentityKey,
    /// `$.environment.name`.
    EnvironmentName,
    /// `$.environment.key`.
    EnvironmentKey,
    /// Any other JSONPath: its place among `queries`.
    Query(u32),
    /// The identity key as it is, not coerced: what a percentage split without a property looks at.
    RawIdentityKey,
}

impl Environment {
    /// The environment's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When upstream last changed the document, as the document says it (ISO 8601).
    pub fn updated_at(&self) -> Option<&str> {
        self.updated_at.as_deref()
    }
}

impl ArchivedEnvironment {
    /// The environment's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The client-side key that the document itself names.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// When upstream last changed the document, as the document says it (ISO 8601).
    pub fn updated_at(&self) -> Option<&str> {
        self.updated_at.as_deref()
    }

    /// Every flag that a key of that side may see, without an identity.
    pub fn flags(&self, side: Side) -> &ArchivedAnswer {
        &self.side(side).flags
    }

    /// One flag by its feature's exact name; `None` when unknown or hidden from that side.
    pub fn flag(&self, side: Side, feature: &str) -> Option<&ArchivedAnswer> {
        let position = self.features.get(feature.as_bytes())?;
        self.side(side).by_feature.get(position as usize)?.as_ref()
    }

    /// The document, byte for byte as upstream sent it.
    pub fn document(&self) -> &ArchivedAnswer {
        &self.document
    }

    pub(crate) fn side(&self, side: Side) -> &ArchivedSideAnswers {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(crate) fn fragment(&self, place: u32) -> &ArchivedFragment {
        &self.fragments[place as usize]
    }

    pub(crate) fn fragment_bytes(&self, fragment: &ArchivedFragment) -> &[u8] {
        &self.fragment_bytes[fragment.start.to_native() as usize..fragment.end.to_native() as usize]
    }

    /// What is overridden for an identifier, among `fragments`, by position of the feature.
    pub(crate) fn overrides_of(&self, identifier: &str) -> &[u32_le] {
        match self.identifiers.get(identifier.as_bytes()) {
            Some(place) => &self.overrides[self.identity_overrides[place as usize].range()],
            None => &[],
        }
    }
}

impl ArchivedSideAnswers {
    /// Where in the body of `flags` that feature's flag stands, with what comes behind it.
    pub(crate) fn slot(&self, feature: u32) -> Range<usize> {
        let feature = feature as usize;
        self.starts[feature].to_native() as usize..self.starts[feature + 1].to_native() as usize
    }

    /// Where in the body of `flags` the last flag ends.
    pub(crate) fn end(&self) -> usize {
        self.starts.last().map_or(1, |end| end.to_native() as usize)
    }
}

impl ArchivedSpan {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start.to_native() as usize..self.end.to_native() as usize
    }
}
