//! Constant answers in gzip format: `compile` makes the small ones, `Environment::compress` makes the others.

use std::io::Read;

use engine::{ArchivedConstantAnswer, ArchivedEnvironment, Environment, Side, compile};
use flate2::read::GzDecoder;
use rkyv::rancor::Error;
use serde_json::{Value, json};

use crate::proxy::archive;

#[test]
fn compresses_what_is_small_at_once_and_the_rest_when_asked() {
    let mut environment = compiled(&document(&["a", "b", "c"], 30_000));
    let sizes = answers(&environment);
    // The list holds all three values and is too large. `compile` compresses as much as two of the values.
    assert_eq!(sizes, [false, true, true, false, false]);
    assert!(environment.compress());
    assert_eq!(answers(&environment), [true; 5]);
    assert!(!environment.compress(), "there was more to compress");
}

#[test]
fn leaves_small_answers_as_they_are() {
    let mut environment = compiled(&document(&["a"], 10));
    assert_eq!(answers(&environment)[..2], [false; 2]);
    environment.compress();
    assert_eq!(answers(&environment)[..2], [false; 2]);
}

fn compiled(document: &Value) -> Environment {
    let compiled = compile(document.to_string().as_bytes());
    compiled.expect("a document").environment
}

/// Whether the flags, each flag and the document have a gzip body. Checks that it decompresses to the plain body.
fn answers(environment: &Environment) -> Vec<bool> {
    let archive = archive(environment);
    let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive).expect("an archive");
    let flags = ["a", "b", "c"].map(|name| environment.flag(Side::Server, name));
    let mut answers = vec![environment.flags(Side::Server)];
    answers.extend(flags.into_iter().flatten());
    answers.push(environment.document());
    answers.into_iter().map(is_compressed).collect()
}

fn is_compressed(answer: &ArchivedConstantAnswer) -> bool {
    let Some(gzip) = answer.gzip() else {
        return false;
    };
    let mut body = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut body).expect("gzip");
    assert!(body == answer.body(), "another body");
    assert!(gzip.len() < body.len());
    true
}

/// A document with a feature of each name; each value has `size` bytes.
fn document(names: &[&str], size: usize) -> Value {
    let feature_state = |name: &str| {
        json!({
            "feature": {"id": 1, "name": name}, "enabled": true, "django_id": 1,
            "feature_state_value": name.repeat(size),
        })
    };
    let feature_states: Vec<Value> = names.iter().map(|name| feature_state(name)).collect();
    json!({
        "api_key": "key", "name": null, "feature_states": feature_states, "project": {"segments": []},
    })
}
