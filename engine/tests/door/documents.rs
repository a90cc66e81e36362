//! Which documents are refused and with which error; which members may be missing.

use engine::compile;
use serde_json::{Value, json};

/// Members that must be there, as JSON pointers into [`document`], and the type that they must have. An empty type
/// means any type.
const REQUIRED: [(&str, &str); 27] = [
    ("/api_key", "a string"),
    ("/feature_states/1/feature", "an object"),
    ("/feature_states/1/feature/id", ""),
    ("/feature_states/1/feature/name", "a string"),
    ("/feature_states/1/enabled", ""),
    ("/feature_states/0/featurestate_uuid", "a string"),
    (
        "/feature_states/1/multivariate_feature_state_values/1/multivariate_feature_option",
        "an object",
    ),
    (
        "/feature_states/1/multivariate_feature_state_values/1/multivariate_feature_option/value",
        "",
    ),
    (
        "/feature_states/1/multivariate_feature_state_values/1/percentage_allocation",
        "a number",
    ),
    (
        "/feature_states/1/multivariate_feature_state_values/1/mv_fs_value_uuid",
        "a string",
    ),
    ("/project", "an object"),
    ("/project/segments/3", "an object"),
    ("/project/segments/3/id", ""),
    ("/project/segments/3/name", ""),
    ("/project/segments/3/rules/0/type", ""),
    ("/project/segments/3/rules/0/conditions/0/operator", ""),
    ("/project/segments/3/rules/0/rules/1/type", ""),
    (
        "/project/segments/3/rules/0/rules/1/conditions/0/operator",
        "",
    ),
    ("/project/segments/3/feature_states/0/feature", "an object"),
    (
        "/project/segments/3/feature_states/0/feature/name",
        "a string",
    ),
    ("/project/segments/3/feature_states/0/enabled", ""),
    (
        "/project/segments/3/feature_states/0/featurestate_uuid",
        "a string",
    ),
    ("/identity_overrides/2/identifier", "a string"),
    (
        "/identity_overrides/2/identity_features/0/feature",
        "an object",
    ),
    ("/identity_overrides/2/identity_features/0/feature/id", ""),
    ("/identity_overrides/2/identity_features/0/enabled", ""),
    (
        "/identity_overrides/2/identity_features/0/featurestate_uuid",
        "a string",
    ),
];

/// Members that may be missing, and the type that they must have when they are there.
const OPTIONAL: [(&str, &str); 25] = [
    ("/identity_overrides", "a list"),
    ("/updated_at", ""),
    ("/hide_disabled_flags", ""),
    ("/project/hide_disabled_flags", ""),
    ("/project/server_key_only_feature_ids", "a list"),
    ("/project/segments/3/feature_states", "a list"),
    ("/project/segments/3/rules/0/conditions", "a list"),
    ("/project/segments/3/rules/0/rules", "a list"),
    (
        "/project/segments/3/rules/0/conditions/0/property_",
        "a string",
    ),
    ("/project/segments/3/feature_states/0/feature_segment", ""),
    ("/feature_states/0/django_id", ""),
    ("/feature_states/1/feature/type", ""),
    (
        "/feature_states/1/multivariate_feature_state_values",
        "a list",
    ),
    (
        "/feature_states/1/multivariate_feature_state_values/1/id",
        "an integer",
    ),
    ("/project/segments/3/feature_states/0/django_id", ""),
    ("/name", "a string"),
    ("/feature_states", "a list"),
    ("/feature_states/1/feature_state_value", ""),
    ("/feature_states/1/metadata", ""),
    (
        "/feature_states/1/multivariate_feature_state_values/1/multivariate_feature_option/key",
        "",
    ),
    ("/project/segments", "a list"),
    ("/project/segments/3/rules", "a list"),
    ("/project/segments/3/rules/0/conditions/0/value", ""),
    (
        "/project/segments/3/feature_states/0/feature_segment/priority",
        "a number",
    ),
    ("/identity_overrides/2/identity_features", "a list"),
];

/// Members for which null is not the same as missing.
const NOT_NULL: [&str; 6] = [
    "/feature_states",
    "/project/segments",
    "/project/segments/3/rules",
    "/project/segments/3/rules/0/conditions",
    "/project/segments/3/rules/0/rules",
    "/identity_overrides/2/identity_features",
];

#[test]
fn names_each_member_that_is_missing() {
    for (pointer, _) in REQUIRED {
        let mut changed = document();
        if remove(&mut changed, pointer) {
            let expected = format!("{}: missing", place(pointer));
            assert_eq!(refusal(&changed), Some(expected));
        }
    }
    let mut changed = document();
    remove(&mut changed, "/project/segments/3/rules/0/type");
    assert_eq!(
        refusal(&changed).as_deref(),
        Some("project.segments[3].rules[0].type: missing")
    );
}

#[test]
fn names_each_member_of_another_type() {
    let optional = OPTIONAL.map(|(pointer, expected)| match NOT_NULL.contains(&pointer) {
        true => (pointer, expected.to_owned()),
        false => (pointer, format!("{expected} or null")),
    });
    let required = REQUIRED.map(|(pointer, expected)| (pointer, expected.to_owned()));
    let rows = required.iter().chain(&optional);
    for (pointer, expected) in rows.filter(|(_, expected)| expected.starts_with('a')) {
        for (value, found) in [
            (json!(null), "null"),
            (json!(true), "a boolean"),
            (json!(7), "an integer"),
            (json!(7.5), "a number"),
            (json!("text"), "a string"),
            (json!([7]), "a list"),
            (json!({"member": 7}), "an object"),
        ] {
            let mut changed = document();
            *changed.pointer_mut(pointer).expect(pointer) = value;
            let fits = match expected.trim_end_matches(" or null") {
                _ if found == "null" && expected.ends_with(" or null") => true,
                "a number" => ["a boolean", "an integer", "a number"].contains(&found),
                expected => expected == found,
            };
            let expected = expected.trim_end_matches(" or null");
            let message = format!("{}: expected {expected}, found {found}", place(pointer));
            // A value of the right type may still be refused for members that it lacks.
            assert_eq!(
                refusal(&changed) == Some(message.clone()),
                !fits,
                "{message}"
            );
        }
    }
}

#[test]
fn does_without_optional_members() {
    for (pointer, _) in OPTIONAL {
        let mut changed = document();
        if !NOT_NULL.contains(&pointer) {
            *changed.pointer_mut(pointer).expect(pointer) = Value::Null;
            assert_eq!(refusal(&changed), None, "{pointer} is null");
        }
        assert!(remove(&mut changed, pointer));
        assert_eq!(refusal(&changed), None, "without {pointer}");
    }
}

#[test]
fn says_what_is_wrong_with_a_member() {
    let variant = "/feature_states/1/multivariate_feature_state_values/1";
    let uuid = format!("{}.mv_fs_value_uuid: expected a UUID", place(variant));
    for (pointer, value, expected) in [
        (
            format!("{variant}/mv_fs_value_uuid"),
            json!("not one"),
            uuid.as_str(),
        ),
        (
            "/feature_states/1".to_owned(),
            json!(5),
            "feature_states[1]: expected an object, found an integer",
        ),
        (
            "/identity_overrides/2".to_owned(),
            json!(null),
            "identity_overrides[2]: expected an object, found null",
        ),
        (
            "/project/segments/3/rules/0/rules/1/conditions/0".to_owned(),
            json!([]),
            "project.segments[3].rules[0].rules[1].conditions[0]: expected an object, found a list",
        ),
    ] {
        let mut changed = document();
        *changed.pointer_mut(&pointer).expect(&pointer) = value;
        assert_eq!(refusal(&changed).as_deref(), Some(expected));
    }
    // The key of a feature state matters only if there are several values.
    let mut changed = document();
    let state = &mut changed["feature_states"][0];
    state["multivariate_feature_state_values"] = json!([]);
    remove(state, "/featurestate_uuid");
    assert_eq!(refusal(&changed), None);
    // An identity override without feature states needs no identifier.
    let mut changed = document();
    changed["identity_overrides"][2] = json!({"identity_features": []});
    assert_eq!(refusal(&changed), None);
}

#[test]
fn says_where_text_is_no_document() {
    for (text, expected) in [
        (&b"[]"[..], "document: expected an object, found a list"),
        (b"", "document: not JSON at byte 0: Expecting value"),
        (
            b"{\"api_key\":NaN}",
            "document: not JSON at byte 11: Expecting value",
        ),
        (
            b"{\"a\":1",
            "document: not JSON at byte 6: Expecting ',' delimiter",
        ),
        (b"{\"a\":\"\xff\"}", "document: not UTF-8 at byte 6"),
    ] {
        assert_eq!(compile(text).expect_err("a refusal").to_string(), expected);
    }
}

/// The error of a document that is refused.
fn refusal(document: &Value) -> Option<String> {
    let compiled = compile(document.to_string().as_bytes());
    compiled.err().map(|error| error.to_string())
}

/// Removes the member. Returns `false` when the pointer names an element of a list instead.
fn remove(document: &mut Value, pointer: &str) -> bool {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).expect(pointer);
    let members = parent.as_object_mut();
    members.is_some_and(|members| members.shift_remove(name).is_some())
}

/// A pointer as errors write it: `/a/3/b` becomes `a[3].b`.
fn place(pointer: &str) -> String {
    let mut place = String::new();
    for step in pointer[1..].split('/') {
        match step.parse::<usize>() {
            Ok(index) => place.push_str(&format!("[{index}]")),
            Err(_) if place.is_empty() => place.push_str(step),
            Err(_) => place.push_str(&format!(".{step}")),
        }
    }
    place
}

/// A document with every member that the engine reads.
fn document() -> Value {
    let uuid = "00000000-0000-0000-0000-00000000000f";
    let variant = json!({
        "id": null, "mv_fs_value_uuid": uuid, "percentage_allocation": 10.0,
        "multivariate_feature_option": {"value": "blue", "key": "b"},
    });
    let feature_state = json!({
        "feature": {"id": 1, "name": "colour", "type": "MULTIVARIATE"}, "enabled": true,
        "feature_state_value": "red", "django_id": null, "featurestate_uuid": uuid,
        "feature_segment": {"id": 1, "priority": 1}, "metadata": {"experiment": {"id": 1}},
        "multivariate_feature_state_values": [variant, variant],
    });
    let condition = json!({"operator": "EQUAL", "property_": "plan", "value": "free"});
    let inner = json!({"type": "ANY", "conditions": [condition], "rules": []});
    let rule = json!({"type": "ALL", "conditions": [condition], "rules": [inner, inner]});
    let segment =
        json!({"id": 1, "name": "all", "rules": [rule], "feature_states": [feature_state]});
    let identity_override = json!({"identifier": "a", "identity_features": [feature_state]});
    json!({
        "api_key": "key", "name": "environment", "updated_at": "2026-01-01T00:00:00Z", "hide_disabled_flags": null,
        "feature_states": [feature_state, feature_state],
        "identity_overrides": [identity_override, identity_override, identity_override],
        "project": {
            "hide_disabled_flags": false, "server_key_only_feature_ids": [],
            "segments": [segment, segment, segment, segment],
        },
    })
}
