//! Rules as steps: each condition says what follows when it holds and when it does not, so that evaluation needs no
//! recursion.

use crate::archive::{ConditionId, Next, Step};
use crate::document::Rule;
use crate::json::Value;

/// A rule whose conditions are compiled.
#[derive(Clone)]
pub(crate) struct CompiledRule {
    pub(crate) quantifier: Quantifier,
    pub(crate) conditions: Vec<ConditionId>,
    pub(crate) rules: Vec<CompiledRule>,
}

/// How many of the parts of a rule must match.
#[derive(Clone, Copy)]
pub(crate) enum Quantifier {
    All,
    Any,
    None,
}

impl Quantifier {
    /// The quantifier of a rule type; `None` if the type is unknown.
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

/// The first unknown rule type that matters: an empty rule matches, whatever its type.
pub(super) fn unknown_kind<'v>(rules: &[Rule<'v>]) -> Option<&'v Value<'v>> {
    rules.iter().find_map(|rule| {
        let empty = rule.conditions.is_empty() && rule.rules.is_empty();
        let unknown = !empty && Quantifier::of(rule.kind).is_none();
        if unknown {
            Some(rule.kind)
        } else {
            unknown_kind(&rule.rules)
        }
    })
}

/// The steps of all segments.
#[derive(Default)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    /// Adds a segment, all of whose rules must match. Returns where it begins.
    pub(super) fn add(&mut self, rules: &[CompiledRule]) -> Next {
        self.all(rules, Next::MATCH, Next::NO_MATCH)
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.0
    }

    /// Adds rules that all must match, and returns where they begin. They lead to `matches` or `fails`. The last one is
    /// added first, because each step has to know the next one.
    fn all(&mut self, rules: &[CompiledRule], matches: Next, fails: Next) -> Next {
        let last_to_first = rules.iter().rev();
        last_to_first.fold(matches, |next, rule| self.rule(rule, next, fails))
    }

    /// Adds one rule.
    fn rule(&mut self, rule: &CompiledRule, matches: Next, fails: Next) -> Next {
        let rules = rule.rules.iter().rev();
        let conditions = rule.conditions.iter().rev();
        match rule.quantifier {
            Quantifier::All => {
                let rules = self.all(&rule.rules, matches, fails);
                conditions.fold(rules, |next, condition| self.step(*condition, next, fails))
            }
            Quantifier::Any => {
                // An empty part matches, whatever the type of the rule.
                let none = if rule.rules.is_empty() {
                    matches
                } else {
                    fails
                };
                let rules = rules.fold(none, |next, rule| self.rule(rule, matches, next));
                if rule.conditions.is_empty() {
                    return rules;
                }
                conditions.fold(fails, |next, condition| self.step(*condition, rules, next))
            }
            Quantifier::None => {
                let rules = rules.fold(matches, |next, rule| self.rule(rule, fails, next));
                conditions.fold(rules, |next, condition| self.step(*condition, fails, next))
            }
        }
    }

    fn step(&mut self, condition: ConditionId, when_true: Next, when_false: Next) -> Next {
        self.0.push(Step {
            condition,
            when_true,
            when_false,
        });
        Next::new(self.0.len() - 1)
    }
}
