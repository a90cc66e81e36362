//! Evaluation: a compiled environment and an identity make flags. A pure function that reads the archive in place.
//!
//! It takes one look-up for identity overrides, one for each trait, and the conditions of those segments that decide
//! a contest. Features that cannot differ between identities are copied in runs.

mod buckets;
mod flags;
mod operation;
mod patterns;
mod properties;
mod property_value;
mod scratch;

pub use flags::Flags;
pub use patterns::Patterns;
pub use scratch::Scratch;

use crate::archive::{
    ArchivedContest, ArchivedContests, ArchivedEnvironment, ArchivedSegments, ArchivedStep,
    Choosable, Next,
};
use crate::bucket::LANES;
use crate::request::Identity;
use crate::side::Side;
use flags::Choices;
use properties::Properties;
use scratch::Decisions;

/// Chooses the flags of an identity. They can then be written, or recognised by their choices.
pub fn evaluate<'e, 's>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &'s mut Scratch,
) -> Flags<'e, 's> {
    let Scratch {
        values,
        decisions,
        remainders,
        choices,
    } = scratch;
    decisions.clear(environment);
    let mut evaluation = Evaluation {
        contests: &environment.contests,
        segments: &environment.segments,
        properties: Properties::new(environment, patterns, identity, values, remainders),
        decisions,
    };
    evaluation.find_buckets();
    let mut choices = Choices::new(environment, side, choices);
    let mut overrides = environment.overrides.of(identity.identifier()).iter();
    let mut next = overrides.next();
    for contest in environment.contests.contests.iter() {
        let mut decided = false;
        while let Some(flag) = next.filter(|flag| flag.feature <= contest.feature) {
            evaluation.choose(flag.candidate.get(), &mut choices);
            decided = flag.feature == contest.feature;
            next = overrides.next();
        }
        if !decided {
            let winner = evaluation.winner(contest);
            evaluation.choose(winner, &mut choices);
        }
    }
    for flag in next.into_iter().chain(overrides) {
        evaluation.choose(flag.candidate.get(), &mut choices);
    }
    evaluation.properties.finish(values);
    choices.finish()
}

/// Chooses the flag of one feature for an identity: the same bytes as in the list of all. `None` if there is no feature
/// with exactly that name or that side may not see it.
pub fn evaluate_one<'e>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    feature: &str,
    scratch: &mut Scratch,
) -> Option<&'e [u8]> {
    let feature = environment.features.get(feature.as_bytes())?;
    let Scratch {
        values,
        decisions,
        remainders,
        ..
    } = scratch;
    decisions.clear(environment);
    let mut evaluation = Evaluation {
        contests: &environment.contests,
        segments: &environment.segments,
        properties: Properties::new(environment, patterns, identity, values, remainders),
        decisions,
    };
    let mut overrides = environment.overrides.of(identity.identifier()).iter();
    let mut contests = environment.contests.contests.iter();
    let chosen = if let Some(flag) = overrides.find(|flag| flag.feature.index() == feature) {
        Some(flag.candidate.get())
    } else {
        let contest = contests.find(|contest| contest.feature.index() == feature);
        contest.map(|contest| evaluation.winner(contest))
    };
    let piece = match chosen {
        Some(Choosable::Piece(piece)) => piece,
        Some(Choosable::Split(split)) => evaluation.share(split),
        // The pieces begin with the defaults, in the order of the features.
        None => feature,
    };
    evaluation.properties.finish(values);
    let pieces = &environment.side(side).pieces;
    let text = match pieces[piece].choice.number() {
        Some(choice) => &pieces[choice as usize].text,
        None => &pieces[piece].default_range,
    };
    environment.flags[text.range()].strip_suffix(b",")
}

/// The evaluation of one identity. What is looked up or decided once is kept.
struct Evaluation<'r, 's> {
    contests: &'r ArchivedContests,
    segments: &'r ArchivedSegments,
    properties: Properties<'r, 's>,
    decisions: &'s mut Decisions,
}

impl<'r> Evaluation<'r, '_> {
    /// Finds the buckets that contests need, several at a time.
    fn find_buckets(&mut self) {
        let mut salts = [0; LANES];
        let mut count = 0;
        for contest in self.contests.splits_among.iter() {
            let contest = &self.contests.contests[contest.index()];
            if let Choosable::Split(split) = self.winner(contest) {
                salts[count] = self.contests.splits[split].salt.index();
                count += 1;
                if count == LANES {
                    self.properties.buckets.find_together(&salts);
                    count = 0;
                }
            }
        }
        self.properties.buckets.find_together(&salts[..count]);
    }

    /// The feature state that wins a contest.
    #[inline(always)]
    fn winner(&mut self, contest: &ArchivedContest) -> Choosable {
        let precedence = contest.precedence.index();
        let rank = match self.decisions.ranks[precedence] {
            Some(rank) => rank,
            None => self.rank(precedence),
        };
        self.contests.candidates[contest.candidates.index() + rank as usize].get()
    }

    /// How many segments of a precedence come before the first that matches.
    #[inline(never)]
    fn rank(&mut self, precedence: usize) -> u32 {
        let mut rank = 0;
        for segment in self.contests.precedences[precedence].iter() {
            let segment = segment.index();
            let matches = match self.decisions.matches[segment] {
                Some(matches) => matches,
                None => self.segment_matches(segment),
            };
            if matches {
                break;
            }
            rank += 1;
        }
        self.decisions.ranks[precedence] = Some(rank);
        rank
    }

    /// Chooses the flag that a feature state gives this identity.
    #[inline]
    fn choose(&mut self, candidate: Choosable, choices: &mut Choices<'_, '_>) {
        match candidate {
            Choosable::Piece(piece) => choices.choose(piece),
            Choosable::Split(split) => choices.choose(self.share(split)),
        }
    }

    /// The piece of the multivariate value whose allocation contains the bucket of the identity, or of the state's own.
    fn share(&mut self, split: usize) -> usize {
        let split = &self.contests.splits[split];
        let bucket = self.properties.buckets.get(&split.salt);
        let mut allocations = split.allocations.iter();
        let chosen =
            allocations.find(|allocation| allocation.start <= bucket && allocation.limit > bucket);
        chosen
            .map_or(&split.own, |allocation| &allocation.piece)
            .index()
    }

    fn segment_matches(&mut self, segment: usize) -> bool {
        let steps: &[ArchivedStep] = &self.segments.steps;
        let outcomes = &mut self.decisions.outcomes[..];
        let mut next = self.segments.segments[segment].get();
        while let Some(step) = next.step() {
            let step = &steps[step];
            let condition = step.condition.index();
            // Many rules share a condition: it is decided once.
            let holds = match outcomes[condition] {
                Some(outcome) => outcome,
                None => *outcomes[condition].insert(self.properties.satisfy(condition)),
            };
            let next_step = if holds {
                &step.when_true
            } else {
                &step.when_false
            };
            next = next_step.get();
        }
        let matches = next == Next::MATCH;
        self.decisions.matches[segment] = Some(matches);
        matches
    }
}
