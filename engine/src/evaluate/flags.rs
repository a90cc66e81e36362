//! The flags of one identity: those that differ from the environment defaults, and the JSON list of all.

use super::scratch::CircularDecisions;
use crate::archive::{ArchivedEnvironment, ArchivedPiece, ArchivedSideAnswers};
use crate::side::Side;

/// The flags of one identity: chosen, not yet written.
#[derive(Clone, Copy)]
pub struct Flags<'e, 's> {
    /// The text of all pieces.
    text: &'e [u8],
    answers: &'e ArchivedSideAnswers,
    choices: &'s [u32],
    byte_length: usize,
    /// `None` if no condition reads a flag.
    circular: Option<&'s CircularDecisions>,
}

impl<'s> Flags<'_, 's> {
    /// One number for each flag that differs from the environment default; often there are none. Lists of the same
    /// environment and side are equal byte by byte exactly if their choices are.
    pub fn choices(&self) -> &'s [u32] {
        self.choices
    }

    /// The names of the features whose flag depends on itself. `environment` is the one that was evaluated.
    pub fn in_cycles<'n>(
        &self,
        environment: &'n ArchivedEnvironment,
    ) -> impl Iterator<Item = &'n str> + use<'n, 's> {
        let decisions = self.circular.into_iter();
        let features = decisions.flat_map(|decisions| &decisions.in_cycles);
        features.filter_map(|feature| {
            let name = environment.features.text(*feature)?;
            std::str::from_utf8(name).ok()
        })
    }

    /// How many bytes [`write`](Self::write) appends, exactly.
    pub fn byte_length(&self) -> usize {
        self.byte_length
    }

    /// Appends the flags as a JSON list, in the order of the features.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(self.byte_length);
        out.push(b'[');
        let defaults = self.answers.defaults.range();
        let pieces: &[ArchivedPiece] = &self.answers.pieces;
        let mut at = defaults.start;
        for &choice in self.choices {
            let piece = &pieces[choice as usize];
            let default = piece.default_range.range();
            // Many choices are of neighbours. To append nothing costs as much as to append little.
            if at < default.start {
                out.extend_from_slice(&self.text[at..default.start]);
            }
            out.extend_from_slice(&self.text[piece.text.range()]);
            at = default.end;
        }
        out.extend_from_slice(&self.text[at..defaults.end]);
        // Each flag has a comma behind it.
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b']',
            _ => out.push(b']'),
        }
        debug_assert_eq!(out.len(), start + self.byte_length);
    }
}

/// Flags while they are chosen.
pub(super) struct Choices<'e, 's> {
    text: &'e [u8],
    answers: &'e ArchivedSideAnswers,
    pieces: &'e [ArchivedPiece],
    choices: &'s mut Vec<u32>,
    /// How many bytes longer the list is than that of the environment defaults.
    growth: isize,
}

impl<'e, 's> Choices<'e, 's> {
    /// Starts with the environment default of every feature. `choices` is memory to use.
    pub(super) fn new(
        environment: &'e ArchivedEnvironment,
        side: Side,
        choices: &'s mut Vec<u32>,
    ) -> Choices<'e, 's> {
        choices.clear();
        let answers = environment.side(side);
        Choices {
            text: &environment.flags,
            answers,
            pieces: &answers.pieces,
            choices,
            growth: 0,
        }
    }

    /// Chooses a piece for its feature. Features have to come in their order.
    #[inline]
    pub(super) fn choose(&mut self, piece: usize) {
        let piece = &self.pieces[piece];
        if let Some(choice) = piece.choice.number() {
            self.choices.push(choice);
            self.growth += piece.growth.to_native() as isize;
        }
    }

    pub(super) fn finish(self, circular: Option<&'s CircularDecisions>) -> Flags<'e, 's> {
        // Each flag has a comma behind it. The last comma becomes the bracket, which an empty list has too.
        let flags = self.answers.defaults.range().len();
        let flags = flags.saturating_add_signed(self.growth);
        Flags {
            text: self.text,
            answers: self.answers,
            choices: self.choices,
            byte_length: 1 + flags.max(1),
            circular,
        }
    }
}
