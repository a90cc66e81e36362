//! An environment as it lies in a snapshot: everything that can be worked out once per document, laid out
//! to be read in place. Knows nothing of requests.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use rkyv::{Archive, Serialize};

use crate::answer::{Answer, ArchivedAnswer};
use crate::operation::Operation;
use crate::pattern::PatternSource;
use crate::side::Side;

/// A map whose archive depends on its entries alone: the same document always makes the same bytes.
pub(crate) type Table<V> = HashMap<String, V, BuildHasherDefault<DefaultHasher>>;

/// The number of the layout of what this crate archives; raise it with every change of that layout.
pub const FORMAT: u32 = 1;

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
    /// JSON of flag objects, end to end; [`Fragment`]s point into it.
    pub(crate) fragments: Vec<u8>,
    /// Every feature state that a request can be answered with besides the environment defaults' own values.
    pub(crate) states: Vec<State>,
    /// The features whose flag can differ between identities, by position.
    pub(crate) contests: Vec<Contest>,
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
    /// Trait name -> the property of that name.
    pub(crate) trait_names: Table<u32>,
    pub(crate) patterns: Vec<PatternSource>,
    /// JSONPath queries that need the whole evaluation context.
    pub(crate) queries: Vec<String>,
    /// That context without its identity, as JSON; only where there are queries.
    pub(crate) context: Option<String>,
    /// Identifier -> what is overridden for it, by position of the feature.
    pub(crate) identity_overrides: Table<Vec<IdentityOverride>>,
}

/// The constant answers for one kind of key.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct SideAnswers {
    pub(crate) flags: Answer,
    /// Where in the body of `flags` each feature's flag starts, its comma included, by position; one more
    /// for the end of the last. A hidden feature takes no room.
    pub(crate) starts: Vec<u32>,
    /// Feature name -> its flag alone.
    pub(crate) by_feature: Table<Answer>,
}

/// The JSON of one flag object: a range of `fragments`.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A feature state, ready to be copied into an answer.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct State {
    /// What its bucket is computed from.
    pub(crate) key: String,
    pub(crate) own: Fragment,
    pub(crate) multivariate_values: Vec<MultivariateValue>,
    /// Neither server-key-only nor hidden because it is disabled.
    pub(crate) visible_to_client: bool,
}

/// An alternative value: chosen when `start <= bucket < limit`.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct MultivariateValue {
    pub(crate) start: f64,
    pub(crate) limit: f64,
    pub(crate) fragment: Fragment,
}

/// A feature that segments override or that has multivariate values.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Contest {
    /// The feature's position.
    pub(crate) feature: u32,
    /// Its environment default, among `states`.
    pub(crate) default: u32,
    /// Strongest first.
    pub(crate) overrides: Vec<SegmentOverride>,
}

/// One segment's feature state for a feature.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct SegmentOverride {
    pub(crate) segment: u32,
    /// Among `states`.
    pub(crate) state: u32,
}

/// What is overridden for one identifier.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct IdentityOverride {
    /// The feature's position.
    pub(crate) feature: u32,
    pub(crate) fragment: Fragment,
    pub(crate) visible_to_client: bool,
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
        self.side(side).by_feature.get(feature)
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

    pub(crate) fn fragment(&self, fragment: &ArchivedFragment) -> &[u8] {
        &self.fragments[fragment.start.to_native() as usize..fragment.end.to_native() as usize]
    }
}
