//! The golden files: environments, what is asked of them, and the recorded answers.

use serde::Deserialize;
use serde_json::value::RawValue;

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
}

impl Request {
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
        Golden::read("tests/golden/documents.jsonl.gz", 2400)
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

    fn read(path: &'static str, requests: usize) -> Golden {
        let case = |line| serde_json::from_str(line).expect("a case");
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
                let answer = normal(&answer(index, request));
                if answer != expected {
                    let (line, body) = (index + 1, request.body());
                    wrong.push(format!(
                        "line {line}, {body}\n  expected {expected}\n  answered {answer}"
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

/// The same JSON, always written the same way: members stay in order, and `1` differs from `1.0`.
fn normal(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(json)));
    value.to_string()
}
