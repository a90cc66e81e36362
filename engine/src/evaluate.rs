//! Evaluation: a compiled environment and an identity make flags. A pure function over an archive in place.
//!
//! Costs one look-up for identity overrides, one per trait sent, and the conditions of those segments that
//! decide something; features that cannot differ between identities are copied as one run.

use crate::bucket::bucket;
use crate::environment::{
    ArchivedContest, ArchivedEnvironment, ArchivedSplit, ArchivedState, ArchivedStep, MATCHES,
    MATCHES_NOT,
};
use crate::flags::{Choices, Flags};
use crate::identity::Identity;
use crate::patterns::Patterns;
use crate::properties::Properties;
use crate::scratch::{Known, Scratch};
use crate::side::Side;

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
        choices,
    } = scratch;
    known.forget(environment);
    let mut evaluation = Evaluation {
        environment,
        identifier: identity.identifier(),
        properties: Properties::new(environment, patterns, identity, spare),
        known,
    };
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
    identifier: &'r str,
    properties: Properties<'r>,
    known: &'s mut Known,
}

impl Evaluation<'_, '_> {
    /// The flag that holds for this identity, among pieces.
    fn decide(&mut self, contest: &ArchivedContest) -> u32 {
        let precedence = contest.precedence.to_native() as usize;
        let rank = match self.known.ranks[precedence] {
            Some(known) => known,
            None => self.rank(precedence),
        };
        let place = contest.states.to_native() + rank;
        match &self.environment.states[place as usize] {
            ArchivedState::Plain(piece) => piece.to_native(),
            ArchivedState::Split(split) => {
                self.choose(&self.environment.splits[split.to_native() as usize])
            }
        }
    }

    /// How many segments of a precedence come before the first that matches.
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
    fn choose(&self, split: &ArchivedSplit) -> u32 {
        let bucket = bucket(&split.salt, self.identifier);
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
