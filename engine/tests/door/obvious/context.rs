//! What conditions read: the request, the evaluation context, and the value of a property.

use num_bigint::BigInt;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::evaluation::Evaluation;
use super::path::{self, Path, Step};
use super::{elements, number, truthy};

/// An identities request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `None` for a transient identity.
    pub(crate) identifier: Option<String>,
    pub(crate) traits: Vec<(String, Trait)>,
}

/// A trait's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trait {
    Null,
    Boolean(bool),
    Integer(BigInt),
    Float(f64),
    Text(String),
}

impl Request {
    /// The same without white space around identifier and keys. A blank identifier is none.
    pub(crate) fn trimmed(&self) -> Request {
        let identifier = self.identifier.as_deref().map(str::trim);
        let traits = self.traits.iter();
        Request {
            identifier: identifier
                .filter(|identifier| !identifier.is_empty())
                .map(str::to_owned),
            traits: traits
                .map(|(key, value)| (key.trim().to_owned(), value.clone()))
                .collect(),
        }
    }

    /// Reads a recorded body.
    pub(crate) fn read(body: &str) -> Request {
        #[derive(Deserialize)]
        struct Body<'b> {
            identifier: Option<String>,
            #[serde(borrow)]
            traits: Vec<BodyTrait<'b>>,
        }
        #[derive(Deserialize)]
        struct BodyTrait<'b> {
            trait_key: String,
            #[serde(borrow)]
            trait_value: &'b RawValue,
        }
        let body: Body<'_> = serde_json::from_str(body).expect(body);
        let traits = body.traits.into_iter().map(|trait_| {
            let text = trait_.trait_value.get();
            let value = match text.parse::<BigInt>() {
                Ok(integer) => Trait::Integer(integer),
                Err(_) => match serde_json::from_str(text).expect(text) {
                    Value::Null => Trait::Null,
                    Value::Bool(boolean) => Trait::Boolean(boolean),
                    Value::String(text) => Trait::Text(text),
                    float => Trait::Float(float.as_f64().expect(text)),
                },
            };
            (trait_.trait_key, value)
        });
        Request {
            identifier: body.identifier,
            traits: traits.collect(),
        }
    }
}

impl Trait {
    /// The value as it is in an answer.
    pub(crate) fn json(&self) -> String {
        match self {
            Trait::Null => "null".to_owned(),
            Trait::Boolean(boolean) => boolean.to_string(),
            Trait::Integer(integer) => integer.to_string(),
            Trait::Float(float) => super::written(json!(float)),
            Trait::Text(text) => json!(text).to_string(),
        }
    }

    /// Python's `str()`.
    pub(crate) fn python_str(&self) -> String {
        match self {
            Trait::Null => "None".to_owned(),
            Trait::Boolean(true) => "True".to_owned(),
            Trait::Boolean(false) => "False".to_owned(),
            Trait::Integer(integer) => integer.to_string(),
            Trait::Float(float) => number::float_str(*float),
            Trait::Text(text) => text.clone(),
        }
    }

    /// The value as a number. A string that looks like a number is one.
    fn coerced(self) -> Trait {
        let Trait::Text(text) = &self else {
            return self;
        };
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let parts: Vec<&str> = unsigned.split('.').collect();
        match parts[..] {
            [whole] if digits(whole) => Trait::Integer(text.parse().unwrap()),
            [whole, fraction] if digits(whole) && digits(fraction) => {
                Trait::Float(text.parse().unwrap())
            }
            _ => self,
        }
    }
}

/// The document's segments, each id once: a repeated id keeps its place and takes the last content.
pub(super) fn segments(document: &Value) -> Vec<Value> {
    let mut segments: Vec<(String, Value)> = Vec::new();
    for segment in elements(&document["project"]["segments"]) {
        let id = number::python_str(&segment["id"]);
        match segments.iter().position(|(known, _)| *known == id) {
            Some(place) => segments[place].1 = segment.clone(),
            None => segments.push((id, segment.clone())),
        }
    }
    segments.into_iter().map(|(_, segment)| segment).collect()
}

/// The environment's key and the identifier.
pub(super) fn identity_key(document: &Value, request: &Request) -> String {
    let identifier = request.identifier.as_deref().unwrap();
    format!("{}_{identifier}", document["api_key"].as_str().unwrap())
}

/// The key by which multivariate values are sorted: the id, else the UUID as a number.
pub(super) fn variant_priority(value: &Value) -> BigInt {
    if truthy(&value["id"]) {
        return value["id"].to_string().parse().unwrap();
    }
    let uuid = value["mv_fs_value_uuid"].as_str().unwrap();
    let digits = uuid.replace("urn:", "").replace("uuid:", "");
    let digits = digits.trim_matches(['{', '}']).replace('-', "");
    BigInt::parse_bytes(digits.as_bytes(), 16).unwrap()
}

/// The value that a condition with this property reads.
pub(super) fn value(evaluation: &mut Evaluation<'_>, property: &str) -> Trait {
    let traits = evaluation.request.traits.iter().rev();
    let mut named = traits.filter(|(key, _)| key == property);
    let trait_ = named.next().map_or(Trait::Null, |(_, value)| value.clone());
    if trait_ != Trait::Null || !property.starts_with("$.") {
        return trait_.coerced();
    }
    let found = match path::read(property) {
        Path::Simple(steps) => follow(evaluation, &steps),
        Path::Query(path) => {
            let context = context(evaluation.document, evaluation.request);
            path.query(&context).first().cloned()
        }
        Path::Trait => None,
    };
    scalar(found.as_ref()).coerced()
}

/// JSON cannot write every float. In the context those are strings that start with this.
const ODD_FLOAT: &str = "\u{10ffff}";

/// What a simple path leads to.
fn follow(evaluation: &mut Evaluation<'_>, steps: &[Step]) -> Option<Value> {
    let (mut at, rest) = match steps {
        [Step::Name(root), Step::Name(name), rest @ ..] if root == "flags" => {
            (evaluation.read(name), rest)
        }
        steps => (context(evaluation.document, evaluation.request), steps),
    };
    for step in rest {
        at = match (step, at) {
            (Step::Name(name), Value::Object(mut members)) => members.remove(name)?,
            (Step::Index(index), Value::Array(elements)) => {
                let from_end = elements.len() as i64 + index;
                let index = if *index < 0 { from_end } else { *index };
                elements.get(usize::try_from(index).ok()?)?.clone()
            }
            _ => return None,
        };
    }
    Some(at)
}

fn scalar(value: Option<&Value>) -> Trait {
    match value {
        Some(Value::Bool(boolean)) => Trait::Boolean(*boolean),
        Some(Value::Number(number)) if number.is_f64() => Trait::Float(number.as_f64().unwrap()),
        Some(Value::Number(number)) => Trait::Integer(number.to_string().parse().unwrap()),
        Some(Value::String(text)) => match text.strip_prefix(ODD_FLOAT) {
            Some(float) => Trait::Float(float.parse().unwrap()),
            None => Trait::Text(text.clone()),
        },
        _ => Trait::Null,
    }
}

fn context(document: &Value, request: &Request) -> Value {
    let mut features = Map::new();
    for state in elements(&document["feature_states"]) {
        let feature = feature_context(state);
        features.insert(feature["name"].as_str().unwrap().to_owned(), feature);
    }
    let mut segment_contexts = Map::new();
    for segment in segments(document) {
        let key = number::python_str(&segment["id"]);
        let overrides = elements(&segment["feature_states"]).iter();
        let rules = elements(&segment["rules"]).iter();
        let segment = json!({
            "key": key,
            "name": segment["name"],
            "rules": rules.map(rule_context).collect::<Vec<_>>(),
            "overrides": overrides.map(feature_context).collect::<Vec<_>>(),
            "metadata": {"id": segment["id"], "source": "api"},
        });
        segment_contexts.insert(key, segment);
    }
    let mut traits = Map::new();
    for (key, value) in &request.traits {
        let value = match value {
            Trait::Null => Value::Null,
            Trait::Boolean(boolean) => json!(boolean),
            Trait::Integer(integer) => json_integer(integer),
            Trait::Float(float) if float.is_finite() => json!(float),
            Trait::Float(float) => json!(format!("{ODD_FLOAT}{float}")),
            Trait::Text(text) => json!(text),
        };
        traits.insert(key.clone(), value);
    }
    json!({
        "environment": {"key": document["api_key"], "name": document["name"]},
        "features": features,
        "segments": segment_contexts,
        "identity": {
            "identifier": request.identifier,
            "traits": traits,
            "key": identity_key(document, request),
        },
    })
}

fn feature_context(state: &Value) -> Value {
    let key = match &state["django_id"] {
        id if truthy(id) => number::python_str(id),
        _ => state["featurestate_uuid"].as_str().unwrap().to_owned(),
    };
    let mut feature = json!({
        "key": key,
        "name": state["feature"]["name"],
        "enabled": state["enabled"],
        "value": state["feature_state_value"],
        "metadata": {"id": state["feature"]["id"]},
    });
    let mut variants = Vec::new();
    for value in elements(&state["multivariate_feature_state_values"]) {
        let mut variant = json!({
            "value": value["multivariate_feature_option"]["value"],
            "weight": value["percentage_allocation"],
        });
        let priority = variant_priority(value);
        variant["priority"] = json_integer(&priority);
        variants.push(variant);
    }
    if !variants.is_empty() {
        feature["variants"] = Value::from(variants);
    }
    // A priority of null counts as no priority.
    if !state["feature_segment"]["priority"].is_null() {
        feature["priority"] = state["feature_segment"]["priority"].clone();
    }
    feature
}

fn rule_context(rule: &Value) -> Value {
    let conditions = elements(&rule["conditions"]).iter().map(|condition| {
        json!({
            "property": condition["property_"].as_str().unwrap_or(""),
            "operator": condition["operator"],
            "value": condition["value"],
        })
    });
    let rules = elements(&rule["rules"]).iter().map(rule_context);
    json!({
        "type": rule["type"],
        "conditions": conditions.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
    })
}

/// An integer as a JSON value. One that is too large for a JSON number becomes a string of its digits.
fn json_integer(integer: &BigInt) -> Value {
    match i64::try_from(integer) {
        Ok(small) => json!(small),
        Err(_) => json!(integer.to_string()),
    }
}
