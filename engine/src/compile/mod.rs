//! Compiling: an environment document, lowered into an [`Environment`] made to be read in place.
//!
//! Everything that a request would otherwise work out again is worked out here: constant answers, the JSON of
//! every flag that can be chosen, operands in every type, the strength of overrides. Knows nothing of requests.

mod fragments;
mod segments;

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::answer::Answer;
use crate::document::{Document, DocumentError, FeatureState};
use crate::environment::{
    Contest, Environment, IdentityOverride, SegmentOverride, SideAnswers, State, Table,
};
use crate::json::Value;
use crate::patterns::Patterns;
use crate::side::Side;
use fragments::Fragments;
use segments::Segments;

/// A compiled document.
#[derive(Debug)]
pub struct Compiled {
    /// What is published.
    pub environment: Environment,
    /// What in the document can never have an effect, one line each, naming segment and condition.
    pub warnings: Vec<String>,
}

/// Compiles an environment document as upstream sent it.
///
/// # Errors
/// When it is not JSON, or a member that answers need is missing or of another type; the error names the
/// member and its place.
pub fn compile(document: &[u8]) -> Result<Compiled, DocumentError> {
    let text = std::str::from_utf8(document).map_err(|error| {
        DocumentError::whole(format!("not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let root = Value::from_document(text).map_err(|error| {
        DocumentError::whole(format!(
            "not JSON at byte {}: {}",
            error.position, error.message
        ))
    })?;
    lower(&Document::read(&root)?, document)
}

fn lower(document: &Document<'_>, bytes: &[u8]) -> Result<Compiled, DocumentError> {
    let mut fragments = Fragments::new(document);
    let mut segments = Segments::default();
    let mut warnings = Vec::new();
    let mut states = Vec::new();
    let positions: HashMap<&str, u32> = (0..)
        .zip(&document.feature_states)
        .map(|(position, state)| (state.feature_name, position))
        .collect();

    let mut overrides: Vec<Vec<(f64, SegmentOverride)>> = Vec::new();
    overrides.resize_with(document.feature_states.len(), Vec::new);
    for segment in &document.segments {
        let counts = |state: &&FeatureState<'_>| positions.contains_key(state.feature_name);
        let mut counting = segment.feature_states.iter().filter(counts).peekable();
        if counting.peek().is_none() {
            continue;
        }
        let Some(place) = segments.add(segment, &mut warnings) else {
            continue;
        };
        for state in counting {
            let priority = state
                .priority
                .map_or(f64::INFINITY, |(priority, _)| priority);
            let segment_override = SegmentOverride {
                segment: place,
                state: length(&states),
            };
            overrides[positions[state.feature_name] as usize].push((priority, segment_override));
            states.push(fragments.state(state));
        }
    }

    let mut contests = Vec::new();
    for ((feature, state), mut overrides) in (0..).zip(&document.feature_states).zip(overrides) {
        if overrides.is_empty() && state.multivariate_values.is_empty() {
            continue;
        }
        // Stable: of equal priorities the one that stands first in the document is the stronger.
        overrides.sort_by(|(left, _), (right, _)| {
            // 0.0 and -0.0 are equal, and no document has a NaN.
            left.partial_cmp(right).unwrap_or(Ordering::Equal)
        });
        let overrides = overrides
            .into_iter()
            .map(|(_, segment_override)| segment_override)
            .collect();
        contests.push(Contest {
            feature,
            default: length(&states),
            overrides,
        });
        states.push(fragments.state(state));
    }

    let identity_overrides = identity_overrides(document, &positions, &mut fragments);
    let context = (!segments.queries.is_empty()).then(|| fragments::context(document));
    if context
        .as_deref()
        .is_some_and(|context| Patterns::read_context(context).is_none())
    {
        warnings.push(
            "the document nests too deep for JSONPath properties; none is ever set".to_owned(),
        );
    }
    Ok(Compiled {
        environment: Environment {
            name: document.name.map(str::to_owned),
            api_key: document.api_key.to_owned(),
            updated_at: document.updated_at.map(str::to_owned),
            document: Answer::new(bytes.to_vec()),
            client: constant_answers(document, &fragments, Side::Client),
            server: constant_answers(document, &fragments, Side::Server),
            fragments: fragments.finish()?,
            states,
            contests,
            segments: segments.segments,
            rules: segments.rules,
            rule_conditions: segments.rule_conditions,
            conditions: segments.conditions,
            properties: segments.properties,
            trait_names: segments.trait_names,
            patterns: segments.patterns,
            queries: segments.queries,
            context,
            identity_overrides,
        },
        warnings,
    })
}

/// The answers that depend on nothing but the kind of key.
fn constant_answers(document: &Document<'_>, fragments: &Fragments<'_>, side: Side) -> SideAnswers {
    let mut body = vec![b'['];
    let mut starts = Vec::with_capacity(document.feature_states.len() + 1);
    let mut by_feature = Table::default();
    for state in &document.feature_states {
        starts.push(length(&body));
        if side == Side::Client && !fragments.is_visible_to_client(state) {
            continue;
        }
        let flag = fragments.flag(state, state.value);
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend_from_slice(&flag);
        by_feature.insert(state.feature_name.to_owned(), Answer::new(flag));
    }
    starts.push(length(&body));
    body.push(b']');
    SideAnswers {
        flags: Answer::new(body),
        starts,
        by_feature,
    }
}

/// By identifier: of several overrides of one feature the first in the document counts.
fn identity_overrides(
    document: &Document<'_>,
    positions: &HashMap<&str, u32>,
    fragments: &mut Fragments<'_>,
) -> Table<Vec<IdentityOverride>> {
    let mut table: Table<Vec<IdentityOverride>> = Table::default();
    for entry in &document.identity_overrides {
        let held = table.entry(entry.identifier.to_owned()).or_default();
        for state in &entry.feature_states {
            let Some(feature) = positions.get(state.feature_name).copied() else {
                continue;
            };
            if let Err(place) = held.binary_search_by_key(&feature, |known| known.feature) {
                let State {
                    own,
                    visible_to_client,
                    ..
                } = fragments.state(state);
                held.insert(
                    place,
                    IdentityOverride {
                        feature,
                        fragment: own,
                        visible_to_client,
                    },
                );
            }
        }
    }
    table.retain(|_, held| !held.is_empty());
    table
}

/// A collection's length, which is the place of what is pushed next. Archived places have 32 bits;
/// [`Fragments::finish`] refuses the one collection that could outgrow them.
fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
