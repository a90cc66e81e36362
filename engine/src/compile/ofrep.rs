//! Flags as OFREP has them, rendered beside those of other answers.

use crate::archive::{Interner, OfrepPiece, OfrepPieces, Span};
use crate::document::FeatureState;
use crate::json::{Value, write_text, write_value};
use crate::reason::Reason;

/// Renders flags as OFREP has them, by `PieceId`.
pub(super) struct OfrepRenderer {
    values_of_disabled: bool,
    /// Heads and metadata, each distinct one once.
    texts: Interner,
    pieces: Vec<OfrepPiece>,
    /// Memory to render in.
    buffer: Vec<u8>,
}

impl OfrepRenderer {
    /// `values_of_disabled`: flags of disabled features have their value too.
    pub(super) fn new(values_of_disabled: bool) -> OfrepRenderer {
        OfrepRenderer {
            values_of_disabled,
            texts: Interner::new(),
            pieces: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Renders the next piece: a feature state with that value and variant. `value_at` and `variant_at` are where the
    /// SDKs' flag has them, the latter empty if it has none. `is_split`: the value is multivariate.
    pub(super) fn add(
        &mut self,
        state: &FeatureState<'_>,
        (value, value_at): (&Value<'_>, Span),
        (variant, variant_at): (&Value<'_>, Span),
        is_split: bool,
    ) {
        const NOTHING: Span = Span { start: 0, end: 0 };
        let enabled = state.enabled.is_truthy();
        let has_no_value = matches!(value, Value::Null);
        let head = self.intern(|out| {
            out.extend_from_slice(b"{\"key\":");
            write_text(state.feature_name, out);
            if has_no_value {
                // A feature without a value is a boolean.
                out.extend_from_slice(b",\"value\":");
                write_value(&Value::Boolean(enabled), out);
            }
        });
        // A client has a default in its code.
        let shows_value = !has_no_value && (enabled || self.values_of_disabled);
        let metadata = self.intern(|out| write_metadata(state, enabled, out));
        self.pieces.push(OfrepPiece {
            head,
            value: if shows_value { value_at } else { NOTHING },
            variant: match variant {
                Value::Text(_) => variant_at,
                _ => NOTHING,
            },
            metadata,
            reason: match (enabled, is_split) {
                (false, _) => Some(Reason::Disabled),
                (true, true) => Some(Reason::Split),
                (true, false) => None,
            },
        });
    }

    fn intern(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        self.buffer.clear();
        write(&mut self.buffer);
        let number = self.texts.intern(&self.buffer);
        self.texts.span(number)
    }

    pub(super) fn finish(self) -> OfrepPieces {
        OfrepPieces {
            text: self.texts.into_texts(),
            pieces: self.pieces,
        }
    }
}

/// Writes the metadata of a flag, up to the closing brace.
fn write_metadata(state: &FeatureState<'_>, enabled: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"metadata\":{");
    // Metadata are scalars.
    if matches!(
        state.feature_id,
        Value::Integer(_) | Value::Float(_) | Value::Text(_)
    ) {
        out.extend_from_slice(b"\"featureId\":");
        write_value(state.feature_id, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"enabled\":");
    write_value(&Value::Boolean(enabled), out);
}
