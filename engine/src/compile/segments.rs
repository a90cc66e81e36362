//! Segments: rules become steps, operands are parsed.

use std::collections::{HashMap, HashSet};

use super::circular::CircularSteps;
use super::dependencies::DependencyOrder;
use super::operation::{compile_operation, cost, defect};
use super::properties::PropertiesBuilder;
use super::steps::{CompiledRule, Quantifier, Steps, unknown_kind};
use crate::archive::{
    CircularSegment, CircularStep, CompiledCondition, ConditionId, FlagProperty, Interner, Next,
    Operation, PatternId, SaltId, SegmentId, Segments,
};
use crate::document::{Condition, Rule, Segment};
use crate::json::{Value, write_value};
use crate::pattern::PatternSource;
use crate::python::python_str;

/// The segments of an environment, while they are compiled.
pub(super) struct SegmentsBuilder<'d> {
    api_key: &'d str,
    features: &'d Interner,
    order: &'d DependencyOrder,
    segments: Vec<Next>,
    steps: Steps,
    circular: Vec<CircularSegment>,
    circular_steps: CircularSteps,
    conditions: Vec<CompiledCondition>,
    properties: PropertiesBuilder<'d>,
    patterns: Vec<PatternSource>,
    salts: Interner,
    /// By operator, property, operand and, where it matters, segment.
    known_conditions: HashMap<String, ConditionId>,
    /// By pattern; an error says why it cannot be used.
    known_patterns: HashMap<String, Result<PatternId, String>>,
    warnings: Vec<String>,
    known_warnings: HashSet<String>,
    /// `None` if nobody will ask.
    provenance: Option<SegmentProvenance>,
}

/// Where compiled segments come from, as far as their archive does not tell.
#[derive(Default)]
pub(super) struct SegmentProvenance {
    /// The rules of each segment by `SegmentId`, all in the order of the document.
    pub(super) rules: Vec<Vec<CompiledRule>>,
    /// Why conditions can never match.
    pub(super) problems: HashMap<ConditionId, String>,
}

/// The compiled segments, their salts, and warnings about conditions that never match.
pub(super) struct CompiledSegments {
    /// Without the evaluation context.
    pub(super) segments: Segments,
    pub(super) salts: Interner,
    pub(super) circular: CompiledCircular,
    /// The properties that read each flag, by `PrerequisiteId`.
    pub(super) flag_properties: Vec<Vec<FlagProperty>>,
    pub(super) warnings: Vec<String>,
    pub(super) provenance: Option<SegmentProvenance>,
}

/// The segments that read circular flags.
pub(super) struct CompiledCircular {
    /// In the order of the document.
    pub(super) segments: Vec<CircularSegment>,
    pub(super) steps: Vec<CircularStep>,
}

impl<'d> SegmentsBuilder<'d> {
    /// No segments yet, of an environment with that key and those features.
    pub(super) fn new(
        api_key: &'d str,
        features: &'d Interner,
        order: &'d DependencyOrder,
    ) -> SegmentsBuilder<'d> {
        SegmentsBuilder {
            api_key,
            features,
            order,
            segments: Vec::new(),
            steps: Steps::default(),
            circular: Vec::new(),
            circular_steps: CircularSteps::default(),
            conditions: Vec::new(),
            properties: PropertiesBuilder::new(features, order),
            patterns: Vec::new(),
            salts: Interner::new(),
            known_conditions: HashMap::new(),
            known_patterns: HashMap::new(),
            warnings: Vec::new(),
            known_warnings: HashSet::new(),
            provenance: None,
        }
    }

    /// The same, but it keeps where segments come from.
    pub(super) fn with_provenance(self) -> SegmentsBuilder<'d> {
        SegmentsBuilder {
            provenance: Some(SegmentProvenance::default()),
            ..self
        }
    }

    /// Adds the segment of that number in the document; `None` if it decides nothing, or can never match.
    pub(super) fn add(&mut self, segment: &Segment<'_>, number: usize) -> Option<SegmentId> {
        let mut states = segment.feature_states.iter();
        let overrides =
            states.any(|state| self.features.get(state.feature_name.as_bytes()).is_some());
        // A segment without overrides matters if it reads circular flags: what is read first decides where a cycle is
        // cut.
        if !overrides && !self.order.is_circular_segment(number) {
            return None;
        }
        if let Some(kind) = unknown_kind(&segment.rules) {
            let kind = python_str(kind);
            let problem = format!("rule type {kind:?} is unknown; the segment never matches");
            self.warn(segment, &problem);
            return None;
        }
        if segment.rules.is_empty() {
            return None;
        }
        let mut rules = self.rules(&segment.rules, segment);
        let id = SegmentId::new(self.segments.len());
        if let Some(provenance) = &mut self.provenance {
            provenance.rules.push(rules.clone());
        }
        let start = if self.order.is_circular_segment(number) {
            self.circular.push(CircularSegment {
                segment: id,
                start: self.circular_steps.add(&rules),
                cycle: self.order.cycle_of_segment(number),
            });
            Next::NO_MATCH
        } else {
            self.put_cheapest_first(&mut rules);
            self.steps.add(&rules)
        };
        self.segments.push(start);
        Some(id)
    }

    pub(super) fn finish(self) -> CompiledSegments {
        let PropertiesBuilder {
            properties,
            names,
            queries,
            flag_properties,
            ..
        } = self.properties;
        CompiledSegments {
            segments: Segments {
                segments: self.segments,
                steps: self.steps.into_steps(),
                conditions: self.conditions,
                properties,
                property_names: names,
                patterns: self.patterns,
                queries,
                context: None,
            },
            salts: self.salts,
            circular: CompiledCircular {
                segments: self.circular,
                steps: self.circular_steps.into_steps(),
            },
            flag_properties,
            warnings: self.warnings,
            provenance: self.provenance,
        }
    }

    fn warn(&mut self, segment: &Segment<'_>, problem: &str) {
        let name = python_str(segment.name);
        let warning = format!("segment {} {name}: {problem}", segment.id);
        if self.known_warnings.insert(warning.clone()) {
            self.warnings.push(warning);
        }
    }

    fn rules(&mut self, rules: &[Rule<'_>], segment: &Segment<'_>) -> Vec<CompiledRule> {
        let compile = |rule: &Rule<'_>| CompiledRule {
            quantifier: Quantifier::of(rule.kind).unwrap_or(Quantifier::All),
            conditions: self.conditions(&rule.conditions, segment),
            rules: self.rules(&rule.rules, segment),
        };
        rules.iter().map(compile).collect()
    }

    fn conditions(
        &mut self,
        conditions: &[Condition<'_>],
        segment: &Segment<'_>,
    ) -> Vec<ConditionId> {
        let mut ids = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let (operator, property) = (python_str(condition.operator), condition.property);
            let subject = || format!("the {operator} condition on {property:?}");
            let id = self.condition(condition, &segment.id);
            let id = id.unwrap_or_else(|problem| {
                let words = format!("{} never matches: {problem}", subject());
                self.warn(segment, &words);
                let id = self.add_condition(property, Operation::Never);
                if let Some(provenance) = &mut self.provenance {
                    provenance.problems.insert(id, problem);
                }
                id
            });
            if let Some(defect) = defect(&self.conditions[id.index()].operation) {
                self.warn(segment, &format!("{} {defect}", subject()));
            }
            ids.push(id);
        }
        ids
    }

    /// Sorts the conditions of rules, whose result does not depend on the order.
    fn put_cheapest_first(&self, rules: &mut [CompiledRule]) {
        for rule in rules {
            let key = |id: &ConditionId| cost(&self.conditions[id.index()].operation);
            rule.conditions.sort_by_key(key);
            self.put_cheapest_first(&mut rule.rules);
        }
    }

    /// The id of a condition. Equal conditions have one id, so that a request decides them once. An error says why the
    /// condition can never match.
    fn condition(
        &mut self,
        condition: &Condition<'_>,
        segment: &str,
    ) -> Result<ConditionId, String> {
        let operator = match condition.operator {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let property = condition.property;
        // A percentage split depends on its segment.
        let scope = if operator == "PERCENTAGE_SPLIT" {
            segment
        } else {
            ""
        };
        let mut key = format!("{operator:?} {property:?} {scope:?} ").into_bytes();
        write_value(condition.value, &mut key);
        let key = String::from_utf8_lossy(&key).into_owned();
        if let Some(id) = self.known_conditions.get(&key) {
            return Ok(*id);
        }
        let operation = compile_operation(operator, condition.value, segment, |pattern| {
            self.pattern(pattern)
        })?;
        let operation = match operation {
            Operation::PercentageSplit { threshold, .. } if property.is_empty() => {
                let salt = format!("{segment},{}_", self.api_key);
                let salt = SaltId::new(self.salts.intern(salt.as_bytes()));
                Operation::IdentitySplit { salt, threshold }
            }
            other => other,
        };
        let id = self.add_condition(property, operation);
        self.known_conditions.insert(key, id);
        Ok(id)
    }

    fn add_condition(&mut self, property: &str, operation: Operation) -> ConditionId {
        let property = self.properties.id(property);
        self.conditions.push(CompiledCondition {
            property,
            operation,
        });
        ConditionId::new(self.conditions.len() - 1)
    }

    /// The id of a pattern. Equal patterns have one id.
    fn pattern(&mut self, pattern: &str) -> Result<PatternId, String> {
        let patterns = &mut self.patterns;
        let added = self.known_patterns.entry(pattern.to_owned());
        let added = added.or_insert_with(|| {
            let source = PatternSource::new(pattern)
                .map_err(|problem| format!("pattern {pattern:?} cannot be used: {problem}"))?;
            patterns.push(source);
            Ok(PatternId::new(patterns.len() - 1))
        });
        added.clone()
    }
}
