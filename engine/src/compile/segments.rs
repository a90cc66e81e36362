//! Segments: rules turned into steps, properties interned, operands parsed.

use std::collections::HashMap;

use serde_json_path::JsonPath;

use super::steps::{Quantifier, Rule, Steps};
use crate::archive::Operation;
use crate::archive::{Condition, Property};
use crate::archive::{Places, length};
use crate::document::{self, Rule as DocumentRule};
use crate::json::{Value, write_value};
use crate::pattern::PatternSource;

/// The segments of an environment and what they refer to.
pub(super) struct Segments<'d> {
    api_key: &'d str,
    pub(super) segments: Vec<u32>,
    pub(super) steps: Steps,
    pub(super) conditions: Vec<Condition>,
    pub(super) properties: Vec<Property>,
    pub(super) property_names: Places,
    pub(super) salts: Places,
    pub(super) patterns: Vec<PatternSource>,
    pub(super) queries: Vec<String>,
    /// Property, operator, operand and, where it counts, segment -> the place of that condition.
    known_conditions: HashMap<String, u32>,
    /// Pattern -> its place, or why it cannot be used.
    known_patterns: HashMap<String, Result<u32, String>>,
}

impl<'d> Segments<'d> {
    /// No segments yet; the environment has that key.
    pub(super) fn new(api_key: &'d str) -> Segments<'d> {
        Segments {
            api_key,
            segments: Vec::new(),
            steps: Steps::default(),
            conditions: Vec::new(),
            properties: Vec::new(),
            property_names: Places::new(),
            salts: Places::new(),
            patterns: Vec::new(),
            queries: Vec::new(),
            known_conditions: HashMap::new(),
            known_patterns: HashMap::new(),
        }
    }

    /// Adds a segment and returns its place; `None`, with a warning, for one that can never match.
    pub(super) fn add(
        &mut self,
        segment: &document::Segment<'_>,
        warnings: &mut Vec<String>,
    ) -> Option<u32> {
        let title = format!(
            "segment {} {}",
            segment.id,
            crate::python::python_str(segment.name)
        );
        if let Some(kind) = unknown_kind(&segment.rules) {
            let kind = crate::python::python_str(kind);
            warnings.push(format!(
                "{title}: rule type {kind:?} is unknown; the segment never matches"
            ));
            return None;
        }
        if segment.rules.is_empty() {
            return None;
        }
        let rules = self.rules(&segment.rules, &segment.id, &title, warnings);
        let start = self.steps.add(&rules);
        self.segments.push(start);
        Some(length(&self.segments) - 1)
    }

    fn rules(
        &mut self,
        rules: &[DocumentRule<'_>],
        segment: &str,
        title: &str,
        warnings: &mut Vec<String>,
    ) -> Vec<Rule> {
        let lower = |rule: &DocumentRule<'_>| Rule {
            quantifier: Quantifier::of(rule.kind).unwrap_or(Quantifier::All),
            conditions: self.conditions(&rule.conditions, segment, title, warnings),
            rules: self.rules(&rule.rules, segment, title, warnings),
        };
        rules.iter().map(lower).collect()
    }

    fn conditions(
        &mut self,
        conditions: &[document::Condition<'_>],
        segment: &str,
        title: &str,
        warnings: &mut Vec<String>,
    ) -> Vec<u32> {
        let mut places = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let place = self
                .condition(condition, segment)
                .unwrap_or_else(|problem| {
                    let operator = crate::python::python_str(condition.operator);
                    let property = condition.property;
                    warnings.push(format!(
                        "{title}: the {operator} condition on {property:?} never matches: {problem}"
                    ));
                    self.add_condition(condition.property, Operation::Never)
                });
            places.push(place);
        }
        // A rule's outcome does not depend on the order of its conditions: the cheapest go first.
        places.sort_by_key(|place| self.conditions[*place as usize].operation.cost());
        places
    }

    /// The place of a condition; the same one has one place, so that a request decides it once. `Err` says why
    /// it can never match.
    fn condition(
        &mut self,
        condition: &document::Condition<'_>,
        segment: &str,
    ) -> Result<u32, String> {
        let operator = match condition.operator {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let property = condition.property;
        // What a percentage split says depends on its segment.
        let scope = if operator == "PERCENTAGE_SPLIT" {
            segment
        } else {
            ""
        };
        let mut key = format!("{operator:?} {property:?} {scope:?} ").into_bytes();
        write_value(condition.value, &mut key);
        let key = String::from_utf8_lossy(&key).into_owned();
        if let Some(place) = self.known_conditions.get(&key) {
            return Ok(*place);
        }
        let patterns = (&mut self.patterns, &mut self.known_patterns);
        let operation = Operation::compile(operator, condition.value, segment, |pattern| {
            add_pattern(patterns, pattern)
        })?;
        let operation = match operation {
            Operation::PercentageSplit { threshold, .. } if property.is_empty() => {
                let salt = format!("{segment},{}_", self.api_key);
                let salt = self.salts.add(salt.as_bytes());
                Operation::IdentitySplit { salt, threshold }
            }
            other => other,
        };
        let place = self.add_condition(property, operation);
        self.known_conditions.insert(key, place);
        Ok(place)
    }

    fn add_condition(&mut self, property: &str, operation: Operation) -> u32 {
        let property = self.property(property);
        self.conditions.push(Condition {
            property,
            operation,
        });
        length(&self.conditions) - 1
    }

    /// The place of the property of that name.
    fn property(&mut self, name: &str) -> u32 {
        let place = self.property_names.add(name.as_bytes());
        if place < length(&self.properties) {
            return place;
        }
        self.properties.push(Property::Trait);
        self.properties[place as usize] = match name {
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
                    Property::Query(length(&self.queries) - 1)
                }
                None => Property::Trait,
            },
        };
        place
    }
}

/// The place of a pattern; the same pattern has one place.
fn add_pattern(
    (patterns, known): (
        &mut Vec<PatternSource>,
        &mut HashMap<String, Result<u32, String>>,
    ),
    pattern: &str,
) -> Result<u32, String> {
    let added = known.entry(pattern.to_owned()).or_insert_with(|| {
        let source = PatternSource::new(pattern);
        let source =
            source.map_err(|problem| format!("pattern {pattern:?} cannot be used: {problem}"))?;
        patterns.push(source);
        Ok(length(patterns) - 1)
    });
    added.clone()
}

/// The first rule type that is unknown and counts: an empty rule of any type matches.
fn unknown_kind<'v>(rules: &[DocumentRule<'v>]) -> Option<&'v Value<'v>> {
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
