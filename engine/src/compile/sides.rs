//! What one kind of key sees: the constant answers, and the effect of each piece on a list of flags.

use super::render::{RenderedFlag, Renderer};
use crate::archive::{Choice, ConstantAnswer, Piece, PieceId, SideAnswers, Span, length};
use crate::side::Side;

/// Renders what a kind of key sees. `defaults` are the environment defaults, by feature.
pub(super) fn side_answers(
    renderer: &Renderer<'_>,
    defaults: &[PieceId],
    side: Side,
) -> SideAnswers {
    let sees = |flag: &RenderedFlag| side == Side::Server || flag.visible_to_client;
    let mut body = vec![b'['];
    let mut default_ranges = Vec::with_capacity(defaults.len());
    let mut by_feature = Vec::with_capacity(defaults.len());
    for &default in defaults {
        let start = length(&body);
        let flag = &renderer.flags()[default.index()];
        let json = sees(flag).then(|| renderer.json(default));
        if let Some(json) = json {
            body.extend_from_slice(json);
            body.push(b',');
        }
        by_feature.push(json.map(|json| ConstantAnswer::new(json.to_vec())));
        default_ranges.push(Span {
            start,
            end: length(&body),
        });
    }
    match body.last_mut() {
        Some(last) if *last == b',' => *last = b']',
        _ => body.push(b']'),
    }
    SideAnswers {
        flags: ConstantAnswer::new(body),
        by_feature,
        pieces: pieces(renderer.flags(), defaults, &default_ranges, sees),
    }
}

/// The piece of each rendered flag, and behind these the pieces without text.
fn pieces(
    flags: &[RenderedFlag],
    defaults: &[PieceId],
    default_ranges: &[Span],
    sees: impl Fn(&RenderedFlag) -> bool,
) -> Vec<Piece> {
    let nothing = Span { start: 0, end: 0 };
    let mut hidden: Vec<Piece> = Vec::new();
    let mut hidden_by_feature: Vec<Option<Choice>> = vec![None; defaults.len()];
    let mut pieces = Vec::with_capacity(flags.len());
    for (number, flag) in flags.iter().enumerate() {
        let (piece, feature) = (PieceId::new(number), flag.feature.index());
        let default_range = default_ranges[feature];
        let hides = !sees(flag);
        let text = if hides { nothing } else { flag.text };
        let growth = size(text) - size(default_range);
        let same = piece == defaults[feature] || (hides && size(default_range) == 0);
        let choice = match (same, hides) {
            (true, _) => Choice::NOTHING,
            (false, false) => Choice::of(piece),
            (false, true) => *hidden_by_feature[feature].get_or_insert_with(|| {
                let choice = Choice::of(PieceId::new(flags.len() + hidden.len()));
                hidden.push(Piece {
                    text: nothing,
                    default_range,
                    choice,
                    growth,
                });
                choice
            }),
        };
        pieces.push(Piece {
            text,
            default_range,
            choice,
            growth,
        });
    }
    pieces.append(&mut hidden);
    pieces
}

/// The length in bytes. An archive has less than 2 GiB, so a length that does not fit cannot be archived.
fn size(span: Span) -> i32 {
    i32::try_from(span.length()).unwrap_or(i32::MAX)
}
