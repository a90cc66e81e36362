//! Flags without an identity: the environment defaults, or what segments make of them that ask for no identity.

use rkyv::rancor::Error;

use super::render::RenderedFlag;
use crate::archive::{ArchivedEnvironment, Environment, PieceId};
use crate::document::{Document, Rule, Segment};
use crate::evaluate::{Patterns, Scratch, evaluate};
use crate::request::Identity;
use crate::side::Side;

/// How the properties of conditions begin that ask for no identity. They are those of Flagsmith's Rust engine 0.7.
const WITHOUT_IDENTITY: [&str; 4] = ["$.environment.", "$.environment[", "$.flags.", "$.flags["];

/// The document without what depends on an identity; `None` if no segment is left that overrides anything.
pub(super) fn without_identities<'v>(document: &Document<'v>) -> Option<Document<'v>> {
    let applies = |segment: &&Segment<'v>| {
        !segment.feature_states.is_empty() && asks_for_no_identity(&segment.rules)
    };
    let segments: Vec<Segment<'v>> = document
        .segments
        .iter()
        .filter(applies)
        .map(Segment::without_multivariate_values)
        .collect();
    (!segments.is_empty()).then(|| document.with_segments_alone(segments))
}

fn asks_for_no_identity(rules: &[Rule<'_>]) -> bool {
    let is_without = |property: &str| {
        WITHOUT_IDENTITY
            .iter()
            .any(|start| property.starts_with(start))
    };
    rules.iter().all(|rule| {
        let mut conditions = rule.conditions.iter();
        conditions.all(|condition| is_without(condition.property))
            && asks_for_no_identity(&rule.rules)
    })
}

/// The piece of each feature in an environment that was compiled from such a document. `defaults` are those without
/// segments. An error says why the environment cannot be evaluated.
pub(super) fn chosen_pieces(
    environment: &Environment,
    flags: &[RenderedFlag],
    defaults: &[PieceId],
) -> Result<Vec<PieceId>, Error> {
    let archive = rkyv::to_bytes::<Error>(environment)?;
    let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive)?;
    // Nothing is asked of the identity.
    let identity = Identity::new("".into());
    let patterns = Patterns::new(environment);
    let mut scratch = Scratch::new();
    let chosen = evaluate(
        environment,
        &patterns,
        Side::Server,
        &identity,
        &mut scratch,
    );
    let mut pieces = defaults.to_owned();
    for &piece in chosen.choices() {
        pieces[flags[piece as usize].feature.index()] = PieceId::new(piece as usize);
    }
    Ok(pieces)
}
