//! Recorded answers: every request of the golden files is answered from an archive, type-strictly and in order.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use engine::{
    ArchivedEnvironment, BodyKind, Patterns, Side, compile, read_identity, write_identity,
};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One environment and what is asked of it.
#[derive(Deserialize)]
struct Case {
    document: Box<RawValue>,
    requests: Vec<Request>,
}

/// One request and the recorded answer.
#[derive(Deserialize)]
struct Request {
    endpoint: String,
    server_key: bool,
    identifier: Option<Box<RawValue>>,
    traits: Option<Box<RawValue>>,
    response: Box<RawValue>,
}

#[test]
fn answers_random_documents() {
    check(&golden("documents.jsonl.gz"), 2400);
}

#[test]
fn answers_every_operator_operand_and_trait() {
    check(&golden("conditions.jsonl.gz"), 587);
}

/// Flagsmith's own engine test data, which is theirs and therefore not part of this project.
#[test]
fn answers_flagsmiths_engine_test_data() {
    let path = root().join("../shared/golden/engine_test_data.jsonl");
    if !path.exists() {
        eprintln!("skipped: Flagsmith's engine test data is not beside this checkout");
        return;
    }
    check(&path, 398);
}

/// Answers every request of a file and compares it with what was recorded; the file holds `requests` of them.
fn check(path: &Path, requests: usize) {
    let mut answered = 0;
    let mut wrong = Vec::new();
    for (number, line) in lines(path).lines().enumerate() {
        let case: Case = serde_json::from_str(&line.expect("a line")).expect("a case");
        let compiled = compile(case.document.get().as_bytes()).expect("a document");
        let bytes =
            rkyv::to_bytes::<rkyv::rancor::Error>(&compiled.environment).expect("an archive");
        let environment = rkyv::access::<ArchivedEnvironment, rkyv::rancor::Error>(&bytes);
        let environment = environment.expect("a valid archive");
        let patterns = Patterns::new(environment);
        for request in case.requests {
            answered += 1;
            let answer = normal(&answer(environment, &patterns, &request));
            let expected = normal(request.response.get().as_bytes());
            if answer != expected {
                let identifier = request.identifier.map(|raw| raw.to_string());
                let traits = request.traits.map(|raw| raw.to_string());
                wrong.push(format!(
                    "line {}, {identifier:?} {traits:?}\n  expected {expected}\n  answered {answer}",
                    number + 1
                ));
            }
        }
    }
    assert_eq!(answered, requests, "requests in {}", path.display());
    let shown = wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        wrong.is_empty(),
        "{} of {answered} differ:\n{shown}",
        wrong.len()
    );
}

fn answer(environment: &ArchivedEnvironment, patterns: &Patterns, request: &Request) -> Vec<u8> {
    let side = if request.server_key {
        Side::Server
    } else {
        Side::Client
    };
    if request.endpoint == "flags" {
        return environment.flags(side).body().to_vec();
    }
    let identifier = request.identifier.as_deref().map_or("null", RawValue::get);
    let traits = request.traits.as_deref().map_or("[]", RawValue::get);
    let body = format!(r#"{{"identifier":{identifier},"traits":{traits}}}"#);
    let identity = read_identity(body.as_bytes(), BodyKind::Json).expect("an identity");
    let identity =
        identity.into_identity(|| unreachable!("every recorded request has an identifier"));
    let mut out = Vec::new();
    write_identity(environment, patterns, side, &identity, &mut out);
    out
}

/// The same JSON in one way of writing it: members in order, `1` apart from `1.0`.
fn normal(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json).expect("JSON");
    value.to_string()
}

fn lines(path: &Path) -> Box<dyn BufRead> {
    let file = File::open(path).unwrap_or_else(|error| panic!("open {}: {error}", path.display()));
    let reader: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(GzDecoder::new(file)),
        _ => Box::new(file),
    };
    Box::new(BufReader::new(reader))
}

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
