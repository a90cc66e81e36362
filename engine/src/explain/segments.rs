//! Segments in the words of the document, with what their rules and conditions came to.

use super::explanation::{ExplainedCondition, ExplainedRule, ExplainedSegment};
use super::values::{json, property_value};
use crate::archive::{ArchivedEnvironment, ArchivedOperation, ConditionId};
use crate::bucket::bucket;
use crate::compile::{CompiledRule, Provenance, Quantifier};
use crate::document::{Condition, Rule};
use crate::evaluate::{Evaluation, PropertyValue};
use crate::json::write_value;
use crate::python::python_str;

/// The numbers of the segments that override one of these features, in the order of the document.
pub(super) fn overriding(provenance: &Provenance<'_, '_>, features: &[usize]) -> Vec<usize> {
    let overrides = features
        .iter()
        .flat_map(|feature| provenance.overrides(*feature));
    let mut numbers: Vec<usize> = overrides.map(|found| found.segment).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The segment of that number, and whether the identity is in it.
pub(super) fn explained(
    environment: &ArchivedEnvironment,
    provenance: &Provenance<'_, '_>,
    number: usize,
    evaluation: &mut Evaluation<'_, '_>,
) -> ExplainedSegment {
    let segment = provenance.segment(number);
    let id = provenance.segment_id(number);
    let mut explained = ExplainedSegment {
        id: segment.id.clone(),
        name: python_str(segment.name),
        matches: id.is_some_and(|id| evaluation.matches(id.index())),
        problem: provenance.segment_problem(number),
        rules: Vec::new(),
    };
    if let Some(id) = id {
        let mut rules = Rules {
            environment,
            provenance,
            evaluation,
        };
        explained.rules = rules.explained(&segment.rules, provenance.rules(id));
    }
    explained
}

/// Whether all rules of a segment hold. A segment that was cut does not match although they do.
pub(super) fn rules_hold(segment: &ExplainedSegment) -> bool {
    let can_match = segment.problem.is_none();
    can_match && segment.rules.iter().all(|rule| rule.matches)
}

/// Rules, while they are put into words.
struct Rules<'w, 'd, 'r, 's> {
    environment: &'w ArchivedEnvironment,
    provenance: &'w Provenance<'w, 'd>,
    evaluation: &'w mut Evaluation<'r, 's>,
}

impl Rules<'_, '_, '_, '_> {
    /// Rules of the document beside the same rules compiled.
    fn explained(&mut self, rules: &[Rule<'_>], compiled: &[CompiledRule]) -> Vec<ExplainedRule> {
        let pairs = rules.iter().zip(compiled);
        pairs
            .map(|(rule, compiled)| self.rule(rule, compiled))
            .collect()
    }

    fn rule(&mut self, rule: &Rule<'_>, compiled: &CompiledRule) -> ExplainedRule {
        let conditions = rule.conditions.iter().zip(&compiled.conditions);
        let conditions: Vec<_> = conditions
            .map(|(condition, id)| self.condition(condition, *id))
            .collect();
        let rules = self.explained(&rule.rules, &compiled.rules);
        let conditions_hold = conditions.iter().map(|condition| condition.holds);
        let rules_match = rules.iter().map(|rule| rule.matches);
        let quantifier = compiled.quantifier;
        ExplainedRule {
            kind: python_str(rule.kind),
            matches: holds(quantifier, conditions_hold) && holds(quantifier, rules_match),
            conditions,
            rules,
        }
    }

    fn condition(&mut self, condition: &Condition<'_>, id: ConditionId) -> ExplainedCondition {
        let holds = self.evaluation.holds(id.index());
        let compiled = &self.environment.segments.conditions[id.index()];
        let value = self.evaluation.value(compiled.property.index());
        let value = value.cloned().unwrap_or(PropertyValue::Null);
        let bucket = match &compiled.operation {
            ArchivedOperation::IdentitySplit { salt, .. } => Some(self.evaluation.bucket(salt)),
            ArchivedOperation::PercentageSplit { salt, .. } if value != PropertyValue::Null => {
                Some(bucket(salt.as_bytes(), value.text().as_bytes()))
            }
            _ => None,
        };
        let flag = self.provenance.feature_read(condition.property);
        ExplainedCondition {
            property: condition.property.to_owned(),
            operator: python_str(condition.operator),
            operand: json(|out| write_value(condition.value, out)),
            value: property_value(&value),
            holds,
            bucket,
            flag: flag.map(|feature| self.provenance.feature_name(feature).to_owned()),
            problem: self.provenance.condition_problem(id),
        }
    }
}

/// Whether the conditions, or the rules, of a rule are as many as it asks for. Without any it does not ask.
fn holds(quantifier: Quantifier, parts: impl ExactSizeIterator<Item = bool>) -> bool {
    let mut parts = parts;
    match quantifier {
        _ if parts.len() == 0 => true,
        Quantifier::All => parts.all(|part| part),
        Quantifier::Any => parts.any(|part| part),
        Quantifier::None => !parts.any(|part| part),
    }
}
