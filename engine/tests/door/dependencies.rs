//! Flags that depend on flags: cycles and their warnings, long chains, large cycles, and what conditions see.

use std::time::Duration;

use engine::{CompileOptions, Side};
use proptest::prelude::*;
use serde_json::{Value, json};
use testing::{Golden, timed};

use crate::generate::{dependent_documents, requests};
use crate::obvious;
use crate::properties::body;
use crate::proxy::Proxy;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn answers_dependent_flags_as_the_obvious_evaluator_does(
        document in dependent_documents(), requests in proptest::collection::vec(requests(), 1..4),
    ) {
        let proxy = Proxy::new(&document);
        for request in &requests {
            let found = proxy.answer(Side::Server, &body(request));
            prop_assert_eq!(found, obvious::identity(&document, true, request), "{:?}", request);
        }
    }
}

#[test]
fn tells_the_recorded_cycles() {
    let mut count = 0;
    for case in &Golden::flag_dependencies().cases {
        let document = serde_json::from_str(case.document.get()).expect("a document");
        let proxy = Proxy::new(&document);
        let asked = case.requests.iter();
        for request in asked.filter(|request| request.endpoint == "identities") {
            let circular = |(_, reason): &(&String, &String)| reason.contains("CIRCULAR");
            let expected = request.reasons.iter().filter(circular);
            let mut expected: Vec<&String> = expected.map(|(name, _)| name).collect();
            let mut found = proxy.list(Side::Server, &request.body()).in_cycles;
            expected.sort();
            found.sort();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{document}");
            count += expected.len();
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn warns_of_each_cycle_once() {
    let mut document = document(&["a", "b", "c", "d", "e"]);
    add_segments(
        &mut document,
        [
            segment(&["a"], "ALL", &["b"]),
            segment(&["b"], "ALL", &["a"]),
            segment(&["c"], "ALL", &["a", "d"]),
            segment(&["d", "e"], "ANY", &["e"]),
        ],
    );
    let warning = |names| {
        format!(
            "circular dependency of the flags {names}: a segment does not match if it reads a \
             flag that depends on the segment itself"
        )
    };
    let expected = [warning(r#""a", "b""#), warning(r#""e""#)];
    assert_eq!(Proxy::new(&document).warnings, expected);
    let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut document = self::document(&names);
    add_segments(&mut document, [segment(&names, "ANY", &names)]);
    let warnings = Proxy::new(&document).warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains(r#""f9" and 2 more: "#),
        "{}",
        warnings[0]
    );
}

#[test]
fn no_cycle_is_no_warning() {
    let mut document = document(&["a", "b", "c"]);
    add_segments(
        &mut document,
        [
            segment(&["c"], "ALL", &["a", "b"]),
            segment(&["b"], "ALL", &["a"]),
            segment(&["a"], "ALL", &["missing"]),
            segment(&["missing"], "ALL", &["c"]),
            segment(&[], "ALL", &["c"]),
        ],
    );
    assert_eq!(Proxy::new(&document).warnings, [""; 0]);
}

#[test]
fn decides_chains_of_any_length() {
    const LINKS: usize = 10_000;
    let names: Vec<String> = (0..=LINKS).map(|number| format!("f{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut document = document(&names);
    let links = names.windows(2).rev();
    add_segments(
        &mut document,
        links.map(|link| segment(&link[1..], "ALL", &link[..1])),
    );
    let trait_condition = json!({"property_": "plan", "operator": "EQUAL", "value": "pro"});
    let mut first = segment(&["f0"], "ALL", &[]);
    first["rules"][0]["conditions"] = json!([trait_condition]);
    add_segments(&mut document, [first]);
    let proxy = Proxy::new(&document);
    for (plan, enabled) in [("pro", true), ("free", false)] {
        let traits = json!([{"trait_key": "plan", "trait_value": plan}]);
        let answer = proxy.identity(&json!({"identifier": "u", "traits": traits}));
        assert_eq!(answer["flags"][LINKS]["enabled"], enabled, "{plan}");
    }
}

/// The documents take the Python packages longer than a test could wait.
#[test]
fn large_cycles_take_little_time() {
    const FLAGS: usize = 2000;
    let names: Vec<String> = (0..FLAGS).map(|number| format!("f{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let next = |number: usize, count: usize| -> Vec<&str> {
        let others = (1..=count).map(|step| names[(number + step) % FLAGS]);
        others.collect()
    };
    let many = |read: usize| -> Vec<Value> {
        let segments = 0..FLAGS;
        segments
            .map(|number| segment(&[names[number]], "ANY", &next(number, read)))
            .collect()
    };
    let of_all = segment(&names, "ANY", &names);
    let of_many = segment(&names, "ANY", &names[..100]);
    for (name, segments, circular) in [
        ("each depends on the next", many(1), FLAGS),
        ("each depends on the next twenty", many(20), FLAGS),
        ("one segment for all", vec![of_all], FLAGS),
        ("some segments for all", vec![of_many; 20], 100),
    ] {
        let mut document = document(&names);
        add_segments(&mut document, segments);
        let (proxy, compiled) = timed(|| Proxy::new(&document));
        let body = r#"{"identifier":"u","traits":[]}"#;
        let (list, answered) = timed(|| proxy.list(Side::Server, body));
        println!("{name}: compiled in {compiled:?}, answered in {answered:?}");
        assert_eq!(list.in_cycles.len(), circular, "{name}");
        // No segment matches, so all flags are the environment defaults.
        assert_eq!(list.choices, [0; 0], "{name}");
        // The build may be one without optimisation.
        let slowness = if cfg!(debug_assertions) { 10 } else { 2 };
        assert!(compiled < slowness * Duration::from_secs(1), "{name}");
        assert!(answered < slowness * Duration::from_millis(50), "{name}");
    }
}

#[test]
fn what_a_segment_without_overrides_reads_counts() {
    let mut document = document(&["a", "f", "x"]);
    let segments = [
        segment(&["x"], "ALL", &["f"]),
        segment(&["f"], "ALL", &["a"]),
        segment(&["a"], "ALL", &["a"]),
    ];
    document["feature_states"][1]["enabled"] = json!(true);
    add_segments(&mut document, segments.clone());
    // The first segment that reads `f` sees the cycle of `a`.
    assert_eq!(enabled(&document), [false, true, false]);
    document["project"]["segments"] = json!([]);
    add_segments(&mut document, [segment(&[], "ALL", &["f"])]);
    add_segments(&mut document, segments);
    assert_eq!(enabled(&document), [false, true, true]);
}

/// A segment that reads `h` is cut the first time, when that reads the cycle of `a`, and matches from then on.
#[test]
fn the_same_segment_can_match_for_one_flag_and_not_for_another() {
    let mut document = document(&["a", "f", "g", "h", "x", "y"]);
    document["feature_states"][3]["enabled"] = json!(true);
    add_segments(
        &mut document,
        [
            segment(&["x"], "ALL", &["f"]),
            segment(&["y"], "ALL", &["g"]),
            segment(&["f", "g"], "ALL", &["h"]),
            segment(&["h"], "ALL", &["a"]),
            segment(&["a"], "ALL", &["a"]),
        ],
    );
    let expected = [false, false, true, true, false, true];
    assert_eq!(enabled(&document), expected);
}

#[test]
fn the_stronger_of_two_overrides_wins_when_the_segment_matches_the_second_time() {
    let mut document = document(&["a", "f", "h", "x"]);
    document["feature_states"][2]["enabled"] = json!(true);
    let mut twice = segment(&["f", "f"], "ALL", &["h"]);
    twice["feature_states"][1]["enabled"] = json!(false);
    add_segments(
        &mut document,
        [
            segment(&["x"], "ALL", &["f"]),
            twice,
            segment(&["h"], "ALL", &["a"]),
            segment(&["a"], "ALL", &["a"]),
        ],
    );
    assert_eq!(enabled(&document), [false, true, true, false]);
}

#[test]
fn conditions_see_the_variant_that_an_identity_override_allots() {
    let option = |id: u32, share: u32| {
        json!({
            "id": id, "percentage_allocation": share,
            "multivariate_feature_option": {"value": "same", "key": format!("key-{id}")},
        })
    };
    let mut document = document(&["a", "b"]);
    let mut state = document["feature_states"][0].clone();
    document["feature_states"][0]["feature_state_value"] = json!("same");
    state["feature_state_value"] = json!("own");
    state["multivariate_feature_state_values"] = json!([option(1, 0), option(2, 100)]);
    let features = json!([state]);
    document["identity_overrides"] = json!([{"identifier": "u", "identity_features": features}]);
    let condition =
        json!({"property_": "$.flags.a.variant", "operator": "EQUAL", "value": "key-2"});
    let mut segment = segment(&["b"], "ALL", &[]);
    segment["rules"][0]["conditions"] = json!([condition]);
    add_segments(&mut document, [segment]);
    // The answers may be without variants: the same flag for `u` and `v`, which conditions still tell apart.
    for official_proxy_fields_only in [false, true] {
        let options = CompileOptions {
            official_proxy_fields_only,
            ..CompileOptions::default()
        };
        let proxy = Proxy::with(&document, options);
        for (identifier, enabled) in [("u", true), ("v", false)] {
            let answer = proxy.identity(&json!({"identifier": identifier, "traits": []}));
            assert_eq!(answer["flags"][0]["feature_state_value"], "same");
            assert_eq!(answer["flags"][1]["enabled"], enabled, "{identifier}");
        }
        // An answer without variants lists `a` as the environment default.
        let list = proxy.list(Side::Server, r#"{"identifier":"u","traits":[]}"#);
        let choices = if official_proxy_fields_only { 1 } else { 2 };
        assert_eq!(list.choices.len(), choices);
    }
}

/// Whether each flag is on, for an identity without traits.
fn enabled(document: &Value) -> Vec<bool> {
    let answer = Proxy::new(document).identity(&json!({"identifier": "u", "traits": []}));
    let flags = answer["flags"].as_array().expect("a list").iter();
    let enabled = flags.map(|flag| flag["enabled"].as_bool().expect("a boolean"));
    enabled.collect()
}

/// A document of features that are off, without segments.
fn document(names: &[&str]) -> Value {
    let states: Vec<Value> = names
        .iter()
        .map(|name| feature_state(name, false))
        .collect();
    json!({"api_key": "key", "name": "environment", "feature_states": states, "project": {"segments": []}})
}

fn feature_state(name: &str, enabled: bool) -> Value {
    json!({
        "feature": {"id": 1, "name": name}, "enabled": enabled, "feature_state_value": null, "django_id": 1,
    })
}

fn add_segments(document: &mut Value, new: impl IntoIterator<Item = Value>) {
    let segments = document["project"]["segments"].as_array_mut();
    let segments = segments.expect("a list");
    for mut segment in new {
        segment["id"] = json!(segments.len() + 1);
        segments.push(segment);
    }
}

/// A segment that turns features on, depending on whether other flags are on.
fn segment(overridden: &[&str], kind: &str, read: &[&str]) -> Value {
    let conditions = read.iter().map(|name| {
        let property = format!("$.flags.{name}.enabled");
        json!({"property_": property, "operator": "EQUAL", "value": "true"})
    });
    let conditions: Vec<Value> = conditions.collect();
    let states = overridden.iter().map(|name| feature_state(name, true));
    json!({
        "name": "segment", "rules": [{"type": kind, "conditions": conditions}],
        "feature_states": states.collect::<Vec<_>>(),
    })
}
