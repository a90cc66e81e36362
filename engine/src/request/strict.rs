//! The long way through a request body: a tree that is checked member by member, and every fault is reported.
//!
//! It decides what an identities request is.

use super::body::{BodyError, BodyKind, IdentityRequest};
use super::faults::{Fault, Faults, Input, LONGEST_VALUE, PathStep, quoted};
use super::identity::{Trait, TraitValue, Traits};
use crate::json::{Text, Value, read_body};
use crate::python::{python_str, python_strip};

const UNPARSABLE: BodyError =
    BodyError::Unparsable(r#"{"detail":"There was an error parsing the body"}"#);

/// Reads a body, or refuses it.
pub(super) fn read(body: &[u8], kind: BodyKind) -> Result<IdentityRequest<'_>, BodyError> {
    let mut faults = Faults::default();
    let path = [PathStep::Name("body")];
    if body.is_empty() {
        faults.missing(&path, None);
        return Err(faults.into_error());
    }
    if kind == BodyKind::Other {
        faults.wrong(&path, Fault::NotAnObject, &Input::Bytes(body));
        return Err(faults.into_error());
    }
    let text = std::str::from_utf8(body).map_err(|_| UNPARSABLE)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = read_body(text).map_err(|error| {
        if error.fatal {
            return UNPARSABLE;
        }
        let position = text.get(..error.position).unwrap_or(text).chars().count();
        let message = quoted(error.message);
        let detail = format!(
            r#"{{"type":"json_invalid","loc":["body",{position}],"msg":"JSON decode error","#
        );
        BodyError::Invalid(format!(
            r#"{{"detail":[{detail}"input":{{}},"ctx":{{"error":{message}}}}}]}}"#
        ))
    })?;
    match check_request(&mut faults, value) {
        Some(request) => Ok(request),
        None => Err(faults.into_error()),
    }
}

/// Checks a whole body; `None` if it has a fault.
fn check_request<'a>(faults: &mut Faults, body: Value<'a>) -> Option<IdentityRequest<'a>> {
    let path = [PathStep::Name("body")];
    let members = match body {
        Value::Object(members) => members,
        Value::Null => {
            faults.missing(&path, None);
            return None;
        }
        other => {
            faults.wrong(&path, Fault::NotAnObject, &Input::Value(&other));
            return None;
        }
    };
    let mut identifier = None;
    let mut traits = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "identifier" => identifier = Some(value),
            "traits" => traits.push(value),
            _ => {}
        }
    }
    let identifier = match identifier {
        None | Some(Value::Null) => None,
        Some(value) => {
            let path = [PathStep::Name("body"), PathStep::Name("identifier")];
            let text = check_name(faults, &path, value).map(|text| text.to_cow());
            // A blank one counts as none.
            text.filter(|text| !text.is_empty())
        }
    };
    let traits = traits
        .pop()
        .map_or(Vec::new(), |value| check_traits(faults, value));
    faults.is_empty().then_some(IdentityRequest {
        identifier,
        traits: Traits {
            list: traits,
            verbatim: None,
        },
    })
}

fn check_traits<'a>(faults: &mut Faults, value: Value<'a>) -> Vec<Trait<'a>> {
    let Value::List(elements) = value else {
        let path = [PathStep::Name("body"), PathStep::Name("traits")];
        faults.wrong(&path, Fault::NotAList, &Input::Value(&value));
        return Vec::new();
    };
    let elements = elements.into_iter().enumerate();
    elements
        .filter_map(|(index, element)| check_trait(faults, index, element))
        .collect()
}

fn check_trait<'a>(faults: &mut Faults, index: usize, element: Value<'a>) -> Option<Trait<'a>> {
    let path = [
        PathStep::Name("body"),
        PathStep::Name("traits"),
        PathStep::Index(index),
    ];
    let Value::Object(ref members) = element else {
        faults.wrong(&path, Fault::NotAnObject, &Input::Value(&element));
        return None;
    };
    let member = |name: &str| {
        members
            .iter()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, value)| value.clone())
    };
    let within = |name| [path[0], path[1], path[2], PathStep::Name(name)];
    let key = match member("trait_key") {
        Some(key) => check_name(faults, &within("trait_key"), key),
        None => {
            faults.missing(&within("trait_key"), Some(&element));
            None
        }
    };
    let value = match member("trait_value") {
        Some(value) => check_trait_value(faults, &within("trait_value"), value),
        None => Some(TraitValue::Null),
    };
    Some(Trait {
        key: key?,
        value: value?,
    })
}

fn check_trait_value<'a>(
    faults: &mut Faults,
    path: &[PathStep; 4],
    value: Value<'a>,
) -> Option<TraitValue<'a>> {
    Some(match value {
        Value::Null => TraitValue::Null,
        Value::Boolean(boolean) => TraitValue::Boolean(boolean),
        Value::Integer(integer) => TraitValue::Integer(integer),
        Value::Float(float) => TraitValue::Float(float),
        Value::Text(_) | Value::List(_) | Value::Object(_) => {
            let text = match value {
                Value::Text(ref text) => text.clone(),
                // As the API does.
                _ => Text::owned(python_str(&value)),
            };
            let actual = text.as_str().chars().count();
            if actual > LONGEST_VALUE {
                faults.wrong(path, Fault::TooLong { actual }, &Input::Value(&value));
                return None;
            }
            TraitValue::Text(check_text(faults, path, Value::Text(text))?)
        }
    })
}

/// Checks an identifier or the key of a trait: a text without white space around it, or a number, which counts as its
/// text.
fn check_name<'a>(faults: &mut Faults, path: &[PathStep], value: Value<'a>) -> Option<Text<'a>> {
    let value = match value {
        Value::Integer(_) | Value::Float(_) => Value::Text(Text::owned(python_str(&value))),
        other => other,
    };
    Some(check_text(faults, path, value)?.part(python_strip))
}

fn check_text<'a>(faults: &mut Faults, path: &[PathStep], value: Value<'a>) -> Option<Text<'a>> {
    match value {
        Value::Text(text) if !text.has_lone_surrogate() => Some(text),
        Value::Text(_) => {
            faults.wrong(path, Fault::NotText, &Input::Value(&value));
            None
        }
        _ => {
            faults.wrong(path, Fault::NotAString, &Input::Value(&value));
            None
        }
    }
}
