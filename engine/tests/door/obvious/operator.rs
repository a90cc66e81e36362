//! The operators of conditions.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use num_bigint::BigInt;
use regex::Regex;
use serde_json::Value;

use super::context::{Trait, identity_key, value};
use super::evaluation::Evaluation;
use super::{bucket, number};

pub(super) fn condition_matches(
    evaluation: &mut Evaluation<'_>,
    segment: &Value,
    condition: &Value,
) -> bool {
    let operator = condition["operator"].as_str().unwrap_or("");
    let property = condition["property_"].as_str().unwrap_or("");
    let found = if operator == "PERCENTAGE_SPLIT" && property.is_empty() {
        Trait::Text(identity_key(evaluation.document, evaluation.request))
    } else {
        value(evaluation, property)
    };
    let operand = &condition["value"];
    match operator {
        "IS_SET" => return found != Trait::Null,
        "IS_NOT_SET" => return found == Trait::Null,
        "IN" => return is_in(&found, operand),
        _ => {}
    }
    // The other operators take only texts and null as operands; null is the text "None".
    let text = match operand {
        Value::String(text) => text.as_str(),
        Value::Null if operator != "PERCENTAGE_SPLIT" => "None",
        _ => return false,
    };
    if found == Trait::Null {
        return false;
    }
    match operator {
        "CONTAINS" => contains(&found, text),
        "NOT_CONTAINS" => matches!(&found, Trait::Text(found) if !found.contains(text)),
        "REGEX" => matches(text, &found.python_str()),
        "MODULO" => modulo(&found, text),
        "PERCENTAGE_SPLIT" => {
            let id = number::python_str(&segment["id"]);
            let threshold = number::float(text);
            threshold.is_some_and(|threshold| bucket(&[&id, &found.python_str()]) <= threshold)
        }
        _ => compares(operator, &found, text),
    }
}

fn compares(operator: &str, found: &Trait, text: &str) -> bool {
    let order = match found {
        Trait::Null => return false,
        Trait::Boolean(found) => Some(found.cmp(&!["False", "false"].contains(&text))),
        Trait::Integer(found) => match number::int(text) {
            Some(operand) => Some(found.cmp(&operand)),
            None => return false,
        },
        // NaN is not equal to anything, nor less, nor greater. Only NOT_EQUAL holds.
        Trait::Float(found) => match number::float(text) {
            Some(operand) => found.partial_cmp(&operand),
            None => return false,
        },
        Trait::Text(found) => match text.strip_suffix(":semver") {
            Some(operand) => match (Version::parse(found), Version::parse(operand)) {
                (Some(found), Some(operand)) => Some(found.precedence(&operand)),
                _ => return false,
            },
            None => Some(found.chars().cmp(text.chars())),
        },
    };
    match operator {
        "EQUAL" => order == Some(Ordering::Equal),
        "NOT_EQUAL" => order != Some(Ordering::Equal),
        "GREATER_THAN" => order == Some(Ordering::Greater),
        "GREATER_THAN_INCLUSIVE" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        "LESS_THAN" => order == Some(Ordering::Less),
        "LESS_THAN_INCLUSIVE" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => false,
    }
}

fn contains(found: &Trait, text: &str) -> bool {
    let Trait::Text(found) = found else {
        return false;
    };
    match text.strip_suffix(":semver") {
        None => found.contains(text),
        Some(part) => Version::parse(found).is_some_and(|version| {
            let parts = [version.prerelease, version.build];
            parts.contains(&Some(part.to_owned()))
        }),
    }
}

fn is_in(found: &Trait, operand: &Value) -> bool {
    let found = match found {
        Trait::Integer(integer) => integer.to_string(),
        Trait::Text(text) => text.clone(),
        _ => return false,
    };
    let members: Vec<String> = match operand {
        Value::Array(elements) => elements.iter().map(number::python_str).collect(),
        Value::String(text) => {
            let list = serde_json::from_str::<Vec<Value>>(text);
            match list.ok().filter(|_| text.starts_with('[')) {
                Some(elements) => elements.iter().map(number::python_str).collect(),
                None => text.split(',').map(str::to_owned).collect(),
            }
        }
        _ => return false,
    };
    members.contains(&found)
}

/// The tests have only patterns that mean the same in Python and in Rust.
fn matches(pattern: &str, text: &str) -> bool {
    // Compiling the same pattern again and again would take most of the test's time.
    static KNOWN: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    let compile = || Regex::new(&format!(r"\A(?:{pattern})")).ok();
    let compiled = known.entry(pattern.to_owned()).or_insert_with(compile);
    compiled
        .as_ref()
        .is_some_and(|compiled| compiled.is_match(text))
}

fn modulo(found: &Trait, text: &str) -> bool {
    let dividend = match found {
        Trait::Boolean(boolean) => f64::from(u8::from(*boolean)),
        Trait::Integer(integer) => integer.to_string().parse().unwrap(),
        Trait::Float(float) => *float,
        _ => return false,
    };
    let parts: Vec<Option<f64>> = text.split('|').map(number::float).collect();
    let [Some(divisor), Some(remainder)] = parts[..] else {
        return false;
    };
    let mut found = dividend % divisor;
    if found != 0.0 && (found < 0.0) != (divisor < 0.0) {
        found += divisor;
    }
    divisor != 0.0 && found == remainder
}

/// The pattern from semver.org.
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r"\A(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)",
        r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)",
        r"(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?",
        r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?\z"
    );
    Regex::new(pattern).unwrap()
});

/// A semantic version.
struct Version {
    numbers: Vec<BigInt>,
    prerelease: Option<String>,
    build: Option<String>,
}

impl Version {
    fn parse(text: &str) -> Option<Version> {
        let parts = VERSION.captures(text)?;
        let part = |number: usize| parts.get(number).map(|part| part.as_str().to_owned());
        Some(Version {
            numbers: (1..=3)
                .map(|number| parts[number].parse().unwrap())
                .collect(),
            prerelease: part(4),
            build: part(5),
        })
    }

    fn precedence(&self, other: &Version) -> Ordering {
        let prerelease = match (&self.prerelease, &other.prerelease) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) => {
                // Numeric identifiers are lower than alphanumeric ones.
                let word = |word: &str| match word.bytes().all(|byte| byte.is_ascii_digit()) {
                    true => (0, word.parse().unwrap(), String::new()),
                    false => (1, BigInt::ZERO, word.to_owned()),
                };
                left.split('.').map(word).cmp(right.split('.').map(word))
            }
        };
        self.numbers.cmp(&other.numbers).then(prerelease)
    }
}
