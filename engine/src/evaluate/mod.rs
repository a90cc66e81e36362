//! Evaluation: a compiled environment and an identity make flags. A pure function over an archive in place.
//!
//! Costs one look-up for identity overrides, one per trait sent, and the conditions of those segments that
//! decide something; features that cannot differ between identities are copied as one run.

mod buckets;
mod flags;
mod patterns;
mod properties;
mod property_value;
mod scratch;

use crate::archive::{
    ArchivedContest, ArchivedEnvironment, ArchivedSplit, ArchivedState, ArchivedStep, MATCHES,
    MATCHES_NOT,
};
pub use flags::Flags;
pub use patterns::Patterns;
pub(crate) use property_value::PropertyValue;
pub use scratch::Scratch;

use crate::bucket::LANES;
use crate::request::Identity;
use crate::side::Side;
use flags::Choices;
use properties::Properties;
use scratch::Known;

/// Evaluates an identity: chooses its flags, which can then be written, or known again by their choices.
pub fn evaluate<'e, 's>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &'s mut Scratch,
) -> Flags<'e, 's> {
    let Scratch {
        spare,
        known,
        buckets,
        choices,
    } = scratch;
    known.forget(environment);
    let mut evaluation = Evaluation {
        environment,
        properties: Properties::new(environment, patterns, identity, spare, buckets),
        known,
    };
    evaluation.find_buckets();
    let mut choices = Choices::new(environment, side, choices);
    let mut overrides = environment.overrides_of(identity.identifier()).iter();
    let mut next = overrides.next();
    for contest in environment.contests.iter() {
        let mut decided = false;
        while let Some(known) = next.filter(|known| known.feature <= contest.feature) {
            choices.choose(known.piece.to_native());
            decided = known.feature == contest.feature;
            next = overrides.next();
        }
        if !decided {
            choices.choose(evaluation.decide(contest));
        }
    }
    for known in next.into_iter().chain(overrides) {
        choices.choose(known.piece.to_native());
    }
    evaluation.properties.finish(spare);
    choices.finish()
}

/// Writes the whole answer to an identities request:
/// `{"identifier":...,"traits":[...],"flags":[...]}`.
pub fn write_identity(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    let flags = evaluate(environment, patterns, side, identity, scratch);
    out.reserve(identity.most_head_bytes() + flags.byte_length() + 1);
    identity.write_head(out);
    flags.write(out);
    out.push(b'}');
}

/// One identity's evaluation: what is looked up or decided once is kept.
struct Evaluation<'r, 's> {
    environment: &'r ArchivedEnvironment,
    properties: Properties<'r, 's>,
    known: &'s mut Known,
}

impl<'r> Evaluation<'r, '_> {
    /// Finds the buckets that contests need, several at a time.
    fn find_buckets(&mut self) {
        let mut salts = [0; LANES];
        let mut count = 0;
        for contest in self.environment.split_contests.iter() {
            let contest = &self.environment.contests[contest.to_native() as usize];
            if let ArchivedState::Split(split) = self.state(contest) {
                let split = &self.environment.splits[split.to_native() as usize];
                salts[count] = split.salt.to_native() as usize;
                count += 1;
                if count == LANES {
                    self.properties.buckets.find_together(&salts);
                    count = 0;
                }
            }
        }
        self.properties.buckets.find_together(&salts[..count]);
    }

    /// The flag that holds for this identity, among pieces.
    fn decide(&mut self, contest: &ArchivedContest) -> u32 {
        match self.state(contest) {
            ArchivedState::Plain(piece) => piece.to_native(),
            ArchivedState::Split(split) => {
                self.choose(&self.environment.splits[split.to_native() as usize])
            }
        }
    }

    /// The feature state that holds for this identity.
    #[inline(always)]
    fn state(&mut self, contest: &ArchivedContest) -> &'r ArchivedState {
        let precedence = contest.precedence.to_native() as usize;
        let rank = match self.known.ranks[precedence] {
            Some(known) => known,
            None => self.rank(precedence),
        };
        let place = contest.states.to_native() + rank;
        &self.environment.states[place as usize]
    }

    /// How many segments of a precedence come before the first that matches.
    #[inline(never)]
    fn rank(&mut self, precedence: usize) -> u32 {
        let mut rank = 0;
        for segment in self.environment.precedences[precedence].iter() {
            let segment = segment.to_native() as usize;
            let matches = match self.known.matches[segment] {
                Some(known) => known,
                None => self.segment_matches(segment),
            };
            if matches {
                break;
            }
            rank += 1;
        }
        self.known.ranks[precedence] = Some(rank);
        rank
    }

    /// The multivariate value whose allocation holds the identity's bucket, else the state's own.
    fn choose(&mut self, split: &ArchivedSplit) -> u32 {
        let bucket = self.properties.buckets.get(split.salt.to_native());
        let mut values = split.multivariate_values.iter();
        let chosen = values.find(|value| value.start <= bucket && value.limit > bucket);
        chosen.map_or(split.own, |value| value.piece).to_native()
    }

    fn segment_matches(&mut self, segment: usize) -> bool {
        let steps: &[ArchivedStep] = &self.environment.steps;
        let outcomes = &mut self.known.outcomes[..];
        let mut at = self.environment.segments[segment].to_native();
        while at < MATCHES_NOT {
            let step = &steps[at as usize];
            let condition = step.condition.to_native() as usize;
            // Most conditions stand in many rules, and are decided once.
            let holds = match outcomes[condition] {
                Some(known) => known,
                None => *outcomes[condition].insert(self.properties.satisfy(condition)),
            };
            let next = if holds {
                step.when_true
            } else {
                step.when_false
            };
            at = next.to_native();
        }
        let matches = at == MATCHES;
        self.known.matches[segment] = Some(matches);
        matches
    }
}
