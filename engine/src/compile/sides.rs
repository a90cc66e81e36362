//! What one kind of key sees: the constant answers, and what each fragment means for a list of flags.

use super::fragments::Fragments;
use crate::archive::Answer;
use crate::archive::length;
use crate::archive::{NO_PIECE, Piece, SideAnswers, Span};
use crate::side::Side;

/// Renders what a kind of key sees. `defaults` are the environment defaults, by position of the feature, as places of
/// fragments.
pub(super) fn answers(fragments: &Fragments<'_>, defaults: &[u32], side: Side) -> SideAnswers {
    let sees =
        |place: u32| side == Side::Server || fragments.list[place as usize].visible_to_client;
    let mut body = vec![b'['];
    let mut slots = Vec::with_capacity(defaults.len());
    let mut by_feature = Vec::with_capacity(defaults.len());
    for &default in defaults {
        let start = length(&body);
        let flag = sees(default).then(|| fragments.flag_of(default));
        if let Some(flag) = flag {
            body.extend_from_slice(flag);
            body.push(b',');
        }
        by_feature.push(flag.map(|flag| Answer::new(flag.to_vec())));
        slots.push(Span {
            start,
            end: length(&body),
        });
    }
    match body.last_mut() {
        Some(last) if *last == b',' => *last = b']',
        _ => body.push(b']'),
    }
    SideAnswers {
        flags: Answer::new(body),
        by_feature,
        pieces: pieces(fragments, defaults, &slots, sees),
    }
}

/// The piece of each fragment, and behind them those that leave a feature out.
fn pieces(
    fragments: &Fragments<'_>,
    defaults: &[u32],
    slots: &[Span],
    sees: impl Fn(u32) -> bool,
) -> Vec<Piece> {
    let nothing = Span { start: 0, end: 0 };
    let mut absent: Vec<Piece> = Vec::new();
    let mut absence: Vec<Option<u32>> = vec![None; slots.len()];
    let mut pieces = Vec::with_capacity(fragments.list.len());
    for (place, fragment) in (0..).zip(&fragments.list) {
        let feature = fragment.feature as usize;
        let slot = slots[feature];
        let hides = !sees(place);
        let same = place == defaults[feature] || (hides && size(slot) == 0);
        let bytes = if hides { nothing } else { fragment.bytes };
        let growth = size(bytes) - size(slot);
        let choice = match (same, hides) {
            (true, _) => NO_PIECE,
            (false, false) => place,
            (false, true) => *absence[feature].get_or_insert_with(|| {
                let choice = length(&fragments.list) + length(&absent);
                absent.push(Piece {
                    fragment: nothing,
                    slot,
                    choice,
                    growth,
                });
                choice
            }),
        };
        pieces.push(Piece {
            fragment: bytes,
            slot,
            choice,
            growth,
        });
    }
    pieces.append(&mut absent);
    pieces
}

/// A length in bytes. What does not fit is refused with the fragments as a whole.
fn size(span: Span) -> i32 {
    i32::try_from(span.end - span.start).unwrap_or(i32::MAX)
}
