//! An environment as it lies in a snapshot: everything that can be worked out once per document, laid out
//! to be read in place. Knows nothing of requests.

use rkyv::{Archive, Serialize};

use super::answer::{Answer, ArchivedAnswer};
use super::interner::Places;
use super::operation::Operation;
use super::span::Span;
use crate::pattern::PatternSource;
use crate::side::Side;

/// The number of the layout of what this crate archives; raise it with every change of that layout, and with every
/// change of what a document compiles to: what an earlier release left is served on while the document is the same.
pub const FORMAT: u32 = 2;

/// One environment, compiled.
#[derive(Archive, Serialize, Debug)]
pub struct Environment {
    pub(crate) name: Option<String>,
    pub(crate) api_key: String,
    pub(crate) updated_at: Option<String>,
    /// The document as upstream sent it.
    pub(crate) document: Answer,
    /// What a client-side key sees; `None` where that is all there is.
    pub(crate) client: Option<SideAnswers>,
    pub(crate) server: SideAnswers,
    /// Feature name -> its position: where it stands in every list of flags.
    pub(crate) features: Places,
    /// JSON of flag objects, each with a comma behind it; [`Piece`]s point into it.
    pub(crate) fragments: Vec<u8>,
    /// The features whose flag can differ between identities, by position.
    pub(crate) contests: Vec<Contest>,
    /// Those of them that may take a bucket to decide.
    pub(crate) split_contests: Vec<u32>,
    /// The segments that override a feature, strongest first; features with the same ones share them.
    pub(crate) precedences: Vec<Vec<u32>>,
    /// What contests are decided between.
    pub(crate) states: Vec<State>,
    pub(crate) splits: Vec<Split>,
    /// What an identity's buckets are computed from, each up to the identifier.
    pub(crate) salts: Places,
    /// How many of them, the first ones, are of segments.
    pub(crate) segment_salts: u32,
    /// The segments that override something: where each begins, among `steps`.
    pub(crate) segments: Vec<u32>,
    /// The rules of all segments, as questions to ask one after the other.
    pub(crate) steps: Vec<Step>,
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
    /// Those of one identifier by position of the feature.
    pub(crate) overrides: Vec<IdentityOverride>,
}

/// What one kind of key sees.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct SideAnswers {
    pub(crate) flags: Answer,
    /// Each feature's flag alone, by position; `None` where it is hidden.
    pub(crate) by_feature: Vec<Option<Answer>>,
    /// Every flag that a request can be answered with, each once, and its absence.
    pub(crate) pieces: Vec<Piece>,
}

/// The JSON of one flag object, and what it stands for in a list of flags.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// A range of `fragments`: the flag and a comma, or nothing.
    pub(crate) fragment: Span,
    /// Where its feature's flag stands in the body of `flags`, with the comma or bracket behind it.
    pub(crate) slot: Span,
    /// The piece to take when this one is chosen: itself, the absence of a flag where this one is hidden, or
    /// [`NO_PIECE`] where the list is the same with it as without.
    pub(crate) choice: u32,
    /// How many bytes longer a list gets by it.
    pub(crate) growth: i32,
}

/// No piece at all.
pub(crate) const NO_PIECE: u32 = u32::MAX;

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
    /// Among `pieces`.
    Plain(u32),
    /// It has multivariate values: its place among `splits`.
    Split(u32),
}

/// A feature state with multivariate values.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Split {
    /// What its bucket is computed from, among `salts`.
    pub(crate) salt: u32,
    /// Its own value, among `pieces`.
    pub(crate) own: u32,
    pub(crate) multivariate_values: Vec<MultivariateValue>,
}

/// An alternative value: chosen when `start <= bucket < limit`.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct MultivariateValue {
    pub(crate) start: f64,
    pub(crate) limit: f64,
    /// Among `pieces`.
    pub(crate) piece: u32,
}

/// What is overridden for one identifier and feature.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct IdentityOverride {
    /// The feature's position.
    pub(crate) feature: u32,
    /// Among `pieces`.
    pub(crate) piece: u32,
}

/// One question of a segment's rules and where its answer leads: another step, [`MATCHES`] or [`MATCHES_NOT`].
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Among `conditions`.
    pub(crate) condition: u32,
    pub(crate) when_true: u32,
    pub(crate) when_false: u32,
}

/// The end of a segment's steps: it matches.
pub(crate) const MATCHES: u32 = u32::MAX;
/// The end of a segment's steps: it does not match.
pub(crate) const MATCHES_NOT: u32 = u32::MAX - 1;

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

    /// Compresses the constant answers that [`compile`](crate::compile) left as they are because that takes longer than
    /// all else. `true` when there is more to publish than before.
    pub fn compress(&mut self) -> bool {
        self.compress_within(usize::MAX)
    }

    /// Compresses constant answers of so many bytes together, those asked for most first.
    pub(crate) fn compress_within(&mut self, mut budget: usize) -> bool {
        let mut sides: Vec<&mut SideAnswers> = self.client.iter_mut().collect();
        sides.push(&mut self.server);
        let mut any = false;
        for side in &mut sides {
            any |= side.flags.compress(&mut budget);
        }
        for side in sides {
            for flag in side.by_feature.iter_mut().flatten() {
                any |= flag.compress(&mut budget);
            }
        }
        any | self.document.compress(&mut budget)
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
            Side::Client => self.client.as_ref().unwrap_or(&self.server),
            Side::Server => &self.server,
        }
    }

    /// What is overridden for an identifier, by position of the feature.
    pub(crate) fn overrides_of(&self, identifier: &str) -> &[ArchivedIdentityOverride] {
        match self.identifiers.get(identifier.as_bytes()) {
            Some(place) => &self.overrides[self.identity_overrides[place as usize].range()],
            None => &[],
        }
    }
}
