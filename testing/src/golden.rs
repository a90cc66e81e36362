//! The golden files: environments, what is asked of them, and the recorded answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::data::file;

/// One environment and what is asked of it.
#[derive(Deserialize)]
pub struct Case {
    /// The environment document.
    pub document: Box<RawValue>,
    /// What is asked, in order.
    pub requests: Vec<Request>,
}

/// One request and the recorded answer.
#[derive(Deserialize)]
pub struct Request {
    /// `flags` or `identities`.
    pub endpoint: String,
    /// Whether the request carries a server-side key.
    pub server_key: bool,
    identifier: Option<Box<RawValue>>,
    traits: Option<Box<RawValue>>,
    response: Box<RawValue>,
    /// Why each flag of the environment has its value; empty if that is not recorded.
    #[serde(default)]
    pub reasons: BTreeMap<String, String>,
    /// The variant of each flag of an identity; empty if that is not recorded.
    #[serde(default)]
    variants: BTreeMap<String, Value>,
    /// The answer with segments that apply without an identity, if that is another one.
    response_with_segments: Option<Box<RawValue>>,
}

impl Request {
    /// Whether the proxy evaluates the identifier as it was sent. It trims identifiers, as the API does and the
    /// official proxy does not.
    fn is_trimmed(&self) -> bool {
        let identifier = self.identifier.as_deref().map_or("null", RawValue::get);
        match serde_json::from_str(identifier) {
            Ok(Value::String(identifier)) => identifier.trim() == identifier,
            _ => true,
        }
    }

    /// The recorded answer with the segments that apply without an identity.
    #[must_use]
    pub fn response_with_segments(&self) -> Value {
        let response = self.response_with_segments.as_ref();
        read(response.unwrap_or(&self.response).get().as_bytes())
    }

    /// Whether an answer names the recorded variants.
    fn names_variants(&self, answer: &[u8]) -> bool {
        let answer = read(answer);
        let flags = answer.get("flags").and_then(Value::as_array);
        let mut flags = flags.into_iter().flatten();
        flags.all(|flag| {
            let name = flag["feature"]["name"].as_str().expect("a name");
            let expected = self.variants.get(name);
            expected.is_none_or(|expected| flag["variant"] == *expected)
        })
    }

    /// The body that asks for the identity, exactly as recorded.
    #[must_use]
    pub fn body(&self) -> String {
        let identifier = self.identifier.as_deref().map_or("null", RawValue::get);
        let traits = self.traits.as_deref().map_or("[]", RawValue::get);
        format!(r#"{{"identifier":{identifier},"traits":{traits}}}"#)
    }
}

/// The recorded answers of one file.
pub struct Golden {
    path: &'static str,
    /// One for each line of the file.
    pub cases: Vec<Case>,
    /// How many requests the file holds.
    requests: usize,
}

impl Golden {
    /// Random documents, with what the official Python proxy answered.
    #[must_use]
    pub fn documents() -> Golden {
        Golden::read("tests/golden/documents.jsonl.gz", 2265)
    }

    /// Every operator with many operands and trait values, with what the official Python proxy answered.
    #[must_use]
    pub fn conditions() -> Golden {
        Golden::read("tests/golden/conditions.jsonl.gz", 587)
    }

    /// Flagsmith's own engine test data.
    #[must_use]
    pub fn engine_test_data() -> Golden {
        Golden::read("tests/golden/engine_test_data.jsonl.gz", 398)
    }

    /// Flags that depend on flags, with what the official Python packages answer.
    #[must_use]
    pub fn flag_dependencies() -> Golden {
        Golden::read("tests/golden/flag_dependencies.jsonl.gz", 616)
    }

    fn read(path: &'static str, requests: usize) -> Golden {
        let case = |line| {
            let mut case: Case = serde_json::from_str(line).expect("a case");
            case.document = without_shares(&case.document);
            case.requests.retain(Request::is_trimmed);
            case
        };
        Golden {
            path,
            cases: file(path).lines().map(case).collect(),
            requests,
        }
    }

    /// Compares every answer with the recorded one. `answer` is given the index of a case and a request.
    ///
    /// # Panics
    ///
    /// When an answer differs, with the first three differences.
    pub fn check(&self, mut answer: impl FnMut(usize, &Request) -> Vec<u8>) {
        let mut answered = 0;
        let mut wrong = Vec::new();
        for (index, case) in self.cases.iter().enumerate() {
            for request in &case.requests {
                answered += 1;
                let expected = normal(request.response.get().as_bytes());
                let answer = answer(index, request);
                let names_variants = request.names_variants(&answer);
                let answer = without_variants(&answer);
                if answer != expected || !names_variants {
                    let (line, body) = (index + 1, request.body());
                    let variants = &request.variants;
                    wrong.push(format!(
                        "line {line}, {body}\n  expected {expected} {variants:?}\n  answered {answer}"
                    ));
                }
            }
        }
        assert_eq!(answered, self.requests, "requests in {}", self.path);
        let shown = wrong[..wrong.len().min(3)].join("\n");
        let count = wrong.len();
        assert!(wrong.is_empty(), "{count} of {answered} differ:\n{shown}");
        println!("{answered} of {answered} recorded answers match");
    }
}

/// The document without the multivariate values of identity overrides: the official proxy does not read them.
fn without_shares(document: &RawValue) -> Box<RawValue> {
    let members = serde_json::from_str(document.get());
    let mut members: BTreeMap<String, Box<RawValue>> = members.expect("an object");
    if let Some(overrides) = members.get_mut("identity_overrides") {
        let mut value: Value = serde_json::from_str(overrides.get()).expect("JSON");
        for entry in value.as_array_mut().into_iter().flatten() {
            for state in entry["identity_features"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                state["multivariate_feature_state_values"] = Value::Array(Vec::new());
            }
        }
        *overrides = to_raw_value(&value).expect("JSON");
    }
    to_raw_value(&members).expect("JSON")
}

/// [`normal`], without what flags of identities had not when the answers were recorded.
fn without_variants(json: &[u8]) -> String {
    let mut value = read(json);
    let flags = value
        .get_mut("flags")
        .and_then(|flags| flags.as_array_mut());
    for flag in flags.into_iter().flatten() {
        let members = flag.as_object_mut().expect("a flag");
        members.shift_remove("variant").expect("a variant");
    }
    value.to_string()
}

/// The same JSON, always written the same way: members stay in order, and `1` differs from `1.0`.
fn normal(json: &[u8]) -> String {
    read(json).to_string()
}

fn read(json: &[u8]) -> Value {
    serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(json)))
}
