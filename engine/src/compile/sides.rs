//! What one kind of key sees: the constant answers, and the effect of each piece on a list of flags.

use super::render::RenderedFlag;
use crate::archive::{
    Choice, ConstantAnswer, OfrepDefaults, OfrepPieces, Piece, PieceId, SideAnswers, Source, Span,
    length,
};
use crate::side::Side;

/// The flags without an identity, by feature.
pub(super) struct Constants {
    pub(super) flags: Vec<RenderedFlag>,
    /// The text that these are ranges of.
    pub(super) text: Vec<u8>,
    /// The same flags as OFREP has them, each with a comma behind it: end to end in `ofrep_text`.
    pub(super) ofrep: Vec<Span>,
    pub(super) ofrep_text: Vec<u8>,
}

/// The flags that answers are made of.
pub(super) struct SidesBuilder {
    /// The flags without an identity.
    pub(super) constants: Constants,
    /// The flags of identities.
    pub(super) flags: Vec<RenderedFlag>,
    /// The default of each feature among these. The text of the defaults begins at 0 and lies end to end.
    pub(super) defaults: Vec<PieceId>,
    /// The text of these, and behind it what else lists copy from.
    pub(super) text: Vec<u8>,
    /// The flags of identities as OFREP has them.
    pub(super) ofrep: OfrepPieces,
}

impl SidesBuilder {
    /// What a server-side key sees: everything.
    pub(super) fn server(&mut self) -> SideAnswers {
        self.side(Side::Server)
    }

    /// What a client-side key sees; `None` if that is everything too.
    pub(super) fn client(&mut self) -> Option<SideAnswers> {
        let all_visible = self.flags.iter().all(|flag| flag.visible_to_client);
        (!all_visible).then(|| self.side(Side::Client))
    }

    fn side(&mut self, side: Side) -> SideAnswers {
        let sees = |flag: &RenderedFlag| side == Side::Server || flag.visible_to_client;
        let (flags, by_feature) = self.constants(sees);
        let (defaults, default_ranges) = self.defaults(sees);
        let ofrep = self.ofrep_defaults(sees);
        SideAnswers {
            flags,
            by_feature,
            defaults,
            pieces: pieces(&self.flags, &self.defaults, &default_ranges, sees),
            ofrep,
        }
    }

    /// The answers without an identity.
    fn constants(
        &self,
        sees: impl Fn(&RenderedFlag) -> bool,
    ) -> (ConstantAnswer, Vec<Option<ConstantAnswer>>) {
        let Constants { flags, text, .. } = &self.constants;
        let with_comma = |flag: &RenderedFlag| {
            sees(flag).then(|| &text[flag.text.start as usize..flag.text.end as usize])
        };
        let mut body = vec![b'['];
        for flag in flags.iter().filter_map(with_comma) {
            body.extend_from_slice(flag);
        }
        match body.last_mut() {
            Some(last) if *last == b',' => *last = b']',
            _ => body.push(b']'),
        }
        let alone = |flag: &[u8]| ConstantAnswer::new(flag[..flag.len() - 1].to_vec());
        let by_feature = flags.iter().map(|flag| with_comma(flag).map(alone));
        let by_feature = by_feature.collect();
        (ConstantAnswer::new(body), by_feature)
    }

    /// The flags of those that are seen, as OFREP has them.
    fn ofrep_defaults(&mut self, sees: impl Fn(&RenderedFlag) -> bool) -> OfrepDefaults {
        let start = self.ofrep.text.len();
        let mut flag = Vec::new();
        let of_identities = self.defaults.iter().map(|piece| {
            flag.clear();
            if sees(&self.flags[piece.index()]) {
                let source = Source::Default;
                self.ofrep.rewrite(*piece, source, &self.text, &mut flag);
            }
            append(&mut self.ofrep.text, &flag)
        });
        let of_identities: Vec<Span> = of_identities.collect();
        drop(flag);
        let middle = self.ofrep.text.len();
        let constants = &self.constants;
        let flags = constants.flags.iter().zip(&constants.ofrep);
        let without_identity = flags.map(|(flag, text)| {
            let text = match sees(flag) {
                true => &constants.ofrep_text[text.range()],
                false => &[],
            };
            append(&mut self.ofrep.text, text)
        });
        let without_identity: Vec<Span> = without_identity.collect();
        let (before, after) = self.ofrep.text[start..].split_at(middle - start);
        let lengths = |spans: &[Span]| spans.iter().map(|span| span.length()).collect::<Vec<_>>();
        let is_same = before == after && lengths(&of_identities) == lengths(&without_identity);
        if is_same {
            self.ofrep.text.truncate(middle);
        }
        OfrepDefaults {
            without_identity: match is_same {
                true => of_identities.clone(),
                false => without_identity,
            },
            of_identities,
        }
    }

    /// The text of the defaults that are seen, and the range of each in it.
    fn defaults(&mut self, sees: impl Fn(&RenderedFlag) -> bool) -> (Span, Vec<Span>) {
        let flags = self.defaults.iter().map(|piece| &self.flags[piece.index()]);
        let all = flags.clone().all(&sees);
        let start = if all { 0 } else { length(&self.text) };
        let mut end = start;
        let mut ranges = Vec::with_capacity(self.defaults.len());
        for flag in flags {
            let start = end;
            if sees(flag) {
                end += flag.text.length();
                if !all {
                    let text = flag.text.start as usize..flag.text.end as usize;
                    self.text.extend_from_within(text);
                }
            }
            ranges.push(Span { start, end });
        }
        (Span { start, end }, ranges)
    }
}

/// Appends a text, and says where it is.
pub(super) fn append(to: &mut Vec<u8>, text: &[u8]) -> Span {
    let start = length(to);
    to.extend_from_slice(text);
    let end = length(to);
    Span { start, end }
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
    for flag in flags {
        let (piece, feature) = (flag.listed_as, flag.feature.index());
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
