//! The document, and what clients are to find in it.

use serde_json::{Value, json};
use testing::feature_state;

/// A document whose features have values of each type, and whose segments have conditions on traits of each type.
/// `greeting` is the value of that feature for an identity in no segment.
pub(super) fn document(greeting: &str) -> String {
    let document = testing::document("test", greeting);
    let mut document: Value = serde_json::from_str(&document).expect("JSON");
    for (id, name, enabled, value) in [
        (3, "limit", true, json!(25)),
        (4, "dark_mode", true, json!(true)),
        (5, "empty", true, Value::Null),
        (6, "beta", false, json!("off")),
    ] {
        let mut state = feature_state(id, name, "", id);
        state["enabled"] = enabled.into();
        state["feature_state_value"] = value;
        push(&mut document["feature_states"], state);
    }
    for (id, name, key, operator, value) in [
        (2, "adult", "age", "GREATER_THAN_INCLUSIVE", "18"),
        (3, "near", "distance", "LESS_THAN", "1.5"),
        (4, "tester", "tester", "EQUAL", "true"),
    ] {
        let condition = json!({"operator": operator, "property_": key, "value": value});
        let greeting = format!("{name} greeting");
        let segment = json!({
            "id": id, "name": name,
            "rules": [{"type": "ALL", "rules": [], "conditions": [condition]}],
            "feature_states": [feature_state(1, "greeting", &greeting, 20 + id)],
        });
        push(&mut document["project"]["segments"], segment);
    }
    document.to_string()
}

/// The same, edited later.
pub(super) fn edited() -> String {
    document("edited").replace("2026-01-15T10:30:00.123456", "2026-01-15T10:31:00.654321")
}

fn push(list: &mut Value, element: Value) {
    list.as_array_mut().expect("a list").push(element);
}

/// What a client is to find.
pub(super) fn found(check: &str) -> Value {
    match check {
        "environment flags" => flags(),
        "identity" => json!("hello alice"),
        "transient identity" | "transient trait" | "no identifier" => json!("premium greeting"),
        "traits" => json!({
            "text": "premium greeting",
            "integer": "adult greeting",
            "decimal": "near greeting",
            "boolean": "tester greeting",
            "null": "hello",
            "others": "hello",
        }),
        "local evaluation" => {
            let mut flags = flags();
            flags["secret"] = json!([true, "server only"]);
            json!({
                "environment flags": flags,
                "identity": found("identity"),
                "traits": found("traits"),
            })
        }
        "edit" => json!("edited"),
        "values" => json!({
            "greeting": "hello", "limit": 25, "dark_mode": true, "empty": true,
            // The default in the client's code.
            "beta": "default", "secret": "default",
        }),
        "traits as Flagsmith's provider sends them" => json!("premium greeting"),
        "details" => json!({
            "value": "hello alice", "reason": "TARGETING_MATCH", "variant": null,
            "metadata": {"featureId": 1, "enabled": true},
        }),
        "unknown flag" => json!("FLAG_NOT_FOUND"),
        "server-side key" => json!("server only"),
        "Flagsmith's provider" => json!(["hello", "hello alice", "premium greeting"]),
        "what is known is not sent again" => json!(["premium greeting", [200, 304, 200]]),
        "edit, and status" => json!(["edited", "READY"]),
        "hosts asked" => json!(["127.0.0.1"]),
        "errors in the console" => json!([]),
        // What upstream receives is compared, or what follows.
        "analytics" | "events" | "stream" => Value::Null,
        other => panic!("nobody knows what {other} should find"),
    }
}

/// By name: whether the feature is enabled, and its value.
fn flags() -> Value {
    json!({
        "greeting": [true, "hello"],
        "limit": [true, 25],
        "dark_mode": [true, true],
        "empty": [true, null],
        "beta": [false, "off"],
    })
}
