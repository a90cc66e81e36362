//! What an explanation says, by small documents.

use engine::Side;
use engine::explain::{Hidden, Question, explain};
use serde_json::{Value, json};

use super::ask;
use crate::proxy::Proxy;

/// A feature state of a feature with that name.
fn state(id: u32, name: &str, value: &Value) -> Value {
    json!({
        "feature": {"id": id, "name": name}, "enabled": true, "feature_state_value": value, "django_id": id,
        "multivariate_feature_state_values": [],
    })
}

fn segment(id: u32, rules: &Value, mut states: Vec<Value>, priority: i64) -> Value {
    for state in &mut states {
        state["feature_segment"] = json!({"priority": priority});
    }
    json!({"id": id, "name": format!("s{id}"), "rules": rules, "feature_states": states})
}

fn rule(conditions: &Value) -> Value {
    json!([{"type": "ALL", "conditions": conditions, "rules": []}])
}

fn environment(states: &[Value], segments: &[Value], overrides: &Value) -> Value {
    json!({
        "api_key": "key", "name": "Production", "feature_states": states, "identity_overrides": overrides,
        "hide_disabled_flags": true,
        "project": {"segments": segments, "server_key_only_feature_ids": [9]},
    })
}

/// The explanation as JSON.
fn explained(document: &Value, side: Side, body: Option<&Value>, feature: Option<&str>) -> Value {
    let body = body.map(Value::to_string);
    let proxy = Proxy::new(document);
    let found = ask(proxy.environment(), side, body.as_deref(), feature);
    serde_json::to_value(&found).expect("JSON")
}

#[test]
fn says_what_a_segment_looked_at_and_what_it_beat() {
    let plan = json!({"property_": "plan", "operator": "EQUAL", "value": "premium"});
    let age = json!({"property_": "age", "operator": "GREATER_THAN", "value": "18"});
    let wrong = json!({"property_": "age", "operator": "REGEX", "value": "("});
    let override_of = |value: &str| vec![state(1, "f", &json!(value))];
    let document = environment(
        &[state(1, "f", &json!("default"))],
        &[
            segment(1, &rule(&json!([plan])), override_of("weak"), 5),
            segment(2, &rule(&json!([plan, age])), override_of("strong"), 1),
            segment(3, &rule(&json!([wrong])), override_of("wrong"), 0),
            segment(4, &json!([]), override_of("empty"), 0),
        ],
        &json!([]),
    );
    let body = json!({"identifier": "alice", "traits": [
        {"trait_key": "plan", "trait_value": "premium"}, {"trait_key": "age", "trait_value": "21"},
    ]});
    let found = explained(&document, Side::Client, Some(&body), None);
    let flag = &found["flags"][0];
    assert_eq!(flag["flag"]["feature_state_value"], "strong");
    assert_eq!(flag["summary"], "segment s2 matches");
    let candidates = flag["candidates"].as_array().expect("a list");
    let told: Vec<_> = candidates
        .iter()
        .map(|it| {
            (
                it["segment"].clone(),
                it["outcome"].clone(),
                it["priority"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (json!(2), json!("no_match"), json!(0)),
            (json!(3), json!("no_match"), json!(0)),
            (json!(1), json!("chosen"), json!(1)),
            (json!(0), json!("beaten"), json!(5)),
            (json!(null), json!("beaten"), json!(null)),
        ]
    );
    assert_eq!(candidates[3]["flag"]["feature_state_value"], "weak");
    let condition = &found["segments"][1]["rules"][0]["conditions"][1];
    assert_eq!(
        *condition,
        json!({
            "property": "age", "operator": "GREATER_THAN", "operand": "18", "value": 21, "holds": true,
            "bucket": null, "flag": null, "problem": null,
        })
    );
    let problem = &found["segments"][2]["rules"][0]["conditions"][0]["problem"];
    let problem = problem.as_str().expect("a problem");
    assert!(problem.starts_with("never matches: pattern"), "{problem}");
    assert_eq!(
        found["segments"][3]["problem"],
        "never matches: it has no rules"
    );
    assert_eq!(
        found["identity"]["traits"][1],
        json!({"key": "age", "value": "21"})
    );
}

#[test]
fn says_which_bucket_chose_a_variant_and_what_an_identity_override_beat() {
    let mut split = state(1, "f", &json!("own"));
    split["multivariate_feature_state_values"] = json!([
        {"id": 1, "percentage_allocation": 30, "multivariate_feature_option": {"value": "a", "key": "a"}},
        {"id": 2, "percentage_allocation": 30.5, "multivariate_feature_option": {"value": "b", "key": "b"}},
    ]);
    let own = json!([{"identifier": "bob", "identity_features": [state(1, "f", &json!("bob's"))]}]);
    let document = environment(&[split], &[], &own);
    let alice = explained(
        &document,
        Side::Client,
        Some(&json!({"identifier": "alice"})),
        None,
    );
    let candidate = &alice["flags"][0]["candidates"][0];
    assert_eq!(candidate["split"]["hash_key"], "1,key_alice");
    let allocations = &candidate["split"]["allocations"];
    let range = |number: usize| [&allocations[number]["from"], &allocations[number]["to"]];
    assert_eq!(range(1), [&json!(30.0), &json!(60.5)]);
    assert_eq!(range(2), [&Value::Null, &Value::Null]);
    let bob = explained(
        &document,
        Side::Client,
        Some(&json!({"identifier": "bob"})),
        None,
    );
    let candidates = &bob["flags"][0]["candidates"];
    assert_eq!(candidates[0]["origin"], "identity_override");
    assert_eq!(candidates[0]["outcome"], "chosen");
    assert_eq!(candidates[1]["outcome"], "beaten");
    assert_eq!(candidates[1]["split"]["hash_key"], "1,key_bob");
    // Without an identity no bucket decides.
    let nobody = explained(&document, Side::Client, None, None);
    assert_eq!(nobody["identity"], Value::Null);
    assert_eq!(nobody["flags"][0]["flag"]["feature_state_value"], "own");
    assert_eq!(nobody["flags"][0]["candidates"][0]["split"], Value::Null);
}

#[test]
fn says_why_a_flag_is_hidden_and_that_traits_are_ignored() {
    let mut disabled = state(9, "both", &Value::Null);
    disabled["enabled"] = json!(false);
    let mut off = state(2, "off", &Value::Null);
    off["enabled"] = json!(false);
    let states = [disabled, off, state(3, "shown", &Value::Null)];
    let mut document = environment(&states, &[], &json!([]));
    document["allow_client_traits"] = json!(false);
    let body = json!({"identifier": "a", "traits": [{"trait_key": "k", "trait_value": 1}]});
    let found = explained(&document, Side::Client, Some(&body), None);
    let hidden: Vec<_> = found["flags"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["hidden"])
        .collect();
    assert_eq!(
        hidden,
        [
            &json!(["server_key_only", "disabled"]),
            &json!(["disabled"]),
            &json!([])
        ]
    );
    assert_eq!(found["identity"]["traits_ignored"], true);
    assert_eq!(found["identity"]["traits"], json!([]));
    let found = explained(&document, Side::Server, Some(&body), None);
    assert_eq!(found["flags"][0]["hidden"], json!([]));
    assert_eq!(found["identity"]["traits_ignored"], false);
    assert_eq!(
        serde_json::to_value(Hidden::ServerKeyOnly).expect("JSON"),
        "server_key_only"
    );
}

#[test]
fn follows_the_flags_that_a_flag_depends_on_and_tells_of_cycles() {
    let reads = |name: &str| {
        rule(
            &json!([{"property_": format!("$.flags.{name}.enabled"), "operator": "EQUAL", "value": "true"}]),
        )
    };
    let document = environment(
        &[
            state(1, "a", &json!("off")),
            state(2, "b", &json!("off")),
            state(3, "c", &json!("off")),
            state(4, "x", &json!("off")),
            state(5, "y", &json!("off")),
        ],
        &[
            segment(1, &reads("b"), vec![state(1, "a", &json!("on"))], 0),
            segment(2, &reads("c"), vec![state(2, "b", &json!("on"))], 0),
            segment(3, &reads("y"), vec![state(4, "x", &json!("on"))], 0),
            segment(
                4,
                &rule(
                    &json!([{"property_": "$.flags.x.value", "operator": "IS_NOT_SET", "value": null}]),
                ),
                vec![state(5, "y", &json!("on"))],
                0,
            ),
        ],
        &json!([]),
    );
    let body = json!({"identifier": "alice"});
    let found = explained(&document, Side::Client, Some(&body), Some("a"));
    let names = |found: &Value| -> Vec<String> {
        let flags = found["flags"].as_array().expect("a list").iter();
        flags
            .map(|flag| flag["feature"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(&found), ["a", "b", "c"]);
    assert_eq!(found["flags"][0]["depends_on"], json!(["b"]));
    let condition = &found["segments"][0]["rules"][0]["conditions"][0];
    assert_eq!(
        (&condition["flag"], &condition["value"]),
        (&json!("b"), &json!(true))
    );

    let found = explained(&document, Side::Client, Some(&body), Some("y"));
    assert_eq!(names(&found), ["y", "x"]);
    assert_eq!(found["flags"][0]["cycle"], json!(["x", "y"]));
    // The rule holds, because a flag in a cycle is null; the segment does not match, because it was cut.
    assert_eq!(found["flags"][0]["candidates"][0]["outcome"], "cut");
    assert_eq!(found["flags"][0]["flag"]["feature_state_value"], "off");
}

#[test]
fn names_a_feature_that_does_not_exist() {
    let proxy = Proxy::new(&environment(
        &[state(1, "f", &Value::Null)],
        &[],
        &json!([]),
    ));
    let question = Question {
        side: Side::Client,
        identity: None,
        feature: Some("F"),
    };
    let error = explain(proxy.environment(), question).expect_err("no such feature");
    assert_eq!(error.to_string(), "feature \"F\" not found");
}
