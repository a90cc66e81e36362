//! An environment document that tests may change.

use serde_json::{Value, json};

/// A document with the features `greeting` and `secret`, which is server-side only. `value` is the default of
/// `greeting`; the segment `premium` (trait `plan` is `premium`) and the identity `alice` override it.
#[must_use]
pub fn document(environment: &str, value: &str) -> String {
    json!({
        "id": 1, "api_key": environment, "name": "Test", "updated_at": "2026-01-15T10:30:00.123456+00:00",
        "project": {
            "id": 1, "name": "Project", "hide_disabled_flags": false, "server_key_only_feature_ids": [2],
            "organisation": {"id": 1, "name": "Organisation", "feature_analytics": false,
                "stop_serving_flags": false, "persist_trait_data": true},
            "segments": [{
                "id": 1, "name": "premium",
                "rules": [{"type": "ALL", "rules": [], "conditions":
                    [{"operator": "EQUAL", "property_": "plan", "value": "premium"}]}],
                "feature_states": [feature_state(1, "greeting", "premium greeting", 11)]
            }]
        },
        "feature_states": [feature_state(1, "greeting", value, 1), feature_state(2, "secret", "server only", 2)],
        "identity_overrides": [{
            "identifier": "alice", "identity_uuid": "0b5e4f5c-0000-4000-8000-000000000001",
            "created_date": "2026-01-15T10:30:00.123456+00:00", "environment_api_key": environment,
            "identity_traits": [], "django_id": null,
            "identity_features": [feature_state(1, "greeting", "hello alice", 12)]
        }]
    })
    .to_string()
}

/// An enabled feature state with the id `key`, of the feature with this id and name.
#[must_use]
pub fn feature_state(id: u64, name: &str, value: &str, key: u64) -> Value {
    json!({
        "feature": {"id": id, "name": name, "type": "STANDARD"}, "enabled": true,
        "feature_state_value": value, "django_id": key, "feature_segment": null,
        "featurestate_uuid": format!("00000000-0000-4000-8000-{key:012}"),
        "multivariate_feature_state_values": []
    })
}
