//! The evaluation context of a request: whom flags are evaluated for.

use std::borrow::Cow;

use crate::json::{Text, Value, read_body};
use crate::python::python_strip;
use crate::request::{Identity, LONGEST_VALUE, Trait, TraitValue, Traits};

/// The names of members that are no traits.
const TARGETING_KEY: &str = "targetingKey";
const TRAITS: &str = "traits";
const TRANSIENT: &str = "transient";

/// The evaluation context of a request.
#[derive(Debug)]
pub struct EvaluationContext<'a> {
    targeting_key: Option<Cow<'a, str>>,
    traits: Vec<Trait<'a>>,
}

/// Why a body is no request. Each says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// It is not JSON.
    Unparsable(String),
    /// It has no context, or one with a member of a wrong kind.
    Invalid(String),
}

impl<'a> EvaluationContext<'a> {
    /// The identity to evaluate: the targeting key is its identifier. `None` if there is no targeting key.
    pub fn into_identity(self) -> Option<Identity<'a>> {
        let traits = Traits {
            list: self.traits,
            verbatim: None,
        };
        Some(Identity::with_traits(self.targeting_key?, traits))
    }

    /// The same without its traits.
    #[must_use]
    pub fn without_traits(self) -> EvaluationContext<'a> {
        EvaluationContext {
            traits: Vec::new(),
            ..self
        }
    }
}

/// Reads the body of a request, whole.
///
/// Scalars of the context are traits, and so are those of its member `traits`, which are the stronger ones: Flagsmith's
/// providers put them there. A trait in there may be an object with a member `value`, as in requests of Flagsmith's
/// SDKs. Other objects and lists are no traits of Flagsmith's, and are left out.
///
/// # Errors
/// What is wrong with it.
pub fn read_context(body: &[u8]) -> Result<EvaluationContext<'_>, ContextError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| ContextError::Unparsable(format!("the body is no JSON: {error}")))?;
    let body = read_body(text).map_err(|error| {
        let (what, at) = (error.message, error.position);
        ContextError::Unparsable(format!("the body is no JSON: {what} (byte {at})"))
    })?;
    let Value::Object(members) = body else {
        return Err(wrong_kind("the body", "an object", &body));
    };
    let context = members
        .into_iter()
        .find(|(name, _)| name.as_str() == "context");
    match context {
        Some((_, Value::Object(members))) => of_members(members),
        Some((_, other)) => Err(wrong_kind("context", "an object", &other)),
        None => Err(ContextError::Invalid("context: missing".to_owned())),
    }
}

fn of_members<'a>(
    members: Vec<(Text<'a>, Value<'a>)>,
) -> Result<EvaluationContext<'a>, ContextError> {
    let mut targeting_key = None;
    let mut traits = Vec::with_capacity(members.len());
    let mut stronger = Vec::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            (TARGETING_KEY, value) => targeting_key = read_targeting_key(value)?,
            (TRAITS, Value::Object(members)) => stronger = members,
            // Nothing is stored of an identity, so each one is transient.
            (TRANSIENT, Value::Boolean(_)) => {}
            (_, value) => traits.extend(read_trait(name, value)?),
        }
    }
    for (name, value) in stronger {
        let value = match value {
            Value::Object(members) => {
                let mut members = members.into_iter();
                match members.find(|(name, _)| name.as_str() == "value") {
                    Some((_, value)) => value,
                    None => continue,
                }
            }
            value => value,
        };
        traits.extend(read_trait(name, value)?);
    }
    Ok(EvaluationContext {
        targeting_key,
        traits,
    })
}

fn read_targeting_key<'a>(value: Value<'a>) -> Result<Option<Cow<'a, str>>, ContextError> {
    let key = match value {
        Value::Null => return Ok(None),
        Value::Text(text) if !text.has_lone_surrogate() => text.part(python_strip),
        Value::Text(_) => return Err(no_text(TARGETING_KEY)),
        other => return Err(wrong_kind("context.targetingKey", "a string", &other)),
    };
    if key.as_str().is_empty() {
        let what = "context.targetingKey: expected a string that is not empty";
        return Err(ContextError::Invalid(what.to_owned()));
    }
    Ok(Some(key.to_cow()))
}

/// A trait, by the rules of identities requests; `None` if Flagsmith has none of that kind.
fn read_trait<'a>(name: Text<'a>, value: Value<'a>) -> Result<Option<Trait<'a>>, ContextError> {
    let value = match value {
        Value::List(_) | Value::Object(_) => return Ok(None),
        Value::Null => TraitValue::Null,
        Value::Boolean(boolean) => TraitValue::Boolean(boolean),
        Value::Integer(integer) => TraitValue::Integer(integer),
        Value::Float(float) => TraitValue::Float(float),
        Value::Text(text) if text.has_lone_surrogate() => return Err(no_text(name.as_str())),
        // So many bytes are no more characters.
        Value::Text(text)
            if text.as_str().len() > LONGEST_VALUE
                && text.as_str().chars().count() > LONGEST_VALUE =>
        {
            let name = name.as_str();
            let what = format!("context.{name}: expected at most {LONGEST_VALUE} characters");
            return Err(ContextError::Invalid(what));
        }
        Value::Text(text) => TraitValue::Text(text),
    };
    if name.has_lone_surrogate() {
        return Err(no_text(name.as_str()));
    }
    let key = name.part(python_strip);
    Ok(Some(Trait { key, value }))
}

fn wrong_kind(name: &str, expected: &str, found: &Value<'_>) -> ContextError {
    let found = found.kind();
    ContextError::Invalid(format!("{name}: expected {expected}, found {found}"))
}

fn no_text(name: &str) -> ContextError {
    ContextError::Invalid(format!("context.{name}: half a surrogate pair is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identifier of the identity, and its traits as an answer would write them.
    fn read(context: &str) -> Result<(Option<String>, String), ContextError> {
        let body = format!(r#"{{"context":{context}}}"#);
        let context = read_context(body.as_bytes())?;
        let identifier = context.targeting_key.as_deref().map(str::to_owned);
        let traits = context.traits.iter();
        let traits = traits.map(|it| format!("{:?}={:?};", it.key, it.value));
        Ok((identifier, traits.collect()))
    }

    #[test]
    fn scalars_are_traits_wherever_they_are() {
        for (context, identifier, traits) in [
            ("{}", None, ""),
            (r#"{"targetingKey":null,"a":null}"#, None, "\"a\"=Null;"),
            (r#"{"targetingKey":" u "}"#, Some("u"), ""),
            (
                r#"{"a":"x","targetingKey":"u\u0031"," b ":[1],"c":{"d":1}}"#,
                Some("u1"),
                "\"a\"=Text(\"x\");",
            ),
            (
                r#"{"traits":{"a":true,"b":{"value":1,"transient":true},"c":{},"d":[]},"a":1.5}"#,
                None,
                "\"a\"=Float(1.5);\"a\"=Boolean(true);\"b\"=Integer(Small(1));",
            ),
            (
                r#"{"transient":true,"traits":"x"}"#,
                None,
                "\"traits\"=Text(\"x\");",
            ),
            (
                r#"{"transient":1}"#,
                None,
                "\"transient\"=Integer(Small(1));",
            ),
        ] {
            let expected = (identifier.map(str::to_owned), traits.to_owned());
            assert_eq!(read(context), Ok(expected), "{context}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!(r#"{{"a":"{}"}}"#, "é".repeat(2001));
        for (context, what) in [
            ("[]", "context: expected an object, found a list"),
            ("null", "context: expected an object, found null"),
            (
                r#"{"targetingKey":7}"#,
                "context.targetingKey: expected a string, found an integer",
            ),
            (
                r#"{"targetingKey":" "}"#,
                "context.targetingKey: expected a string that is not empty",
            ),
            (
                r#"{"targetingKey":"\ud800"}"#,
                "context.targetingKey: half a surrogate pair is no text",
            ),
            (
                r#"{"a":"\ud800"}"#,
                "context.a: half a surrogate pair is no text",
            ),
            (&long, "context.a: expected at most 2000 characters"),
        ] {
            let expected = ContextError::Invalid(what.to_owned());
            assert_eq!(read(context), Err(expected), "{context}");
        }
        assert!(read(&long.replacen('é', "", 1)).is_ok());
        for (body, what) in [
            (&b"{}"[..], "context: missing"),
            (b"7", "the body: expected an object, found an integer"),
        ] {
            let found = read_context(body).expect_err("an error");
            assert_eq!(found, ContextError::Invalid(what.to_owned()));
        }
        for (body, what) in [
            (&b""[..], "the body is no JSON: Expecting value (byte 0)"),
            (
                b"{\"context\":{}",
                "the body is no JSON: Expecting ',' delimiter (byte 13)",
            ),
        ] {
            let found = read_context(body).expect_err("an error");
            assert_eq!(found, ContextError::Unparsable(what.to_owned()));
        }
        let found = read_context(b"\xff").expect_err("an error");
        assert!(matches!(found, ContextError::Unparsable(_)), "{found:?}");
    }
}
