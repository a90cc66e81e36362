//! What the core API does with documents and the official proxy does not.

use engine::{Side, compile};
use serde_json::{Value, json};

use crate::proxy::Proxy;

/// The production environment of the demonstration.
fn demonstration() -> Value {
    let document = testing::file("src/commands/demo/production.json");
    serde_json::from_str(&document).expect("JSON")
}

/// The value of a feature for an identity.
fn value(document: &Value, identifier: &str, feature: &str) -> Value {
    let answer = Proxy::new(document).identity(&json!({ "identifier": identifier }));
    let mut flags = answer["flags"].as_array().expect("a list").iter();
    let flag = flags.find(|flag| flag["feature"]["name"] == feature);
    flag.expect("a flag")["feature_state_value"].clone()
}

#[test]
fn an_identity_override_gives_the_value_that_was_picked_for_it() {
    let mut document = demonstration();
    let overrides = document["identity_overrides"]
        .as_array_mut()
        .expect("a list");
    let of_alice = overrides
        .iter_mut()
        .find(|entry| entry["identifier"] == "alice");
    let states = &mut of_alice.expect("alice")["identity_features"];
    let mut states = states.as_array_mut().expect("a list").iter_mut();
    let state = states.find(|state| state["feature"]["name"] == "button_colour");
    state.expect("an override")["multivariate_feature_state_values"] = json!([{
        "id": 9, "percentage_allocation": 100,
        "multivariate_feature_option": {"id": 1032, "value": "orange"},
    }]);
    assert_eq!(value(&document, "alice", "button_colour"), json!("orange"));
}

#[test]
fn members_with_a_default_in_the_api_may_be_missing() {
    let complete = demonstration();
    let mut document = complete.clone();
    document.as_object_mut().expect("an object").remove("name");
    let unnamed = Proxy::new(&document);
    assert_eq!(unnamed.environment().name(), None);
    document["name"] = Value::Null;
    assert_eq!(Proxy::new(&document).environment().name(), None);
    let flags = |proxy: &Proxy| proxy.environment().flags(Side::Server).body().to_vec();
    assert_eq!(flags(&unnamed), flags(&Proxy::new(&complete)));

    let mut document = complete;
    let project = document["project"].as_object_mut().expect("an object");
    project.remove("segments");
    let premium =
        json!({"identifier": "m", "traits": [{"trait_key": "plan", "trait_value": "premium"}]});
    let plain = json!({"identifier": "m"});
    let proxy = Proxy::new(&document);
    assert_eq!(
        proxy.identity(&premium)["flags"],
        proxy.identity(&plain)["flags"]
    );
    document["feature_states"][0]
        .as_object_mut()
        .expect("an object")
        .remove("feature_state_value");
    let name = document["feature_states"][0]["feature"]["name"]
        .as_str()
        .expect("a name");
    assert_eq!(value(&document, "m", name), Value::Null);
    document
        .as_object_mut()
        .expect("an object")
        .remove("feature_states");
    assert_eq!(
        Proxy::new(&document)
            .environment()
            .flags(Side::Server)
            .body(),
        b"[]"
    );
}

#[test]
fn a_segment_or_rule_without_its_lists_is_as_one_with_empty_ones() {
    let state = |value: &str| {
        json!({
            "feature": {"id": 1, "name": "f"}, "enabled": true, "feature_state_value": value,
        })
    };
    let with = |segment: Value| {
        let mut segment = segment;
        segment["id"] = json!(1);
        segment["name"] = json!("segment");
        segment["feature_states"] = json!([state("overridden")]);
        let document = json!({
            "api_key": "key", "feature_states": [state("default")], "project": {"segments": [segment]},
        });
        value(&document, "i", "f")
    };
    assert_eq!(with(json!({})), json!("default"));
    assert_eq!(with(json!({"rules": []})), json!("default"));
    assert_eq!(
        with(json!({"rules": [{"type": "ALL"}]})),
        json!("overridden")
    );
    let condition = json!({"operator": "IS_NOT_SET", "property_": "t"});
    let rule = json!({"type": "ALL", "conditions": [condition]});
    assert_eq!(with(json!({"rules": [rule]})), json!("overridden"));
}

#[test]
fn other_members_are_still_required() {
    let mut document = demonstration();
    document
        .as_object_mut()
        .expect("an object")
        .remove("api_key");
    let error = compile(document.to_string().as_bytes()).expect_err("a refusal");
    assert_eq!(error.to_string(), "api_key: missing");
}
