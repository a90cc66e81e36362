//! The flags of one identity: which of them differ from what everybody gets, and the JSON list they make.
//!
//! Knows nothing of why a flag was chosen.

use crate::archive::{ArchivedEnvironment, ArchivedPiece, ArchivedSideAnswers, NO_PIECE};
use crate::side::Side;

/// The flags of one identity: chosen, not yet written.
#[derive(Clone, Copy)]
pub struct Flags<'e, 's> {
    fragments: &'e [u8],
    answers: &'e ArchivedSideAnswers,
    choices: &'s [u32],
    byte_length: usize,
}

impl<'s> Flags<'_, 's> {
    /// What tells this list from others of the same environment and side: lists with equal choices are equal byte by
    /// byte. One number for each flag that is not the environment default's own, so often none at all.
    pub fn choices(&self) -> &'s [u32] {
        self.choices
    }

    /// How many bytes [`write`](Self::write) appends, exactly.
    pub fn byte_length(&self) -> usize {
        self.byte_length
    }

    /// Appends the flags as a JSON list, in the environment's order of features.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(self.byte_length);
        out.push(b'[');
        let body = self.answers.flags.body();
        let pieces: &[ArchivedPiece] = &self.answers.pieces;
        let mut at = 1;
        for &choice in self.choices {
            let piece = &pieces[choice as usize];
            let slot = piece.slot.range();
            if at < slot.start {
                write_run(&body[at..slot.start], out);
            }
            out.extend_from_slice(&self.fragments[piece.fragment.range()]);
            at = slot.end;
        }
        // Of an empty list the bracket is all that is left.
        if at < body.len() && body.len() > EMPTY.len() {
            write_run(&body[at..], out);
        }
        // What has a comma behind it is a flag.
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b']',
            _ => out.push(b']'),
        }
        debug_assert_eq!(out.len(), start + self.byte_length);
    }
}

const EMPTY: &[u8] = b"[]";

/// Writes a run of environment defaults, each with a comma behind it: the very last has a bracket there.
#[inline]
fn write_run(run: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(run);
    if let Some(last) = out.last_mut() {
        *last = b',';
    }
}

/// Flags being chosen.
pub(crate) struct Choices<'e, 's> {
    fragments: &'e [u8],
    answers: &'e ArchivedSideAnswers,
    pieces: &'e [ArchivedPiece],
    choices: &'s mut Vec<u32>,
    /// How many bytes longer the list is than that of the environment defaults.
    growth: isize,
}

impl<'e, 's> Choices<'e, 's> {
    /// Every environment default. `choices` is memory to use.
    pub(crate) fn new(
        environment: &'e ArchivedEnvironment,
        side: Side,
        choices: &'s mut Vec<u32>,
    ) -> Choices<'e, 's> {
        choices.clear();
        let answers = environment.side(side);
        Choices {
            fragments: &environment.fragments,
            answers,
            pieces: &answers.pieces,
            choices,
            growth: 0,
        }
    }

    /// Chooses a piece for its feature, whose position is beyond those chosen before.
    #[inline]
    pub(crate) fn choose(&mut self, piece: u32) {
        let piece = &self.pieces[piece as usize];
        if piece.choice != NO_PIECE {
            self.choices.push(piece.choice.to_native());
            self.growth += piece.growth.to_native() as isize;
        }
    }

    pub(crate) fn finish(self) -> Flags<'e, 's> {
        let body = self.answers.flags.body().len();
        // Each flag takes a byte more than its own, be there none or many: only an empty list takes two.
        let flags = body - if body == EMPTY.len() { EMPTY.len() } else { 1 };
        let flags = flags.saturating_add_signed(self.growth);
        Flags {
            fragments: self.fragments,
            answers: self.answers,
            choices: self.choices,
            byte_length: 1 + flags.max(1),
        }
    }
}
