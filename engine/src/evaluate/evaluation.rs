//! The evaluation of one identity: contests, segments and conditions, each decided when it is first needed.

use super::properties::Properties;
use super::property_value::PropertyValue;
use super::scratch::Decisions;
use crate::archive::{
    ArchivedContest, ArchivedContests, ArchivedSaltId, ArchivedSegments, ArchivedStep, Choosable,
    Next,
};
use crate::bucket::LANES;

/// The evaluation of one identity. What is looked up or decided once is kept.
pub(crate) struct Evaluation<'r, 's> {
    pub(super) contests: &'r ArchivedContests,
    pub(super) segments: &'r ArchivedSegments,
    pub(super) properties: Properties<'r, 's>,
    pub(super) decisions: &'s mut Decisions,
}

impl<'r> Evaluation<'r, '_> {
    /// Finds the buckets that contests need, several at a time.
    #[inline(always)]
    pub(super) fn find_buckets(&mut self) {
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
    pub(super) fn winner(&mut self, contest: &ArchivedContest) -> Choosable {
        let rank = self.rank(contest);
        self.contests.candidates[contest.candidates.index() + rank].get()
    }

    /// How many segments of the precedence of a contest come before the first that matches.
    #[inline(always)]
    pub(crate) fn rank(&mut self, contest: &ArchivedContest) -> usize {
        let precedence = contest.precedence.index();
        let rank = match self.decisions.ranks[precedence] {
            Some(rank) => rank,
            None => self.decide_rank(precedence),
        };
        rank as usize
    }

    /// How many segments of a precedence come before the first that matches.
    #[inline(never)]
    fn decide_rank(&mut self, precedence: usize) -> u32 {
        let mut rank = 0;
        for segment in self.contests.precedences[precedence].iter() {
            if self.matches(segment.index()) {
                break;
            }
            rank += 1;
        }
        self.decisions.ranks[precedence] = Some(rank);
        rank
    }

    /// The flag that a feature state gives this identity.
    #[inline]
    pub(crate) fn piece(&mut self, candidate: Choosable) -> usize {
        match candidate {
            Choosable::Piece(piece) => piece,
            Choosable::Split(split) => self.share(split),
        }
    }

    /// The piece of the multivariate value whose allocation contains the bucket of the identity, or of the state's own.
    #[inline(always)]
    fn share(&mut self, split: usize) -> usize {
        let split = &self.contests.splits[split];
        let bucket = self.properties.buckets.get(&split.salt);
        let mut allocations = split.allocations.iter();
        let chosen = allocations.find(|allocation| allocation.contains(bucket));
        chosen
            .map_or(&split.own, |allocation| &allocation.piece)
            .index()
    }

    /// Whether a segment matches.
    #[inline]
    pub(crate) fn matches(&mut self, segment: usize) -> bool {
        match self.decisions.matches[segment] {
            Some(matches) => matches,
            None => self.segment_matches(segment),
        }
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&mut self, condition: usize) -> bool {
        match self.decisions.outcomes[condition] {
            Some(outcome) => outcome,
            None => {
                let holds = self.properties.satisfy(condition);
                *self.decisions.outcomes[condition].insert(holds)
            }
        }
    }

    /// The bucket of a salt and the identifier.
    pub(crate) fn bucket(&mut self, salt: &ArchivedSaltId) -> f64 {
        self.properties.buckets.get(salt)
    }

    /// The value of a property, if a condition has looked at it.
    pub(crate) fn value(&self, property: usize) -> Option<&PropertyValue<'r>> {
        self.properties.known(property)
    }

    #[inline(always)]
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
