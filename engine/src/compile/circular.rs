//! Rules of segments that read circular flags as steps, exactly in the order in which Flagsmith's engine evaluates
//! them.

use super::steps::{CompiledRule, Quantifier};
use crate::archive::{CircularStep, ConditionId, Next};

/// The steps of all segments that read circular flags.
#[derive(Default)]
pub(super) struct CircularSteps(Vec<CircularStep>);

impl CircularSteps {
    /// Adds a segment, all of whose rules must match. Returns where it begins.
    pub(super) fn add(&mut self, rules: &[CompiledRule]) -> Next {
        let (all, rule) = (Quantifier::All, CircularSteps::rule);
        self.parts(all, rules, Next::MATCH, Next::NO_MATCH, rule)
    }

    pub(super) fn into_steps(self) -> Vec<CircularStep> {
        self.0
    }

    fn rule(&mut self, rule: &CompiledRule, matches: Next, fails: Next) -> Next {
        let quantifier = rule.quantifier;
        let (mut matches, mut fails) = (matches, fails);
        if !rule.rules.is_empty() {
            let all_match = self.push(CircularStep::TakeBack {
                when_true: matches,
                when_false: fails,
            });
            let rules_fail = self.push(CircularStep::TakeBack {
                when_true: fails,
                when_false: fails,
            });
            let next = self.parts(
                quantifier,
                &rule.rules,
                all_match,
                rules_fail,
                CircularSteps::rule,
            );
            [matches, fails] =
                [true, false].map(|matches| self.push(CircularStep::Keep { matches, next }));
        }
        if rule.conditions.is_empty() {
            return matches;
        }
        self.parts(
            quantifier,
            &rule.conditions,
            matches,
            fails,
            CircularSteps::condition,
        )
    }

    fn condition(&mut self, condition: &ConditionId, when_true: Next, when_false: Next) -> Next {
        self.push(CircularStep::Ask {
            condition: *condition,
            when_true,
            when_false,
        })
    }

    /// Adds the conditions or the rules of a rule, the last one first, because each has to know the next one.
    fn parts<T>(
        &mut self,
        quantifier: Quantifier,
        parts: &[T],
        matches: Next,
        fails: Next,
        add: fn(&mut CircularSteps, &T, Next, Next) -> Next,
    ) -> Next {
        let parts = parts.iter().rev();
        match quantifier {
            Quantifier::All => parts.fold(matches, |next, part| add(self, part, next, fails)),
            Quantifier::Any => parts.fold(fails, |next, part| add(self, part, matches, next)),
            Quantifier::None => parts.fold(matches, |next, part| add(self, part, fails, next)),
        }
    }

    fn push(&mut self, step: CircularStep) -> Next {
        self.0.push(step);
        Next::new(self.0.len() - 1)
    }
}
