//! The flags of one identity: which of them differ from what everybody gets, and the JSON list they make.
//!
//! Knows nothing of why a flag was chosen.

use crate::environment::{ArchivedEnvironment, ArchivedSideAnswers};
use crate::side::Side;

/// In a choice: no fragment but the position of a feature that is hidden here, though its default is not. Fragments
/// never are so many, for together they take less than 4 GiB.
const HIDDEN: u32 = 1 << 31;

/// The flags of one identity: chosen, not yet written.
#[derive(Clone, Copy)]
pub struct Flags<'e, 's> {
    environment: &'e ArchivedEnvironment,
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
        let mut at = 1;
        for &choice in self.choices {
            let (feature, bytes) = if choice & HIDDEN == 0 {
                let fragment = self.environment.fragment(choice);
                let bytes = self.environment.fragment_bytes(fragment);
                (fragment.feature.to_native(), bytes)
            } else {
                (choice & !HIDDEN, &[][..])
            };
            let slot = self.answers.slot(feature);
            write_run(&body[at..slot.start], out);
            out.extend_from_slice(bytes);
            at = slot.end;
        }
        write_run(&body[at..self.answers.end()], out);
        // What has a comma behind it is a flag.
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b']',
            _ => out.push(b']'),
        }
        debug_assert_eq!(out.len(), start + self.byte_length);
    }
}

/// Writes a run of environment defaults, each with a comma behind it: the very last has a bracket there.
fn write_run(run: &[u8], out: &mut Vec<u8>) {
    if run.is_empty() {
        return;
    }
    out.extend_from_slice(run);
    if let Some(last) = out.last_mut() {
        *last = b',';
    }
}

/// Flags being chosen.
pub(crate) struct Choices<'e, 's> {
    environment: &'e ArchivedEnvironment,
    answers: &'e ArchivedSideAnswers,
    sees_all: bool,
    choices: &'s mut Vec<u32>,
    /// Bytes of all flags so far, each with what comes behind it.
    bytes: usize,
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
            environment,
            answers,
            sees_all: side == Side::Server,
            choices,
            bytes: answers.end() - 1,
        }
    }

    /// Chooses a fragment for its feature, whose position is beyond those chosen before.
    pub(crate) fn choose(&mut self, place: u32) {
        let fragment = self.environment.fragment(place);
        let feature = fragment.feature.to_native();
        if self.environment.defaults[feature as usize] == place {
            return;
        }
        let slot = self.answers.slot(feature);
        if self.sees_all || fragment.visible_to_client {
            self.bytes += (fragment.end.to_native() - fragment.start.to_native()) as usize;
            self.choices.push(place);
        } else if !slot.is_empty() {
            self.choices.push(HIDDEN | feature);
        }
        self.bytes -= slot.len();
    }

    pub(crate) fn finish(self) -> Flags<'e, 's> {
        Flags {
            environment: self.environment,
            answers: self.answers,
            choices: self.choices,
            // `[` and the flags, of which the last has `]` behind it.
            byte_length: 1 + self.bytes.max(1),
        }
    }
}
