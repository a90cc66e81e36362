//! Rendering: feature states as the JSON of their flags, each distinct one once.

use std::ops::Range;

use super::ofrep::OfrepRenderer;
use super::seen::{FlagNumber, SeenFlags};
use crate::archive::{CompileOptions, FeatureId, Interner, OfrepPieces, PieceId, Span, length};
use crate::document::{Document, FeatureState, MultivariateValue};
use crate::json::{Text, Value, write_text, write_value};
use crate::python::equality_key;

/// Renders flags, and keeps each distinct one.
pub(super) struct Renderer<'d> {
    document: &'d Document<'d>,
    members: Members,
    /// The parts that the flags of each feature have in common, by `FeatureId`.
    features: Vec<FeatureParts<'d>>,
    /// The flags, each with a comma behind it.
    texts: Interner,
    /// `None` if no condition reads a flag; then the texts are numbered by `PieceId`.
    seen: Option<SeenFlags>,
    /// By `PieceId`.
    flags: Vec<RenderedFlag>,
    /// The same flags as OFREP has them.
    ofrep: OfrepRenderer,
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
    /// The first flag with that text, which lists contain in its place.
    pub(super) listed_as: PieceId,
}

/// All rendered flags.
pub(super) struct RenderedFlags {
    pub(super) text: Vec<u8>,
    /// By `PieceId`.
    pub(super) flags: Vec<RenderedFlag>,
    pub(super) ofrep: OfrepPieces,
    pub(super) seen: SeenFlags,
}

impl<'d> Renderer<'d> {
    /// A renderer that also keeps what conditions see of flags if there is `seen`.
    pub(super) fn new(
        document: &'d Document<'d>,
        members: Members,
        seen: Option<SeenFlags>,
        options: CompileOptions,
    ) -> Renderer<'d> {
        let states = document.feature_states.iter();
        Renderer {
            document,
            members,
            features: states
                .map(|state| FeatureParts::new(document, state))
                .collect(),
            texts: Interner::new(),
            seen,
            flags: Vec::new(),
            ofrep: OfrepRenderer::new(options.ofrep_values_of_disabled),
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
        let shown_value = value.map_or(state.value, |value| value.value);
        let value_at = written(out, |out| write_value(shown_value, out));
        let control = Value::Text(Text::plain("control"));
        let variant = match value {
            Some(value) => value.key.unwrap_or(&Value::Null),
            None if state.multivariate_values.is_empty() => &Value::Null,
            None => &control,
        };
        let mut variant_at = 0..0;
        if self.members == Members::OfIdentities {
            out.extend_from_slice(b",\"variant\":");
            variant_at = written(out, |out| write_value(variant, out));
            if let Some(metadata) = state.metadata {
                out.extend_from_slice(b",\"metadata\":");
                write_value(metadata, out);
            }
        }
        out.extend_from_slice(b"},");
        let text = self.texts.intern(out);
        let number = match &mut self.seen {
            None => FlagNumber {
                seen: text,
                listed: text,
            },
            Some(seen) => seen.add(text, [state.enabled, shown_value, variant]),
        };
        if number.seen == self.flags.len() {
            let enabled = state.enabled.is_truthy() || !self.document.hide_disabled_flags;
            self.flags.push(RenderedFlag {
                text: self.texts.span(text),
                feature,
                visible_to_client: enabled && !parts.server_key_only,
                listed_as: PieceId::new(number.listed),
            });
            // Where flags have no variant, those of several variants are one piece.
            let variant = match self.members {
                Members::Common => &Value::Null,
                Members::OfIdentities => variant,
            };
            let start = self.texts.span(text).start;
            let span = |at: Range<u32>| Span {
                start: start + at.start,
                end: start + at.end,
            };
            let (value_at, variant_at) = (span(value_at), span(variant_at));
            let is_split = value.is_some();
            self.ofrep.add(
                state,
                (shown_value, value_at),
                (variant, variant_at),
                is_split,
            );
        }
        PieceId::new(number.seen)
    }

    pub(super) fn finish(self) -> RenderedFlags {
        RenderedFlags {
            text: self.texts.into_texts(),
            flags: self.flags,
            ofrep: self.ofrep.finish(),
            seen: self.seen.unwrap_or_default(),
        }
    }
}

/// Writes something. Returns where it is.
fn written(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<u32> {
    let start = length(out);
    write(out);
    start..length(out)
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
