//! Compiling: an environment document, lowered into an [`Environment`] made to be read in place.
//!
//! Everything that a request would otherwise work out again is worked out here: constant answers, the JSON of
//! every flag that can be chosen, operands in every type, the strength of overrides. Knows nothing of requests.

mod fragments;
mod segments;
mod sides;
mod steps;

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::archive::Answer;
use crate::archive::{Contest, Environment, IdentityOverride, Span, State};
use crate::archive::{Places, length};
use crate::document::{Document, DocumentError, FeatureState};
use crate::evaluate::Patterns;
use crate::json::Value;
use crate::side::Side;
use fragments::Fragments;
use segments::Segments;

/// So many bytes of constant answers are compressed when a document is compiled, which takes about a millisecond. More
/// would hold up what they say: [`Environment::compress`] makes up for it.
const COMPRESSED_AT_ONCE: usize = 64 * 1024;

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
    let text = std::str::from_utf8(document).map_err(|error| DocumentError::not_utf8(&error))?;
    let root = Value::from_document(text)?;
    lower(&Document::read(&root)?, document)
}

fn lower(document: &Document<'_>, bytes: &[u8]) -> Result<Compiled, DocumentError> {
    let mut fragments = Fragments::new(document);
    let mut segments = Segments::new(document.api_key);
    let mut warnings = Vec::new();
    let mut features = Places::new();
    let positions: HashMap<&str, u32> = document
        .feature_states
        .iter()
        .map(|state| {
            (
                state.feature_name,
                features.add(state.feature_name.as_bytes()),
            )
        })
        .collect();

    // All segments come first, so that their salts stand together.
    let counts = |state: &&FeatureState<'_>| positions.contains_key(state.feature_name);
    let mut overriding = Vec::new();
    for segment in &document.segments {
        if segment.feature_states.iter().any(|state| counts(&state)) {
            let place = segments.add(segment, &mut warnings);
            overriding.extend(place.map(|place| (place, segment)));
        }
    }
    let segment_salts = u32::try_from(segments.salts.len()).unwrap_or(u32::MAX);
    let defaults = (0..).zip(&document.feature_states);
    let defaults: Vec<State> = defaults
        .map(|(feature, state)| fragments.state(state, feature, &mut segments.salts))
        .collect();

    // By feature: priority, segment and feature state of each segment override.
    let mut overrides: Vec<Vec<(f64, u32, State)>> = Vec::new();
    overrides.resize_with(document.feature_states.len(), Vec::new);
    for (place, segment) in overriding {
        for state in segment.feature_states.iter().filter(counts) {
            let feature = positions[state.feature_name];
            let priority = state
                .priority
                .map_or(f64::INFINITY, |(priority, _)| priority);
            let state = fragments.state(state, feature, &mut segments.salts);
            overrides[feature as usize].push((priority, place, state));
        }
    }

    let mut contests = Vec::new();
    let mut split_contests = Vec::new();
    let mut states = Vec::new();
    let mut precedences = Precedences::default();
    for ((feature, default), mut overrides) in (0..).zip(&defaults).zip(overrides) {
        if overrides.is_empty() && matches!(default, State::Plain(_)) {
            continue;
        }
        // Stable: of equal priorities the one that stands first in the document is the stronger.
        overrides.sort_by(|(left, ..), (right, ..)| {
            // 0.0 and -0.0 are equal, and no document has a NaN.
            left.partial_cmp(right).unwrap_or(Ordering::Equal)
        });
        let mut decided_between = overrides.iter().map(|(_, _, state)| state).chain([default]);
        if decided_between.any(|state| matches!(state, State::Split(_))) {
            split_contests.push(length(&contests));
        }
        contests.push(Contest {
            precedence: precedences.add(overrides.iter().map(|(_, segment, _)| *segment)),
            states: length(&states),
            feature,
        });
        states.extend(overrides.iter().map(|(_, _, state)| *state));
        states.push(*default);
    }

    let overridden = Overridden::new(document, &positions, &mut fragments);
    let context = (!segments.queries.is_empty()).then(|| fragments::context(document));
    if context
        .as_deref()
        .is_some_and(|context| Patterns::read_context(context).is_none())
    {
        warnings.push(
            "the document nests too deep for JSONPath properties; none is ever set".to_owned(),
        );
    }
    let defaults: Vec<u32> = defaults
        .iter()
        .map(|default| fragments.own_of(*default))
        .collect();
    let all_visible = fragments
        .list
        .iter()
        .all(|fragment| fragment.visible_to_client);
    let client = (!all_visible).then(|| sides::answers(&fragments, &defaults, Side::Client));
    let server = sides::answers(&fragments, &defaults, Side::Server);
    let splits = std::mem::take(&mut fragments.splits);
    let mut environment = Environment {
        name: document.name.map(str::to_owned),
        api_key: document.api_key.to_owned(),
        updated_at: document.updated_at.map(str::to_owned),
        document: Answer::new(bytes.to_vec()),
        client,
        server,
        features,
        fragments: fragments.finish()?,
        contests,
        split_contests,
        precedences: precedences.list,
        states,
        splits,
        salts: segments.salts,
        segment_salts,
        segments: segments.segments,
        steps: segments.steps.0,
        conditions: segments.conditions,
        properties: segments.properties,
        property_names: segments.property_names,
        patterns: segments.patterns,
        queries: segments.queries,
        context,
        identifiers: overridden.identifiers,
        identity_overrides: overridden.runs,
        overrides: overridden.overrides,
    };
    environment.compress_within(COMPRESSED_AT_ONCE);
    Ok(Compiled {
        environment,
        warnings,
    })
}

/// Orders of segments, each once.
#[derive(Default)]
struct Precedences {
    list: Vec<Vec<u32>>,
    places: HashMap<Vec<u32>, u32>,
}

impl Precedences {
    fn add(&mut self, segments: impl Iterator<Item = u32>) -> u32 {
        let segments: Vec<u32> = segments.collect();
        *self.places.entry(segments).or_insert_with_key(|segments| {
            self.list.push(segments.clone());
            length(&self.list) - 1
        })
    }
}

/// Identity overrides by identifier.
struct Overridden {
    identifiers: Places,
    /// For each identifier a run of `overrides`.
    runs: Vec<Span>,
    /// Those of one identifier by position of the feature.
    overrides: Vec<IdentityOverride>,
}

impl Overridden {
    /// Of several overrides of one feature for one identifier the first in the document counts.
    fn new(
        document: &Document<'_>,
        positions: &HashMap<&str, u32>,
        fragments: &mut Fragments<'_>,
    ) -> Overridden {
        let mut identifiers = Places::new();
        let mut rows: Vec<(u32, IdentityOverride)> = Vec::new();
        for entry in &document.identity_overrides {
            for state in &entry.feature_states {
                if let Some(&feature) = positions.get(state.feature_name) {
                    let identifier = identifiers.add(entry.identifier.as_bytes());
                    let piece = fragments.own(state, feature);
                    rows.push((identifier, IdentityOverride { feature, piece }));
                }
            }
        }
        let key = |row: &(u32, IdentityOverride)| (row.0, row.1.feature);
        rows.sort_by_key(key);
        rows.dedup_by_key(|row| key(row));
        let mut end = 0;
        let runs = rows.chunk_by(|left, right| left.0 == right.0).map(|run| {
            let start = end;
            end += length(run);
            Span { start, end }
        });
        let runs = runs.collect();
        Overridden {
            runs,
            overrides: rows.into_iter().map(|(_, row)| row).collect(),
            identifiers,
        }
    }
}
