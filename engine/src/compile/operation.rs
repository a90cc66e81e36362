//! Compiling conditions: an operator and its operand become an operation.
//!
//! The outcomes are those of flagsmith-flag-engine 10.1.0. Where that raises an exception, the condition never matches
//! and compiling it warns.

use crate::archive::{Comparand, Operation, PatternId, Relation, TextComparand};
use crate::json::{StoredInteger, Value, read_body};
use crate::python::{python_float, python_int, python_str};
use crate::version::Version;

const SEMVER_SUFFIX: &str = ":semver";

/// Parses an operator and an operand; `pattern` adds a regular expression.
///
/// # Errors
/// The reason why the condition can never match.
pub(super) fn compile_operation(
    operator: &str,
    operand: &Value<'_>,
    segment: &str,
    pattern: impl FnOnce(&str) -> Result<PatternId, String>,
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
            let kind = other.kind();
            return Err(format!("its value is {kind} where a string is expected"));
        }
    };
    if let Some(relation) = relation(operator) {
        return Ok(Operation::Compare(relation, comparand(text)));
    }
    match operator {
        "CONTAINS" => match text.strip_suffix(SEMVER_SUFFIX) {
            Some(part) if Version::is_part(part) => {
                Ok(Operation::ContainsVersionPart(part.to_owned()))
            }
            Some(part) => Err(format!("{part:?} is no part of a version")),
            None => Ok(Operation::Contains(text.to_owned())),
        },
        "NOT_CONTAINS" => Ok(Operation::NotContains(text.to_owned())),
        "REGEX" => pattern(text).map(Operation::Regex),
        "MODULO" => modulo(text),
        "PERCENTAGE_SPLIT" => match python_float(text) {
            Some(threshold) if threshold >= 0.0 => Ok(Operation::PercentageSplit {
                salt: format!("{segment},"),
                threshold,
            }),
            _ => Err(format!("its value {text:?} is no share from 0 to 100")),
        },
        _ => Err(format!("its operator {operator:?} is unknown")),
    }
}

/// Why an operation matches fewer values than its operand says; `None` if it does not.
pub(super) fn defect(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::Compare(_, comparand) if matches!(comparand.text, TextComparand::BadVersion) => {
            Some("matches no version: its value ends with :semver and is no version")
        }
        _ => None,
    }
}

/// How much work an operation is, as a rank: a rule asks its cheapest condition first.
pub(super) fn cost(operation: &Operation) -> u8 {
    match operation {
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

fn relation(operator: &str) -> Option<Relation> {
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

fn comparand(text: &str) -> Comparand {
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

/// The members that the operand of IN lists: those of a JSON list, also of one in a string, or parts between commas.
fn members(operand: &Value<'_>) -> Result<Vec<String>, String> {
    let list = |elements: &[Value<'_>]| {
        let whole = |value: &&Value<'_>| match value {
            // No text of a request contains half a surrogate pair.
            Value::Text(text) => !text.has_lone_surrogate(),
            _ => true,
        };
        elements.iter().filter(whole).map(python_str).collect()
    };
    let mut members: Vec<String> = match operand {
        Value::List(elements) => list(elements),
        Value::Text(text) => match text.as_str() {
            text if text.starts_with('[') => match read_body(text) {
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
    if members.is_empty() {
        return Err("its list is empty".to_owned());
    }
    members.sort_unstable();
    members.dedup();
    Ok(members)
}

fn modulo(text: &str) -> Result<Operation, String> {
    let mut parts = text.split('|').map(python_float);
    match (parts.next().flatten(), parts.next().flatten(), parts.next()) {
        (Some(0.0), Some(_), None) => Err("its divisor is 0".to_owned()),
        (Some(divisor), Some(remainder), None) if !divisor.is_nan() && !remainder.is_nan() => {
            Ok(Operation::Modulo { divisor, remainder })
        }
        _ => Err(format!(
            "its value {text:?} is no divisor and remainder with a | between them"
        )),
    }
}
