//! Patterns: what Python's `re.match` says, and that no pattern takes long.
//!
//! The rows of `python_patterns.jsonl` are a pattern, a text and the outcome that CPython 3.12 printed for them:
//! whether they match, or that Python refuses the pattern.

use serde_json::{Value, json};

use crate::proxy::Proxy;

#[test]
fn matches_what_python_matches_and_refuses_what_python_refuses() {
    let rows = include_str!("python_patterns.jsonl");
    let mut wrong = Vec::new();
    for row in rows.lines() {
        let row: (String, String, Value) = serde_json::from_str(row).expect("a row");
        let (pattern, text, expected) = &row;
        let found = match_in_segment(pattern, text);
        if found != *expected {
            wrong.push(format!(
                "{pattern:?} on {text:?}: Python says {expected}, found {found}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Whether a condition with that pattern holds for a trait with that text: true, false or "refused".
fn match_in_segment(pattern: &str, text: &str) -> Value {
    let proxy = Proxy::new(&document(pattern));
    if proxy
        .warnings
        .iter()
        .any(|warning| warning.contains("cannot be used"))
    {
        return json!("refused");
    }
    let answer = proxy
        .identity(&json!({"identifier": "i", "traits": [{"trait_key": "t", "trait_value": text}]}));
    answer["flags"][0]["enabled"].clone()
}

/// A document with one feature, enabled where the pattern matches trait `t`.
fn document(pattern: &str) -> Value {
    json!({
        "api_key": "key", "name": null,
        "feature_states": [{"feature": {"id": 1, "name": "f"}, "enabled": false, "feature_state_value": null, "django_id": 1}],
        "project": {"segments": [{"id": 1, "name": "s", "rules": [{"type": "ALL", "conditions": [
            {"operator": "REGEX", "property_": "t", "value": pattern}]}],
            "feature_states": [{"feature": {"id": 1, "name": "f"}, "enabled": true, "feature_state_value": null, "django_id": 2}]}]},
    })
}
