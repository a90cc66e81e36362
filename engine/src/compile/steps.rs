//! Rules turned into steps: questions that each say where its answer leads, so that evaluating needs no recursion.
//!
//! Knows nothing of what a condition asks.

use crate::archive::length;
use crate::archive::{MATCHES, MATCHES_NOT, Step};
use crate::json::Value;

/// A rule over its conditions, by place, and its nested rules.
pub(super) struct Rule {
    pub(super) quantifier: Quantifier,
    pub(super) conditions: Vec<u32>,
    pub(super) rules: Vec<Rule>,
}

/// How many of a rule's parts must match.
#[derive(Clone, Copy)]
pub(super) enum Quantifier {
    All,
    Any,
    /// Not one.
    None,
}

impl Quantifier {
    /// What a document calls so; `None` for an unknown rule type.
    pub(super) fn of(kind: &Value<'_>) -> Option<Quantifier> {
        let Value::Text(kind) = kind else { return None };
        Some(match kind.as_str() {
            "ALL" => Quantifier::All,
            "ANY" => Quantifier::Any,
            "NONE" => Quantifier::None,
            _ => return None,
        })
    }
}

/// The steps of all segments.
#[derive(Default)]
pub(super) struct Steps(pub(super) Vec<Step>);

impl Steps {
    /// Adds a segment, all of whose rules must match, and returns where to begin.
    pub(super) fn add(&mut self, rules: &[Rule]) -> u32 {
        self.all(rules, MATCHES, MATCHES_NOT)
    }

    /// The steps of rules that all must match, and where to begin. They lead to `matches` or to
    /// `matches_not`. Added from the last to the first, so that each knows where it leads.
    fn all(&mut self, rules: &[Rule], matches: u32, matches_not: u32) -> u32 {
        let last_to_first = rules.iter().rev();
        last_to_first.fold(matches, |next, rule| self.one(rule, next, matches_not))
    }

    /// The same for one rule.
    fn one(&mut self, rule: &Rule, matches: u32, matches_not: u32) -> u32 {
        // A part that is empty holds, whatever the rule's type.
        let otherwise = |empty: bool| if empty { matches } else { matches_not };
        match rule.quantifier {
            Quantifier::All => {
                let rules = self.all(&rule.rules, matches, matches_not);
                let conditions = rule.conditions.iter().rev();
                conditions.fold(rules, |next, condition| {
                    self.step(*condition, next, matches_not)
                })
            }
            Quantifier::Any => {
                let rules = rule.rules.iter().rev();
                let rules = rules.fold(otherwise(rule.rules.is_empty()), |next, rule| {
                    self.one(rule, matches, next)
                });
                if rule.conditions.is_empty() {
                    return rules;
                }
                let conditions = rule.conditions.iter().rev();
                conditions.fold(matches_not, |next, condition| {
                    self.step(*condition, rules, next)
                })
            }
            Quantifier::None => {
                let rules = rule.rules.iter().rev();
                let rules = rules.fold(matches, |next, rule| self.one(rule, matches_not, next));
                let conditions = rule.conditions.iter().rev();
                conditions.fold(rules, |next, condition| {
                    self.step(*condition, matches_not, next)
                })
            }
        }
    }

    fn step(&mut self, condition: u32, when_true: u32, when_false: u32) -> u32 {
        self.0.push(Step {
            condition,
            when_true,
            when_false,
        });
        length(&self.0) - 1
    }
}
