//! The golden files: environments, what is asked of them, and the recorded answers.
//!
//! `documents` holds random documents, `conditions` every operator with many operands and trait values; their
//! answers were recorded from the official Python proxy. Shared by every test that reads them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One environment and what is asked of it.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) document: Box<RawValue>,
    pub(crate) requests: Vec<Request>,
}

/// One request and the recorded answer.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) endpoint: String,
    pub(crate) server_key: bool,
    identifier: Option<Box<RawValue>>,
    traits: Option<Box<RawValue>>,
    response: Box<RawValue>,
}

impl Request {
    /// The body that asks for the identity, exactly as recorded.
    pub(crate) fn body(&self) -> String {
        let identifier = self.identifier.as_deref().map_or("null", RawValue::get);
        let traits = self.traits.as_deref().map_or("[]", RawValue::get);
        format!(r#"{{"identifier":{identifier},"traits":{traits}}}"#)
    }
}

/// The recorded answers of one file.
pub(crate) struct Golden {
    path: PathBuf,
    pub(crate) cases: Vec<Case>,
    /// How many requests the file holds.
    requests: usize,
}

impl Golden {
    /// The files of this project, and Flagsmith's own engine test data, which is theirs and may be absent.
    pub(crate) fn documents() -> Golden {
        Golden::read(&root().join("tests/golden/documents.jsonl.gz"), 2400)
    }

    pub(crate) fn conditions() -> Golden {
        Golden::read(&root().join("tests/golden/conditions.jsonl.gz"), 587)
    }

    pub(crate) fn engine_test_data() -> Option<Golden> {
        let path = root().join("../shared/golden/engine_test_data.jsonl");
        if path.exists() {
            return Some(Golden::read(&path, 398));
        }
        eprintln!("skipped: Flagsmith's engine test data is not beside this checkout");
        None
    }

    fn read(path: &Path, requests: usize) -> Golden {
        let file =
            File::open(path).unwrap_or_else(|error| panic!("open {}: {error}", path.display()));
        let reader: Box<dyn Read> = match path.extension() {
            Some(extension) if extension == "gz" => Box::new(GzDecoder::new(file)),
            _ => Box::new(file),
        };
        let lines = BufReader::new(reader).lines();
        let case = |line: std::io::Result<String>| {
            serde_json::from_str(&line.expect("a line")).expect("a case")
        };
        Golden {
            path: path.to_owned(),
            cases: lines.map(case).collect(),
            requests,
        }
    }

    /// Compares every answer with what was recorded: `answer` is given a case's number and a request.
    pub(crate) fn check(&self, mut answer: impl FnMut(usize, &Request) -> Vec<u8>) {
        let mut answered = 0;
        let mut wrong = Vec::new();
        for (number, case) in self.cases.iter().enumerate() {
            for request in &case.requests {
                answered += 1;
                let expected = normal(request.response.get().as_bytes());
                let answer = normal(&answer(number, request));
                if answer != expected {
                    let body = request.body();
                    let line = number + 1;
                    wrong.push(format!(
                        "line {line}, {body}\n  expected {expected}\n  answered {answer}"
                    ));
                }
            }
        }
        assert_eq!(
            answered,
            self.requests,
            "requests in {}",
            self.path.display()
        );
        let shown = wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n");
        assert!(
            wrong.is_empty(),
            "{} of {answered} differ:\n{shown}",
            wrong.len()
        );
        println!("{answered} of {answered} recorded answers match");
    }
}

/// The same JSON in one way of writing it: members in order, `1` apart from `1.0`.
fn normal(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(json)));
    value.to_string()
}

/// The checkout, from whichever of its packages this is compiled into.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |directory: &&Path| directory.join("tests/golden").is_dir();
    package
        .ancestors()
        .find(is_root)
        .expect("the checkout")
        .to_owned()
}
