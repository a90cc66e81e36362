//! Rendering: feature states as the JSON of their flags, each distinct one once.

use crate::archive::{FeatureId, Interner, PieceId, Span};
use crate::document::{Document, FeatureState, MultivariateValue};
use crate::json::{Value, write_text, write_value};
use crate::python::equality_key;

/// Renders flags, and keeps each distinct one.
pub(super) struct Renderer<'d> {
    document: &'d Document<'d>,
    members: Members,
    /// The parts that the flags of each feature have in common, by `FeatureId`.
    features: Vec<FeatureParts<'d>>,
    /// The flags, each with a comma behind it, by `PieceId`.
    texts: Interner,
    /// By `PieceId`.
    flags: Vec<RenderedFlag>,
    /// Memory to render in.
    buffer: Vec<u8>,
}

/// The members of a flag.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Members {
    /// Those of all answers of the official proxy, and of the API's answers without an identity.
    Common,
    /// `variant` too, and `metadata` where there is any: those of the API's answers to identities.
    OfIdentities,
}

/// The parts that flags of a feature have in common if the id of the feature is the same.
struct FeatureParts<'d> {
    id: &'d Value<'d>,
    /// The JSON of a flag up to `"enabled":`.
    start: Vec<u8>,
    server_key_only: bool,
}

/// A rendered flag.
#[derive(Clone, Copy)]
pub(super) struct RenderedFlag {
    /// With the comma behind it.
    pub(super) text: Span,
    pub(super) feature: FeatureId,
    pub(super) visible_to_client: bool,
}

impl<'d> Renderer<'d> {
    pub(super) fn new(document: &'d Document<'d>, members: Members) -> Renderer<'d> {
        let states = document.feature_states.iter();
        Renderer {
            document,
            members,
            features: states
                .map(|state| FeatureParts::new(document, state))
                .collect(),
            texts: Interner::new(),
            flags: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Renders the flag of a feature state with one of its multivariate values, or `None` for its own value.
    pub(super) fn piece(
        &mut self,
        state: &FeatureState<'_>,
        feature: FeatureId,
        value: Option<&MultivariateValue<'_>>,
    ) -> PieceId {
        let other;
        let parts = match &self.features[feature.index()] {
            parts if is_same_integer(parts.id, state.feature_id) => parts,
            _ => {
                other = FeatureParts::new(self.document, state);
                &other
            }
        };
        let out = &mut self.buffer;
        out.clear();
        out.extend_from_slice(&parts.start);
        write_value(state.enabled, out);
        out.extend_from_slice(b",\"feature_state_value\":");
        write_value(value.map_or(state.value, |value| value.value), out);
        if self.members == Members::OfIdentities {
            write_variant(state, value, out);
        }
        out.extend_from_slice(b"},");
        let number = self.texts.intern(out);
        if number == self.flags.len() {
            let enabled = state.enabled.is_truthy() || !self.document.hide_disabled_flags;
            self.flags.push(RenderedFlag {
                text: self.texts.span(number),
                feature,
                visible_to_client: enabled && !parts.server_key_only,
            });
        }
        PieceId::new(number)
    }

    /// The text of all flags, and the flags by `PieceId`.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<RenderedFlag>) {
        (self.texts.into_texts(), self.flags)
    }
}

/// Writes the members that only flags of identities have.
fn write_variant(
    state: &FeatureState<'_>,
    value: Option<&MultivariateValue<'_>>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b",\"variant\":");
    match value {
        Some(value) => write_value(value.key.unwrap_or(&Value::Null), out),
        None if state.multivariate_values.is_empty() => out.extend_from_slice(b"null"),
        None => out.extend_from_slice(b"\"control\""),
    }
    if let Some(metadata) = state.metadata {
        out.extend_from_slice(b",\"metadata\":");
        write_value(metadata, out);
    }
}

impl FeatureParts<'_> {
    /// The parts for a feature state, by the feature id that it has itself.
    fn new<'v>(document: &Document<'_>, state: &FeatureState<'v>) -> FeatureParts<'v> {
        let mut start = b"{\"feature\":{\"id\":".to_vec();
        write_value(state.feature_id, &mut start);
        start.extend_from_slice(b",\"name\":");
        write_text(state.feature_name, &mut start);
        start.extend_from_slice(b",\"type\":");
        let key = equality_key(state.feature_id);
        match document.feature_types.get(&key).copied().flatten() {
            Some(kind) => write_value(kind, &mut start),
            None => start.extend_from_slice(b"\"STANDARD\""),
        }
        start.extend_from_slice(b"},\"enabled\":");
        FeatureParts {
            id: state.feature_id,
            start,
            server_key_only: document.server_key_only_feature_ids.contains(&key),
        }
    }
}

fn is_same_integer(left: &Value<'_>, right: &Value<'_>) -> bool {
    matches!((left, right), (Value::Integer(left), Value::Integer(right)) if left == right)
}
