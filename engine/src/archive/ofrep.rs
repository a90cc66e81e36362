//! Flags as OFREP has them. Answers copy them, as others copy pieces.

use rkyv::{Archive, Serialize};

use super::ids::PieceId;
use super::span::Span;
use crate::reason::{ArchivedReason, Reason};

/// The flags of identities as OFREP has them.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct OfrepPieces {
    /// The text that all spans are ranges of.
    pub(crate) text: Vec<u8>,
    /// By `PieceId`, without the pieces that stand for hidden flags.
    pub(crate) pieces: Vec<OfrepPiece>,
}

/// A flag up to the name of its reason. Two parts, because most flags have a part that others have too.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct OfrepPiece {
    /// Its key and metadata.
    pub(crate) head: Span,
    /// Its value and variant.
    pub(crate) tail: Span,
    /// The reason that it has whoever chose it; `None` if that depends.
    pub(crate) reason: Option<Reason>,
}

/// The flags that a side sees where nothing is decided for the identity.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct OfrepDefaults {
    /// The environment default of each feature, with a comma behind it; empty if it is hidden. They lie end to end.
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

/// Appends a flag and a comma.
fn write_flag(head: &[u8], tail: &[u8], reason: Reason, out: &mut Vec<u8>) {
    out.extend_from_slice(head);
    out.extend_from_slice(tail);
    out.extend_from_slice(reason.name().as_bytes());
    out.extend_from_slice(b"\"},");
}

impl OfrepPieces {
    /// The flag of a piece, with a comma behind it.
    pub(crate) fn flag(&self, piece: PieceId, source: Source) -> Vec<u8> {
        let piece = &self.pieces[piece.index()];
        let text = |span: Span| &self.text[span.start as usize..span.end as usize];
        let mut flag = Vec::new();
        let reason = reason(piece.reason, source);
        write_flag(text(piece.head), text(piece.tail), reason, &mut flag);
        flag
    }
}

impl ArchivedOfrepPieces {
    /// Appends the flag of a piece and a comma.
    pub(crate) fn write(&self, piece: usize, source: Source, out: &mut Vec<u8>) {
        let piece = &self.pieces[piece];
        let head = &self.text[piece.head.range()];
        let tail = &self.text[piece.tail.range()];
        let fixed = piece.reason.as_ref().map(ArchivedReason::get);
        let reason = reason(fixed, source);
        if source != Source::Cycle {
            write_flag(head, tail, reason, out);
            return;
        }
        // The metadata are last in the head.
        out.extend_from_slice(head.strip_suffix(b"},").unwrap_or(head));
        write_flag(CYCLE, tail, reason, out);
    }
}

/// How the metadata of a flag in a cycle end.
const CYCLE: &[u8] = b",\"error\":\"CIRCULAR_DEPENDENCY\"},";
