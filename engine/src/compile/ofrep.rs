//! Flags as OFREP has them, rendered beside those of other answers.

use crate::archive::{Interner, OfrepPiece, OfrepPieces, Span};
use crate::document::FeatureState;
use crate::json::{Value, write_text, write_value};
use crate::reason::Reason;

/// Renders flags as OFREP has them, by `PieceId`.
pub(super) struct OfrepRenderer {
    values_of_disabled: bool,
    /// Heads and tails, each distinct one once.
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

    /// Renders the next piece: a feature state with that value and variant. `is_split`: the value is multivariate.
    pub(super) fn add(
        &mut self,
        state: &FeatureState<'_>,
        value: &Value<'_>,
        variant: &Value<'_>,
        is_split: bool,
    ) {
        let enabled = state.enabled.is_truthy();
        let head = self.intern(|out| write_head(state, enabled, out));
        let shows_value = enabled || self.values_of_disabled;
        let tail = self.intern(|out| {
            match value {
                // A feature without a value is a boolean.
                Value::Null => write_member(b"\"value\":", &Value::Boolean(enabled), out),
                value if shows_value => write_member(b"\"value\":", value, out),
                // The client has a default in its code.
                _ => {}
            }
            let variant = match variant {
                Value::Text(_) => variant,
                _ => &Value::Null,
            };
            // Without this member, Python's provider fails.
            write_member(b"\"variant\":", variant, out);
            out.extend_from_slice(b"\"reason\":\"");
        });
        let reason = match (enabled, is_split) {
            (false, _) => Some(Reason::Disabled),
            (true, true) => Some(Reason::Split),
            (true, false) => None,
        };
        self.pieces.push(OfrepPiece { head, tail, reason });
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

/// Writes the key and the metadata of a flag.
fn write_head(state: &FeatureState<'_>, enabled: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"key\":");
    write_text(state.feature_name, out);
    out.extend_from_slice(b",\"metadata\":{");
    // Metadata are scalars.
    if matches!(
        state.feature_id,
        Value::Integer(_) | Value::Float(_) | Value::Text(_)
    ) {
        write_member(b"\"featureId\":", state.feature_id, out);
    }
    out.extend_from_slice(b"\"enabled\":");
    write_value(&Value::Boolean(enabled), out);
    out.extend_from_slice(b"},");
}

/// Writes a member and a comma.
fn write_member(name: &[u8], value: &Value<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    write_value(value, out);
    out.push(b',');
}
