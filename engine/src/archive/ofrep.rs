//! Flags as OFREP has them. Answers copy them, as others copy pieces.

use rkyv::{Archive, Serialize};

use super::ids::PieceId;
use super::span::Span;
use crate::reason::{ArchivedReason, Reason};

/// The flags of identities as OFREP has them. Their values and variants, which may be long, are those of the SDKs'
/// flags.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct OfrepPieces {
    /// What they have beside values and variants, and behind it the defaults.
    pub(crate) text: Vec<u8>,
    /// By `PieceId`, without the pieces that stand for hidden flags.
    pub(crate) pieces: Vec<OfrepPiece>,
}

/// A flag up to the name of its reason.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct OfrepPiece {
    /// Its key and, if the feature has no value, the boolean in its place: a range of the text here.
    pub(crate) head: Span,
    /// Its value, a range of `Environment::flags`; empty if there is none to show.
    pub(crate) value: Span,
    /// Its variant, too; empty if it is null.
    pub(crate) variant: Span,
    /// Its metadata without the closing brace: a range of the text here.
    pub(crate) metadata: Span,
    /// The reason that it has whoever chose it; `None` if that depends.
    pub(crate) reason: Option<Reason>,
}

/// The flags that a side sees where nothing is decided for the identity.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct OfrepDefaults {
    /// The environment default of each feature, with a comma behind it; empty if it is hidden. They lie end to end in
    /// the text of [`OfrepPieces`].
    pub(crate) of_identities: Vec<Span>,
    /// The same for a request without an identity.
    pub(crate) without_identity: Vec<Span>,
}

/// Who gave a flag its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The environment default.
    Default,
    /// A segment override or an identity override.
    Override,
    /// The flag depends on itself.
    Cycle,
}

/// The reason of a flag from that source. `fixed`: the reason that it has whoever chose it.
fn reason(fixed: Option<Reason>, source: Source) -> Reason {
    match (fixed, source) {
        (Some(Reason::Disabled), _) => Reason::Disabled,
        (_, Source::Cycle) => Reason::Unknown,
        (Some(fixed), _) => fixed,
        (None, Source::Default) => Reason::Static,
        (None, Source::Override) => Reason::TargetingMatch,
    }
}

/// The texts of a piece.
struct Parts<'t> {
    head: &'t [u8],
    value: &'t [u8],
    variant: &'t [u8],
    metadata: &'t [u8],
    /// The reason that it has whoever chose it.
    fixed: Option<Reason>,
}

impl Parts<'_> {
    /// Appends the flag and a comma.
    fn write(&self, source: Source, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head);
        if !self.value.is_empty() {
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(self.value);
        }
        // Without this member, Python's provider fails.
        out.extend_from_slice(b",\"variant\":");
        out.extend_from_slice(match self.variant {
            [] => b"null",
            variant => variant,
        });
        out.extend_from_slice(self.metadata);
        if source == Source::Cycle {
            out.extend_from_slice(b",\"error\":\"CIRCULAR_DEPENDENCY\"");
        }
        out.extend_from_slice(b"},\"reason\":\"");
        let reason = reason(self.fixed, source);
        out.extend_from_slice(reason.name().as_bytes());
        out.extend_from_slice(b"\"},");
    }
}

impl OfrepPieces {
    /// Writes the flag of a piece and a comma over what is in `out`. `flags` are those of the SDKs.
    pub(crate) fn rewrite(&self, piece: PieceId, source: Source, flags: &[u8], out: &mut Vec<u8>) {
        let piece = &self.pieces[piece.index()];
        out.clear();
        Parts {
            head: &self.text[piece.head.range()],
            value: &flags[piece.value.range()],
            variant: &flags[piece.variant.range()],
            metadata: &self.text[piece.metadata.range()],
            fixed: piece.reason,
        }
        .write(source, out);
    }
}

impl ArchivedOfrepPieces {
    /// Appends the flag of a piece and a comma. `flags` are those of the SDKs.
    pub(crate) fn write(&self, piece: usize, source: Source, flags: &[u8], out: &mut Vec<u8>) {
        let piece = &self.pieces[piece];
        Parts {
            head: &self.text[piece.head.range()],
            value: &flags[piece.value.range()],
            variant: &flags[piece.variant.range()],
            metadata: &self.text[piece.metadata.range()],
            fixed: piece.reason.as_ref().map(ArchivedReason::get),
        }
        .write(source, out);
    }
}
