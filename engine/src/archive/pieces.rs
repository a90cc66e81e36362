//! What one kind of key sees: the constant answers, and the pieces that lists of flags are made of.

use rkyv::{Archive, Serialize};

use super::answer::ConstantAnswer;
use super::ids::PieceId;
use super::ofrep::OfrepDefaults;
use super::span::Span;

/// What one kind of key sees.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct SideAnswers {
    /// The list of all flags, for requests without an identity.
    pub(crate) flags: ConstantAnswer,
    /// The flag of each feature alone; `None` if it is hidden.
    pub(crate) by_feature: Vec<Option<ConstantAnswer>>,
    /// The flags of an identity that differs from the environment in nothing: bytes of `Environment::flags`.
    pub(crate) defaults: Span,
    /// Every flag that an identity can get, each once. Both sides give them the same ids; behind them are pieces
    /// without text, which stand for hidden flags.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) ofrep: OfrepDefaults,
}

/// One flag as JSON, and its effect on the list of flags.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// The bytes of the flag and its comma; empty if the flag is hidden.
    pub(crate) text: Span,
    /// The bytes of `defaults` that it replaces: the environment default of its feature.
    pub(crate) default_range: Span,
    pub(crate) choice: Choice,
    /// How many bytes longer it makes the list.
    pub(crate) growth: i32,
}

/// The piece that is chosen in place of another: the same one, one without text if it is hidden, or none if the list is
/// the same without it. It is no `Option` because that takes 1 % more instructions to answer.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Choice(u32);

impl Choice {
    pub(crate) const NOTHING: Choice = Choice(u32::MAX);

    pub(crate) fn of(piece: PieceId) -> Choice {
        Choice(piece.number())
    }
}

impl ArchivedChoice {
    /// The number of the piece, if there is one.
    #[inline(always)]
    pub(crate) fn number(&self) -> Option<u32> {
        let number = self.0.to_native();
        (number != Choice::NOTHING.0).then_some(number)
    }
}
