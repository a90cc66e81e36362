//! The long way through a request body: a tree, checked member by member, and every fault told.
//!
//! The authority on what an identities request is. Faults read as pydantic 2.7's do.

use super::identity::{Trait, TraitValue, Traits};
use super::{BodyError, BodyKind, IdentityRequest};
use crate::json::{Text, Value, write_text, write_value};

/// The longest trait value that is a string, in characters.
const LONGEST_VALUE: usize = 2000;

const UNPARSABLE: BodyError =
    BodyError::Unparsable(r#"{"detail":"There was an error parsing the body"}"#);

pub(super) fn read(body: &[u8], kind: BodyKind) -> Result<IdentityRequest<'_>, BodyError> {
    let mut details = Details::default();
    let place = [Step::Name("body")];
    if body.is_empty() {
        details.missing(&place, None);
        return Err(details.into_error());
    }
    if kind == BodyKind::Other {
        details.wrong(&place, Fault::NotAnObject, &Input::Bytes(body));
        return Err(details.into_error());
    }
    let text = std::str::from_utf8(body).map_err(|_| UNPARSABLE)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = Value::from_body(text).map_err(|error| {
        if error.fatal {
            return UNPARSABLE;
        }
        let position = text.get(..error.position).unwrap_or(text).chars().count();
        BodyError::Invalid(format!(
            r#"{{"detail":[{{"type":"json_invalid","loc":["body",{position}],"msg":"JSON decode error","input":{{}},"ctx":{{"error":{}}}}}]}}"#,
            quoted(error.message)
        ))
    })?;
    match details.request(value) {
        Some(request) => Ok(request),
        None => Err(details.into_error()),
    }
}

/// One step of a fault's place.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Name(&'static str),
    Index(usize),
}

/// What can be wrong with a member, apart from its absence.
#[derive(Clone, Copy)]
enum Fault {
    NotAnObject,
    NotAList,
    NotAString,
    NotText,
    TooLong { actual: usize },
    NotAnInteger,
    NotANumber,
    NotABoolean,
}

impl Fault {
    /// Its name and its sentence.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Fault::NotAnObject => (
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
            ),
            Fault::NotAList => ("list_type", "Input should be a valid list"),
            Fault::NotAString => ("string_type", "Input should be a valid string"),
            Fault::NotText => (
                "string_unicode",
                "Input should be a valid string, unable to parse raw data as a unicode string",
            ),
            Fault::TooLong { .. } => (
                "string_too_long",
                "String should have at most 2000 characters",
            ),
            Fault::NotAnInteger => ("int_type", "Input should be a valid integer"),
            Fault::NotANumber => ("float_type", "Input should be a valid number"),
            Fault::NotABoolean => ("bool_type", "Input should be a valid boolean"),
        }
    }
}

/// What a fault was found in.
enum Input<'i> {
    Value(&'i Value<'i>),
    Bytes(&'i [u8]),
}

/// The faults found so far, as the elements of a JSON list.
#[derive(Default)]
pub(super) struct Details {
    out: Vec<u8>,
}

impl Details {
    /// The whole answer.
    pub(super) fn finish(self) -> String {
        format!("{{\"detail\":[{}]}}", String::from_utf8_lossy(&self.out))
    }

    fn into_error(self) -> BodyError {
        BodyError::Invalid(self.finish())
    }

    /// Checks a whole body; `None` when it has a fault.
    fn request<'a>(&mut self, body: Value<'a>) -> Option<IdentityRequest<'a>> {
        let place = [Step::Name("body")];
        let members = match body {
            Value::Object(members) => members,
            Value::Null => {
                self.missing(&place, None);
                return None;
            }
            other => {
                self.wrong(&place, Fault::NotAnObject, &Input::Value(&other));
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
            Some(value) => self
                .text(&[Step::Name("body"), Step::Name("identifier")], value)
                .map(|text| text.to_cow()),
        };
        let traits = traits.pop().map_or(Vec::new(), |value| self.traits(value));
        self.out.is_empty().then_some(IdentityRequest {
            identifier,
            traits: Traits {
                list: traits,
                verbatim: None,
            },
        })
    }

    fn traits<'a>(&mut self, value: Value<'a>) -> Vec<Trait<'a>> {
        let Value::List(elements) = value else {
            let place = [Step::Name("body"), Step::Name("traits")];
            self.wrong(&place, Fault::NotAList, &Input::Value(&value));
            return Vec::new();
        };
        let elements = elements.into_iter().enumerate();
        elements
            .filter_map(|(index, element)| self.trait_(index, element))
            .collect()
    }

    fn trait_<'a>(&mut self, index: usize, element: Value<'a>) -> Option<Trait<'a>> {
        let place = [Step::Name("body"), Step::Name("traits"), Step::Index(index)];
        let Value::Object(ref members) = element else {
            self.wrong(&place, Fault::NotAnObject, &Input::Value(&element));
            return None;
        };
        let member = |name: &str| {
            members
                .iter()
                .find(|(key, _)| key.as_str() == name)
                .map(|(_, value)| value.clone())
        };
        let within = |name| [place[0], place[1], place[2], Step::Name(name)];
        let key = match member("trait_key") {
            Some(key) => self.text(&within("trait_key"), key),
            None => {
                self.missing(&within("trait_key"), Some(&element));
                None
            }
        };
        let value = match member("trait_value") {
            Some(value) => self.trait_value(&within("trait_value"), value),
            None => Some(TraitValue::Null),
        };
        Some(Trait {
            key: key?,
            value: value?,
        })
    }

    fn trait_value<'a>(&mut self, place: &[Step; 4], value: Value<'a>) -> Option<TraitValue<'a>> {
        Some(match value {
            Value::Null => TraitValue::Null,
            Value::Boolean(boolean) => TraitValue::Boolean(boolean),
            Value::Integer(integer) => TraitValue::Integer(integer),
            Value::Float(float) => TraitValue::Float(float),
            Value::Text(ref text) if text.as_str().chars().count() > LONGEST_VALUE => {
                let actual = text.as_str().chars().count();
                self.wrong(place, Fault::TooLong { actual }, &Input::Value(&value));
                return None;
            }
            Value::Text(text) => TraitValue::Text(self.text(place, Value::Text(text))?),
            Value::List(_) | Value::Object(_) => {
                for (kind, fault) in [
                    ("str", Fault::NotAString),
                    ("int", Fault::NotAnInteger),
                    ("float", Fault::NotANumber),
                    ("bool", Fault::NotABoolean),
                ] {
                    let place = [place[0], place[1], place[2], place[3], Step::Name(kind)];
                    self.wrong(&place, fault, &Input::Value(&value));
                }
                return None;
            }
        })
    }

    fn text<'a>(&mut self, place: &[Step], value: Value<'a>) -> Option<Text<'a>> {
        match value {
            Value::Text(text) if !text.has_lone_surrogate() => Some(text),
            Value::Text(_) => {
                self.wrong(place, Fault::NotText, &Input::Value(&value));
                None
            }
            _ => {
                self.wrong(place, Fault::NotAString, &Input::Value(&value));
                None
            }
        }
    }

    /// Tells that the member at `place` is missing from `parent`.
    pub(super) fn missing(&mut self, place: &[Step], parent: Option<&Value<'_>>) {
        let null = Value::Null;
        let input = Input::Value(parent.unwrap_or(&null));
        self.detail("missing", "Field required", place, &input, &link("missing"));
    }

    fn wrong(&mut self, place: &[Step], fault: Fault, input: &Input<'_>) {
        let (name, sentence) = fault.words();
        match fault {
            // The official proxy checks this itself, and such a fault has a context instead of a link.
            Fault::TooLong { actual } => {
                let context =
                    format!(r#""ctx":{{"max_length":{LONGEST_VALUE},"actual_length":{actual}}}"#);
                self.detail(name, sentence, place, input, &context);
            }
            _ => self.detail(name, sentence, place, input, &link(name)),
        }
    }

    fn detail(
        &mut self,
        name: &str,
        sentence: &str,
        place: &[Step],
        input: &Input<'_>,
        tail: &str,
    ) {
        if !self.out.is_empty() {
            self.out.push(b',');
        }
        let steps: Vec<String> = place
            .iter()
            .map(|step| match step {
                Step::Name(name) => quoted(name),
                Step::Index(index) => index.to_string(),
            })
            .collect();
        let head = format!(
            r#"{{"type":"{name}","loc":[{}],"msg":"{sentence}","input":"#,
            steps.join(",")
        );
        self.out.extend_from_slice(head.as_bytes());
        match input {
            Input::Value(value) => write_value(value, &mut self.out),
            Input::Bytes(bytes) => write_text(&String::from_utf8_lossy(bytes), &mut self.out),
        }
        self.out.extend_from_slice(format!(",{tail}}}").as_bytes());
    }
}

/// Where a fault of that name is explained.
fn link(name: &str) -> String {
    format!(r#""url":"https://errors.pydantic.dev/2.7/v/{name}""#)
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write_text(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
