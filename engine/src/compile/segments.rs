//! Segments: rules become steps, properties get their source, operands are parsed.

use std::collections::{HashMap, HashSet};

use serde_json_path::JsonPath;

use super::operation::{compile_operation, cost, defect};
use super::steps::{CompiledRule, Quantifier, Steps};
use crate::archive::{
    CompiledCondition, ConditionId, Interner, Next, Operation, PatternId, Property, PropertyId,
    QueryId, SaltId, SegmentId, Segments,
};
use crate::document::{Condition, Rule, Segment};
use crate::json::{Value, write_value};
use crate::pattern::PatternSource;
use crate::python::python_str;

/// The segments of an environment, while they are compiled.
pub(super) struct SegmentsBuilder<'d> {
    api_key: &'d str,
    segments: Vec<Next>,
    steps: Steps,
    conditions: Vec<CompiledCondition>,
    properties: Vec<Property>,
    property_names: Interner,
    patterns: Vec<PatternSource>,
    queries: Vec<String>,
    salts: Interner,
    /// By operator, property, operand and, where it matters, segment.
    known_conditions: HashMap<String, ConditionId>,
    /// By pattern; an error says why it cannot be used.
    known_patterns: HashMap<String, Result<PatternId, String>>,
    warnings: Vec<String>,
    known_warnings: HashSet<String>,
}

/// The compiled segments, their salts, and warnings about conditions that never match.
pub(super) struct CompiledSegments {
    /// Without the evaluation context.
    pub(super) segments: Segments,
    pub(super) salts: Interner,
    pub(super) warnings: Vec<String>,
}

impl<'d> SegmentsBuilder<'d> {
    /// No segments yet, of an environment with that key.
    pub(super) fn new(api_key: &'d str) -> SegmentsBuilder<'d> {
        SegmentsBuilder {
            api_key,
            segments: Vec::new(),
            steps: Steps::default(),
            conditions: Vec::new(),
            properties: Vec::new(),
            property_names: Interner::new(),
            patterns: Vec::new(),
            queries: Vec::new(),
            salts: Interner::new(),
            known_conditions: HashMap::new(),
            known_patterns: HashMap::new(),
            warnings: Vec::new(),
            known_warnings: HashSet::new(),
        }
    }

    /// Adds a segment; `None` if it can never match.
    pub(super) fn add(&mut self, segment: &Segment<'_>) -> Option<SegmentId> {
        if let Some(kind) = unknown_kind(&segment.rules) {
            let kind = python_str(kind);
            let problem = format!("rule type {kind:?} is unknown; the segment never matches");
            self.warn(segment, &problem);
            return None;
        }
        if segment.rules.is_empty() {
            return None;
        }
        let rules = self.rules(&segment.rules, segment);
        let start = self.steps.add(&rules);
        self.segments.push(start);
        Some(SegmentId::new(self.segments.len() - 1))
    }

    pub(super) fn finish(self) -> CompiledSegments {
        CompiledSegments {
            segments: Segments {
                segments: self.segments,
                steps: self.steps.into_steps(),
                conditions: self.conditions,
                properties: self.properties,
                property_names: self.property_names,
                patterns: self.patterns,
                queries: self.queries,
                context: None,
            },
            salts: self.salts,
            warnings: self.warnings,
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
                let problem = format!("{} never matches: {problem}", subject());
                self.warn(segment, &problem);
                self.add_condition(property, Operation::Never)
            });
            if let Some(defect) = defect(&self.conditions[id.index()].operation) {
                self.warn(segment, &format!("{} {defect}", subject()));
            }
            ids.push(id);
        }
        // The result of a rule does not depend on the order of its conditions: the cheapest come first.
        ids.sort_by_key(|id| cost(&self.conditions[id.index()].operation));
        ids
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
        let property = self.property(property);
        self.conditions.push(CompiledCondition {
            property,
            operation,
        });
        ConditionId::new(self.conditions.len() - 1)
    }

    /// The id of the property of that name.
    fn property(&mut self, name: &str) -> PropertyId {
        let index = self.property_names.intern(name.as_bytes());
        if index == self.properties.len() {
            // It has its id before its source is known: the source may be another property.
            self.properties.push(Property::Trait);
            self.properties[index] = self.source(name);
        }
        PropertyId::new(index)
    }

    fn source(&mut self, name: &str) -> Property {
        match name {
            _ if !name.starts_with("$.") => Property::Trait,
            "$.identity.identifier" => Property::Identifier,
            "$.identity.key" => Property::IdentityKey,
            "$.environment.name" => Property::EnvironmentName,
            "$.environment.key" => Property::EnvironmentKey,
            _ => match name
                .strip_prefix("$.identity.traits.")
                .filter(|name| is_shorthand(name))
            {
                Some(name) => Property::TraitOfPath(self.property(name)),
                None if JsonPath::parse(name).is_ok() => {
                    self.queries.push(name.to_owned());
                    Property::Query(QueryId::new(self.queries.len() - 1))
                }
                None => Property::Trait,
            },
        }
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

/// The first unknown rule type that matters: an empty rule matches, whatever its type.
fn unknown_kind<'v>(rules: &[Rule<'v>]) -> Option<&'v Value<'v>> {
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

/// Whether `$.<name>` is JSONPath's shorthand for a member of that name (RFC 9535, 2.5.1.1).
fn is_shorthand(name: &str) -> bool {
    let first = |character: char| {
        character == '_' || character.is_ascii_alphabetic() || !character.is_ascii()
    };
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}
