//! Patterns: they match what Python's `re.match` matches, and none takes long.
//!
//! Each row of `python_patterns.jsonl` is a pattern, a text and the outcome in CPython 3.12: whether they match, or
//! "refused". `python_patterns.py` records the outcomes again.

use std::time::Duration;

use serde_json::{Value, json};
use testing::timed;

use crate::proxy::Proxy;

#[test]
fn matches_what_python_matches_and_refuses_what_python_refuses() {
    let mut wrong = Vec::new();
    let mut rows: Vec<(String, String, Value)> = include_str!("python_patterns.jsonl")
        .lines()
        .map(|row| serde_json::from_str(row).expect("a row"))
        .collect();
    assert!(rows.len() > 600, "{} rows", rows.len());
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    for of_one_pattern in rows.chunk_by(|left, right| left.0 == right.0) {
        let proxy = Proxy::new(&document(&of_one_pattern[0].0));
        for (pattern, text, expected) in of_one_pattern {
            let found = outcome(&proxy, text);
            if found != *expected {
                wrong.push(format!(
                    "{pattern:?} on {text:?}: {expected} in Python, {found}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Python accepts these.
#[test]
fn refuses_what_it_cannot_translate() {
    for pattern in [
        r"\N{DIGIT ONE}",
        &"(".repeat(300),
        &format!("{}a{}", "(?:".repeat(300), ")".repeat(300)),
        r"(?:\w{1000}){1000}",
    ] {
        let proxy = Proxy::new(&document(pattern));
        assert_eq!(outcome(&proxy, "1"), "refused", "{pattern}");
        let warning = &proxy.warnings[0];
        assert!(
            warning.starts_with("segment 1 s: the REGEX condition on \"t\" never matches: pattern"),
            "{warning}"
        );
    }
}

#[test]
fn gives_up_on_patterns_that_take_for_ever() {
    let patterns = [
        r"(a+)+$",
        r"(a|aa)+$",
        r"^(\w+\s?)*$",
        r"(.*a){20}$",
        r"(?=(a+))\1+b",
        r"^(\w+\s?)*\1!$",
        r"^(?=(\w+\s?)*$)x",
        r"(?!(a+)+b)c",
        r"(.*)*\1b",
        r"(.*a){20}\1b",
        r"((a*)*)*\2b",
        r"((((a+)+)+)+)+\1b",
        r"^(([a-z])+.)+[A-Z]([a-z])+\1$",
        r"(?:(?=(\w+))\1\s?)*!",
        r"(?<!x)(a|a)*\1?b",
        r"(?i)(?=(é+))\1+b",
        r"(?:\b\w+\b\s?)*!",
        r"(.*)(.*)(.*)(.*)(.*)\1\2\3\4\5x",
    ];
    let texts = [
        "a".repeat(2000),
        "a".repeat(1999) + "!",
        "a ".repeat(1000),
        "é".repeat(2000),
        "aB".repeat(1000),
        "é ".repeat(1000),
    ];
    for pattern in patterns {
        let proxy = Proxy::new(&document(pattern));
        assert!(proxy.warnings.is_empty(), "{:?}", proxy.warnings);
        for text in &texts {
            let (_, taken) = timed(|| outcome(&proxy, text));
            let shown: String = text.chars().take(4).collect();
            assert!(
                taken < Duration::from_millis(50),
                "{pattern} on {shown}...: {taken:?}"
            );
        }
    }
}

#[test]
fn does_not_backtrack_over_long_identifiers() {
    let mut document = document(r"(?=.*b)\w+");
    document["project"]["segments"][0]["rules"][0]["conditions"][0]["property_"] =
        json!("$.identity.identifier");
    let proxy = Proxy::new(&document);
    for (length, expected) in [(7_999, true), (8_000, false)] {
        let answer = proxy.identity(&json!({"identifier": "a".repeat(length) + "b"}));
        assert_eq!(answer["flags"][0]["enabled"], expected, "{length}");
    }
}

/// Whether the pattern of a [`document`] matches a text, or "refused" when the pattern does not compile.
fn outcome(proxy: &Proxy, text: &str) -> Value {
    if !proxy.warnings.is_empty() {
        return json!("refused");
    }
    let body = json!({"identifier": "i", "traits": [{"trait_key": "t", "trait_value": text}]});
    proxy.identity(&body)["flags"][0]["enabled"].clone()
}

/// A document with one feature, which is enabled when the pattern matches trait `t`.
fn document(pattern: &str) -> Value {
    let feature_state = |enabled| {
        json!({
            "feature": {"id": 1, "name": "f"}, "enabled": enabled, "feature_state_value": null, "django_id": 1
        })
    };
    let condition = json!({"operator": "REGEX", "property_": "t", "value": pattern});
    json!({
        "api_key": "key",
        "name": null,
        "feature_states": [feature_state(false)],
        "project": {"segments": [{
            "id": 1,
            "name": "s",
            "rules": [{"type": "ALL", "conditions": [condition]}],
            "feature_states": [feature_state(true)],
        }]},
    })
}
