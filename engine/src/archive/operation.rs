//! Operators: an operand parsed once for every type a property can have, then compared in place.
//!
//! The outcomes are those of flagsmith-flag-engine 10.1.0, except where that raises: such a condition never
//! matches here, and compiling it warns. Knows nothing of where values come from.

use std::cmp::Ordering;

use rkyv::{Archive, Serialize};

use crate::bucket::bucket;
use crate::evaluate::PropertyValue;
use crate::json::{StoredInteger, Value};
use crate::python::{python_float, python_int, python_str};
use crate::version::{StoredVersion, Version};

const SEMVER_SUFFIX: &str = ":semver";

/// What a condition does with a property's value.
#[derive(Archive, Serialize, Debug)]
pub(crate) enum Operation {
    /// Matches nothing: its operator is unknown or its operand cannot be used.
    Never,
    IsSet,
    IsNotSet,
    Compare(Relation, Comparand),
    Contains(String),
    /// The version in the value has exactly this prerelease or build part.
    ContainsVersionPart(String),
    NotContains(String),
    /// A pattern's place among the environment's.
    Regex(u32),
    /// Sorted.
    In(Vec<String>),
    Modulo {
        divisor: f64,
        remainder: f64,
    },
    PercentageSplit {
        /// What the bucket is computed from, up to the value.
        salt: String,
        threshold: f64,
    },
    /// The same by identity key, whatever the property: `salt` is a place among the environment's.
    IdentitySplit {
        salt: u32,
        threshold: f64,
    },
}

/// An ordering that a comparison asks for.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// An operand as each type a property can have would read it; `None` where that type cannot.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Comparand {
    boolean: bool,
    integer: Option<StoredInteger>,
    float: Option<f64>,
    text: TextComparand,
}

#[derive(Archive, Serialize, Debug)]
enum TextComparand {
    Plain(String),
    Version(StoredVersion),
    /// It says it is a version and is none.
    BadVersion,
}

impl Operation {
    /// Parses a condition's operator and operand. `Err` names why it can never match.
    pub(crate) fn compile(
        operator: &str,
        operand: &Value<'_>,
        segment: &str,
        pattern: impl FnOnce(&str) -> Result<u32, String>,
    ) -> Result<Operation, String> {
        match operator {
            "IS_SET" => return Ok(Operation::IsSet),
            "IS_NOT_SET" => return Ok(Operation::IsNotSet),
            "IN" => return members(operand).map(Operation::In),
            _ => {}
        }
        let text = match operand {
            Value::Text(text) => text.as_str(),
            Value::Null if operator == "PERCENTAGE_SPLIT" => {
                return Err("its value is null".to_owned());
            }
            Value::Null => "None",
            other => {
                return Err(format!(
                    "its value is {} where a string is expected",
                    other.kind()
                ));
            }
        };
        if let Some(relation) = Relation::of(operator) {
            return Ok(Operation::Compare(relation, Comparand::parse(text)));
        }
        match operator {
            "CONTAINS" => Ok(match text.strip_suffix(SEMVER_SUFFIX) {
                Some(part) => Operation::ContainsVersionPart(part.to_owned()),
                None => Operation::Contains(text.to_owned()),
            }),
            "NOT_CONTAINS" => Ok(Operation::NotContains(text.to_owned())),
            "REGEX" => pattern(text).map(Operation::Regex),
            "MODULO" => modulo(text),
            "PERCENTAGE_SPLIT" => Ok(match python_float(text) {
                Some(threshold) => Operation::PercentageSplit {
                    salt: format!("{segment},"),
                    threshold,
                },
                None => Operation::Never,
            }),
            _ => Err(format!("its operator {operator:?} is unknown")),
        }
    }

    /// A rank by what it takes to decide, so that a rule asks its cheapest condition first.
    pub(crate) fn cost(&self) -> u8 {
        match self {
            Operation::Never | Operation::IsSet | Operation::IsNotSet => 0,
            Operation::Compare(
                _,
                Comparand {
                    text: TextComparand::Plain(_),
                    ..
                },
            )
            | Operation::Modulo { .. } => 1,
            Operation::In(_) | Operation::Contains(_) | Operation::NotContains(_) => 2,
            Operation::Compare(..) | Operation::ContainsVersionPart(_) => 3,
            Operation::PercentageSplit { .. } | Operation::IdentitySplit { .. } => 4,
            Operation::Regex(_) => 5,
        }
    }
}

impl ArchivedOperation {
    /// Whether the operation holds for `value`; `is_match` tells whether a pattern matches a text.
    #[inline]
    pub(crate) fn matches(
        &self,
        value: &PropertyValue<'_>,
        is_match: impl FnOnce(u32, &str) -> bool,
    ) -> bool {
        match (self, value) {
            (ArchivedOperation::Never, _) => false,
            (ArchivedOperation::IsSet, value) => *value != PropertyValue::Null,
            (ArchivedOperation::IsNotSet, value) => *value == PropertyValue::Null,
            (_, PropertyValue::Null) => false,
            (ArchivedOperation::Compare(relation, comparand), value) => {
                relation.holds(comparand.order(value))
            }
            (ArchivedOperation::Contains(part), PropertyValue::Text(text)) => {
                text.contains(part.as_str())
            }
            (ArchivedOperation::ContainsVersionPart(part), PropertyValue::Text(text)) => {
                Version::parse(text).is_some_and(|version| version.has_part(part))
            }
            (ArchivedOperation::NotContains(part), PropertyValue::Text(text)) => {
                !text.contains(part.as_str())
            }
            (ArchivedOperation::Regex(pattern), value) => {
                is_match(pattern.to_native(), &value.text())
            }
            (ArchivedOperation::In(members), PropertyValue::Text(text)) => is_member(members, text),
            (ArchivedOperation::In(members), PropertyValue::Integer(_)) => {
                is_member(members, &value.text())
            }
            (ArchivedOperation::Modulo { divisor, remainder }, value) => {
                let dividend = match value {
                    PropertyValue::Integer(integer) => integer.to_double(),
                    PropertyValue::Float(float) => *float,
                    PropertyValue::Boolean(boolean) => f64::from(u8::from(*boolean)),
                    _ => return false,
                };
                floored_modulo(dividend, divisor.to_native()) == remainder.to_native()
            }
            (ArchivedOperation::PercentageSplit { salt, threshold }, value) => {
                bucket(salt.as_bytes(), value.text().as_bytes()) <= threshold.to_native()
            }
            _ => false,
        }
    }
}

impl Relation {
    fn of(operator: &str) -> Option<Relation> {
        Some(match operator {
            "EQUAL" => Relation::Equal,
            "NOT_EQUAL" => Relation::NotEqual,
            "GREATER_THAN" => Relation::Greater,
            "GREATER_THAN_INCLUSIVE" => Relation::GreaterOrEqual,
            "LESS_THAN" => Relation::Less,
            "LESS_THAN_INCLUSIVE" => Relation::LessOrEqual,
            _ => return None,
        })
    }
}

impl ArchivedRelation {
    /// `None`: the two could not be compared, which satisfies nothing, not even `NotEqual`.
    fn holds(&self, order: Option<Order>) -> bool {
        let Some(order) = order else { return false };
        match (self, order) {
            (ArchivedRelation::NotEqual, Order::Unordered) => true,
            (_, Order::Unordered) => false,
            (ArchivedRelation::Equal, Order::Known(order)) => order.is_eq(),
            (ArchivedRelation::NotEqual, Order::Known(order)) => order.is_ne(),
            (ArchivedRelation::Greater, Order::Known(order)) => order.is_gt(),
            (ArchivedRelation::GreaterOrEqual, Order::Known(order)) => order.is_ge(),
            (ArchivedRelation::Less, Order::Known(order)) => order.is_lt(),
            (ArchivedRelation::LessOrEqual, Order::Known(order)) => order.is_le(),
        }
    }
}

/// How a value stands to an operand.
enum Order {
    Known(Ordering),
    /// One of them is NaN.
    Unordered,
}

impl Comparand {
    fn parse(text: &str) -> Comparand {
        Comparand {
            boolean: !matches!(text, "False" | "false"),
            integer: python_int(text).map(StoredInteger::from),
            float: python_float(text),
            text: match text.strip_suffix(SEMVER_SUFFIX).map(Version::parse) {
                None => TextComparand::Plain(text.to_owned()),
                Some(Some(version)) => TextComparand::Version(version.into()),
                Some(None) => TextComparand::BadVersion,
            },
        }
    }
}

impl ArchivedComparand {
    fn order(&self, value: &PropertyValue<'_>) -> Option<Order> {
        let known = match value {
            PropertyValue::Null => return None,
            PropertyValue::Boolean(boolean) => boolean.cmp(&self.boolean),
            PropertyValue::Integer(integer) => integer.cmp(&self.integer.as_ref()?.get()),
            PropertyValue::Float(float) => {
                return match float.partial_cmp(&self.float.as_ref()?.to_native()) {
                    Some(order) => Some(Order::Known(order)),
                    None => Some(Order::Unordered),
                };
            }
            PropertyValue::Text(text) => match &self.text {
                // UTF-8 sorts as code points do.
                ArchivedTextComparand::Plain(operand) => text.as_ref().cmp(operand.as_str()),
                ArchivedTextComparand::Version(operand) => {
                    Version::parse(text)?.precedence(&operand.get())
                }
                ArchivedTextComparand::BadVersion => return None,
            },
        };
        Some(Order::Known(known))
    }
}

/// The members that an operand of IN lists: a JSON list (as such or as text), else text split at commas.
fn members(operand: &Value<'_>) -> Result<Vec<String>, String> {
    let list = |elements: &[Value<'_>]| {
        let whole = |value: &&Value<'_>| match value {
            // Half a surrogate pair is in no text that a request can carry.
            Value::Text(text) => !text.has_lone_surrogate(),
            _ => true,
        };
        elements.iter().filter(whole).map(python_str).collect()
    };
    let mut members: Vec<String> = match operand {
        Value::List(elements) => list(elements),
        Value::Text(text) => match text.as_str() {
            text if text.starts_with('[') => match Value::from_body(text) {
                Ok(Value::List(elements)) => list(&elements),
                _ => text.split(',').map(str::to_owned).collect(),
            },
            text => text.split(',').map(str::to_owned).collect(),
        },
        other => {
            let kind = other.kind();
            return Err(format!(
                "its value is {kind} where a list or a string is expected"
            ));
        }
    };
    members.sort_unstable();
    members.dedup();
    Ok(members)
}

fn is_member(members: &rkyv::vec::ArchivedVec<rkyv::string::ArchivedString>, text: &str) -> bool {
    members
        .binary_search_by(|member| member.as_str().cmp(text))
        .is_ok()
}

fn modulo(text: &str) -> Result<Operation, String> {
    let mut parts = text.split('|').map(python_float);
    match (parts.next().flatten(), parts.next().flatten(), parts.next()) {
        (Some(0.0), Some(_), None) => Err("its divisor is 0".to_owned()),
        (Some(divisor), Some(remainder), None) => Ok(Operation::Modulo { divisor, remainder }),
        _ => Ok(Operation::Never),
    }
}

/// Python's `%`: the result has the sign of the divisor. NaN when the dividend has no double.
fn floored_modulo(dividend: f64, divisor: f64) -> f64 {
    let remainder = dividend % divisor;
    if remainder != 0.0 && (remainder < 0.0) != (divisor < 0.0) {
        remainder + divisor
    } else {
        remainder
    }
}
