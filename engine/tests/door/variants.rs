//! The variant of each flag of an identity, metadata, and the shares of identity overrides.

use engine::{CompileOptions, Side, compile_with};
use serde_json::{Value, json};

use crate::proxy::{Proxy, archive};

#[test]
fn a_flag_of_an_identity_names_the_option_that_its_bucket_chose() {
    let proxy = Proxy::new(&document());
    // The bucket of ("20", "key_a") is 1.3, that of ("20", "key_b") is 40.3 and that of ("20", "key_c") is 86.5.
    for (identifier, value, variant) in [
        ("a", json!("first"), json!("key-a")),
        ("b", json!("second"), json!(null)),
        ("c", json!("own"), json!("control")),
    ] {
        let flag = flag(&proxy, identifier, "split");
        assert_eq!(flag["feature_state_value"], value, "{identifier}");
        assert_eq!(flag["variant"], variant, "{identifier}");
        let last = flag.as_object().and_then(|flag| flag.keys().next_back());
        assert_eq!(last.map(String::as_str), Some("variant"));
        assert_eq!(
            self::flag(&proxy, identifier, "plain")["variant"],
            json!(null)
        );
        assert_eq!(
            self::flag(&proxy, identifier, "certain")["variant"],
            json!("only")
        );
    }
    let flags = json_of(proxy.environment().flags(Side::Server).body());
    for flag in flags.as_array().expect("a list") {
        assert_eq!(flag.get("variant"), None);
    }
    let split = proxy
        .environment()
        .flag(Side::Server, "split")
        .expect("a flag");
    assert_eq!(json_of(split.body()), flags[1]);
    let certain = proxy
        .environment()
        .flag(Side::Server, "certain")
        .expect("a flag");
    assert_eq!(json_of(certain.body())["feature_state_value"], json!("own"));
}

#[test]
fn metadata_is_repeated_as_it_is_unless_it_is_empty() {
    let mut document = document();
    let metadata =
        json!({"experiment": {"id": 1.0, "name": "é", "in_experiment": true}, "other": [1]});
    document["feature_states"][0]["metadata"] = metadata.clone();
    document["feature_states"][1]["metadata"] = json!({});
    let proxy = Proxy::new(&document);
    let plain = flag(&proxy, "a", "plain");
    assert_eq!(plain["metadata"].to_string(), metadata.to_string());
    assert_eq!(flag(&proxy, "a", "split").get("metadata"), None);
    let flags = json_of(proxy.environment().flags(Side::Server).body());
    assert_eq!(flags[0].get("metadata"), None);
}

#[test]
fn an_identity_override_gives_the_value_that_its_own_shares_allot() {
    for (shares, id, expected, variant) in [
        ([0, 100], json!(1), "second", json!(null)),
        ([100, 0], json!(1), "first", json!("key-a")),
        ([0, 0], json!(1), "override", json!("control")),
        // The bucket of ("30", "key_a") is 69.5 and that of ("32", "key_a") is 40.0.
        ([50, 50], json!(30), "second", json!(null)),
        ([50, 50], json!(32), "first", json!("key-a")),
        ([30, 30], json!(30), "override", json!("control")),
    ] {
        let mut document = document();
        document["identity_overrides"] = json!([{"identifier": "a", "identity_features": [
            feature_state(2, "split", id, "override", &shares),
        ]}]);
        let proxy = Proxy::new(&document);
        let found = flag(&proxy, "a", "split");
        assert_eq!(found["feature_state_value"], json!(expected), "{shares:?}");
        assert_eq!(found["variant"], variant, "{shares:?}");
        assert_eq!(
            flag(&proxy, "c", "split")["feature_state_value"],
            json!("own")
        );
    }
}

#[test]
fn the_key_of_an_identity_override_may_be_its_uuid() {
    let uuid = "00000000-0000-0000-0000-00000000000f";
    let mut document = document();
    let mut state = feature_state(2, "split", json!(null), "override", &[20, 60]);
    state["featurestate_uuid"] = json!(uuid);
    document["identity_overrides"] = json!([{"identifier": "a", "identity_features": [state]}]);
    // The bucket of (uuid, "key_a") is 90.9.
    assert_eq!(
        flag(&Proxy::new(&document), "a", "split")["variant"],
        json!("control")
    );
}

#[test]
fn the_official_proxys_members_are_all_if_the_operator_says_so() {
    let mut document = document();
    document["feature_states"][0]["metadata"] = json!({"a": 1});
    document["identity_overrides"] = json!([{"identifier": "a", "identity_features": [
        feature_state(2, "split", json!(1), "override", &[100, 0]),
    ]}]);
    let options = CompileOptions {
        official_proxy_fields_only: true,
        ..CompileOptions::default()
    };
    let both = Proxy::new(&document);
    let official = Proxy::with(&document, options);
    assert_eq!(official.environment().options(), options);
    assert_eq!(both.environment().options(), CompileOptions::default());
    for identifier in ["a", "b", "c"] {
        let mut expected = both.identity(&json!({ "identifier": identifier }));
        for flag in expected["flags"].as_array_mut().expect("a list") {
            let members = flag.as_object_mut().expect("a flag");
            members.shift_remove("variant").expect("a variant");
            members.shift_remove("metadata");
        }
        let found = official.identity(&json!({ "identifier": identifier }));
        assert_eq!(found.to_string(), expected.to_string());
    }
    let compiled = compile_with(&document.to_string().into(), options).expect("a document");
    assert_ne!(archive(&compiled.environment)[..], both.archive[..]);
}

/// The flag of a feature for an identity without traits.
fn flag(proxy: &Proxy, identifier: &str, feature: &str) -> Value {
    let answer = proxy.identity(&json!({ "identifier": identifier }));
    let mut flags = answer["flags"].as_array().expect("a list").iter();
    let flag = flags.find(|flag| flag["feature"]["name"] == feature);
    flag.expect("a flag").clone()
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

fn document() -> Value {
    json!({
        "api_key": "key", "name": "environment", "project": {"segments": []},
        "feature_states": [
            {
                "feature": {"id": 1, "name": "plain"}, "enabled": true, "feature_state_value": "value",
                "django_id": 10,
            },
            feature_state(2, "split", json!(20), "own", &[30, 40]),
            {
                "feature": {"id": 3, "name": "certain", "type": "MULTIVARIATE"}, "enabled": true,
                "feature_state_value": "own", "django_id": 40, "multivariate_feature_state_values": [{
                    "id": 1, "percentage_allocation": 100.0,
                    "multivariate_feature_option": {"value": "all", "key": "only"},
                }],
            },
        ],
    })
}

/// A feature state with two multivariate values, of which one has a key.
fn feature_state(feature: u32, name: &str, id: Value, value: &str, shares: &[u32; 2]) -> Value {
    json!({
        "feature": {"id": feature, "name": name, "type": "MULTIVARIATE"}, "enabled": true,
        "feature_state_value": value, "django_id": id, "multivariate_feature_state_values": [
            {
                "id": 2, "percentage_allocation": shares[1],
                "multivariate_feature_option": {"value": "second", "key": null},
            },
            {
                "id": 1, "percentage_allocation": shares[0],
                "multivariate_feature_option": {"value": "first", "key": "key-a"},
            },
        ],
    })
}
