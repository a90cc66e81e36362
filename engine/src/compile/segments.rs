//! Segments: rules flattened into runs, properties interned, operands parsed.

use std::collections::HashMap;

use serde_json_path::JsonPath;

use crate::document::{self, Rule as DocumentRule};
use crate::environment::{Condition, Property, Quantifier, Rule, Segment, Span};
use crate::json::{Value, write_value};
use crate::operation::Operation;
use crate::pattern::PatternSource;
use crate::places::{Places, length};

/// The segments of an environment and what they refer to.
pub(super) struct Segments {
    pub(super) segments: Vec<Segment>,
    pub(super) rules: Vec<Rule>,
    pub(super) rule_conditions: Vec<u32>,
    pub(super) conditions: Vec<Condition>,
    pub(super) properties: Vec<Property>,
    pub(super) property_names: Places,
    pub(super) patterns: Vec<PatternSource>,
    pub(super) queries: Vec<String>,
    /// Property, operator, operand and, where it counts, segment -> the place of that condition.
    known_conditions: HashMap<String, u32>,
    /// Pattern -> its place, or why it cannot be used.
    known_patterns: HashMap<String, Result<u32, String>>,
}

impl Segments {
    pub(super) fn new() -> Segments {
        Segments {
            segments: Vec::new(),
            rules: Vec::new(),
            rule_conditions: Vec::new(),
            conditions: Vec::new(),
            properties: Vec::new(),
            property_names: Places::new(),
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
        self.segments.push(Segment {
            id: segment.id.clone(),
            rules,
        });
        Some(length(&self.segments) - 1)
    }

    /// Adds rules as one run, then what they consist of.
    fn rules(
        &mut self,
        rules: &[DocumentRule<'_>],
        segment: &str,
        title: &str,
        warnings: &mut Vec<String>,
    ) -> Span {
        let start = self.rules.len();
        let nothing = Span { start: 0, end: 0 };
        for rule in rules {
            let quantifier = quantifier(rule.kind).unwrap_or(Quantifier::All);
            self.rules.push(Rule {
                quantifier,
                conditions: nothing,
                rules: nothing,
            });
        }
        let end = self.rules.len();
        for (place, rule) in (start..end).zip(rules) {
            self.rules[place].conditions =
                self.conditions(&rule.conditions, segment, title, warnings);
            self.rules[place].rules = self.rules(&rule.rules, segment, title, warnings);
        }
        span(start, end)
    }

    fn conditions(
        &mut self,
        conditions: &[document::Condition<'_>],
        segment: &str,
        title: &str,
        warnings: &mut Vec<String>,
    ) -> Span {
        let start = self.rule_conditions.len();
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
            self.rule_conditions.push(place);
        }
        // A rule's outcome does not depend on the order of its conditions: the cheapest go first.
        let conditions = &self.conditions;
        let cost = |place: &u32| conditions[*place as usize].operation.cost();
        self.rule_conditions[start..].sort_by_key(cost);
        span(start, self.rule_conditions.len())
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
        // What a percentage split says depends on its segment.
        let scope = if operator == "PERCENTAGE_SPLIT" {
            segment
        } else {
            ""
        };
        let property = condition.property;
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
        let place = self.add_condition(property, operation);
        self.known_conditions.insert(key, place);
        Ok(place)
    }

    fn add_condition(&mut self, property: &str, operation: Operation) -> u32 {
        let property = match (&operation, property) {
            (Operation::PercentageSplit { .. }, "") => self.raw_identity_key(),
            (_, name) => self.property(name),
        };
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

    /// The place of the identity key as it is.
    fn raw_identity_key(&mut self) -> u32 {
        let place = self.property_names.add(RAW_IDENTITY_KEY);
        if place == length(&self.properties) {
            self.properties.push(Property::RawIdentityKey);
        }
        place
    }
}

/// The name of the identity key as it is. No trait can have it: it is not UTF-8.
const RAW_IDENTITY_KEY: &[u8] = b"\xff";

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

fn span(start: usize, end: usize) -> Span {
    let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
    Span {
        start: place(start),
        end: place(end),
    }
}

fn quantifier(kind: &Value<'_>) -> Option<Quantifier> {
    let Value::Text(kind) = kind else { return None };
    Some(match kind.as_str() {
        "ALL" => Quantifier::All,
        "ANY" => Quantifier::Any,
        "NONE" => Quantifier::None,
        _ => return None,
    })
}

/// The first rule type that is unknown and counts: an empty rule of any type matches.
fn unknown_kind<'v>(rules: &[DocumentRule<'v>]) -> Option<&'v Value<'v>> {
    rules.iter().find_map(|rule| {
        let empty = rule.conditions.is_empty() && rule.rules.is_empty();
        let unknown = !empty && quantifier(rule.kind).is_none();
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
