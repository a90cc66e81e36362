//! OFREP: the flags of an identity, with the reason of each.

use engine::{
    CompileOptions, ContextError, OfrepMemory, Patterns, Side, entity_tag, evaluate_for_ofrep,
    read_context,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::generate::{dependent_documents, documents, requests};
use crate::obvious::{Request, Trait};
use crate::properties;
use crate::proxy::Proxy;

/// An answer with all flags, and each flag alone.
struct Answer {
    flags: Vec<Value>,
    version: Value,
    /// By name, as the answer for one flag has it.
    alone: Vec<(String, Option<Value>)>,
    tag: String,
}

impl Answer {
    /// The flag of that key.
    fn flag(&self, key: &str) -> Option<&Value> {
        self.flags.iter().find(|flag| flag["key"] == key)
    }

    /// Its value and its reason; `null` for no value.
    fn outcome(&self, key: &str) -> (Value, String) {
        let flag = self.flag(key).expect("a flag");
        let reason = flag["reason"].as_str().expect("a reason");
        (flag["value"].clone(), reason.to_owned())
    }
}

fn ask(proxy: &Proxy, side: Side, body: &str) -> Answer {
    let environment = proxy.environment();
    let context = read_context(body.as_bytes());
    let context = context.unwrap_or_else(|error| panic!("{error:?} for {body}"));
    let context = match environment.allows_traits(side) {
        true => context,
        false => context.without_traits(),
    };
    let identity = context.into_identity();
    let (patterns, mut memory) = (Patterns::new(environment), OfrepMemory::default());
    let tag = entity_tag(environment, side, identity.as_ref());
    let answer = evaluate_for_ofrep(environment, &patterns, side, identity.as_ref(), &mut memory);
    let mut out = Vec::new();
    answer.write_all(&mut out);
    out.push(b'}');
    let all: Value = serde_json::from_slice(&out).expect("JSON");
    let alone = ["f0", "f1", "f2", "f3", "é", "unknown"].map(|name| {
        let mut out = Vec::new();
        let found = answer.write_one(name, &mut out);
        let flag = found.then(|| serde_json::from_slice(&out).expect("JSON"));
        (name.to_owned(), flag)
    });
    Answer {
        flags: all["flags"].as_array().expect("a list").clone(),
        version: all["metadata"]["version"].clone(),
        alone: alone.into(),
        tag,
    }
}

/// The body of a request for an identity of an identities request, with its traits in either place.
fn body(request: &Request, is_nested: bool) -> String {
    let mut members: Vec<(String, String)> = Vec::new();
    for (name, value) in &request.traits {
        let value = match value {
            Trait::Float(float) if float.is_nan() => "NaN".to_owned(),
            Trait::Float(float) if float.is_infinite() => "Infinity".to_owned(),
            value => value.json(),
        };
        let name = name.trim().to_owned();
        // The last value counts, in the first one's place: JSONPath queries see that.
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => members.push((name, value)),
        }
    }
    let members = members
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", json!(name)));
    let members = members.collect::<Vec<_>>().join(",");
    let traits = match (is_nested, members.is_empty()) {
        (_, true) => String::new(),
        (true, false) => format!(r#","traits":{{{members}}}"#),
        (false, false) => format!(",{members}"),
    };
    let identifier = json!(request.identifier);
    format!(r#"{{"context":{{"targetingKey":{identifier}{traits}}}}}"#)
}

/// What OFREP says of a flag of an identities answer, but for its reason.
fn translated(flag: &Value, values_of_disabled: bool) -> Value {
    let enabled = flag["enabled"] == true || flag["enabled"] == 1;
    let mut members = Map::new();
    members.insert("key".to_owned(), flag["feature"]["name"].clone());
    members.insert(
        "metadata".to_owned(),
        json!({"featureId": flag["feature"]["id"], "enabled": enabled}),
    );
    match &flag["feature_state_value"] {
        Value::Null => drop(members.insert("value".to_owned(), enabled.into())),
        value if enabled || values_of_disabled => {
            members.insert("value".to_owned(), value.clone());
        }
        _ => {}
    }
    members.insert("variant".to_owned(), flag["variant"].clone());
    members.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300 * u32::try_from(testing::scale()).expect("a scale")))]

    /// With `TEST_SCALE=350`, a hundred thousand documents and contexts.
    #[test]
    fn values_are_those_of_identities_answers(
        document in prop_oneof![documents(), dependent_documents()],
        request in requests(),
        is_nested in any::<bool>(),
        ofrep_values_of_disabled in any::<bool>(),
    ) {
        let options = CompileOptions { ofrep_values_of_disabled, ..CompileOptions::default() };
        let proxy = Proxy::with(&document, options);
        let is_named = request.identifier.as_deref().is_some_and(|identifier| !identifier.trim().is_empty());
        let body = match is_named {
            true => body(&request, is_nested),
            false => r#"{"context":{}}"#.to_owned(),
        };
        for side in [Side::Client, Side::Server] {
            let answer = ask(&proxy, side, &body);
            let flags: Value = match is_named {
                true => {
                    let list = proxy.list(side, &properties::body(&request)).json;
                    serde_json::from_str(&list).expect("flags")
                }
                false => serde_json::from_slice(proxy.environment().flags(side).body()).expect("flags"),
            };
            let expected = flags.as_array().expect("a list").iter();
            let expected: Vec<Value> = expected.map(|flag| translated(flag, ofrep_values_of_disabled)).collect();
            let mut found = answer.flags.clone();
            for flag in &mut found {
                let reason = flag.as_object_mut().expect("a flag").shift_remove("reason").expect("a reason");
                let is_enabled = flag["metadata"]["enabled"] == true;
                prop_assert_eq!(reason == "DISABLED", !is_enabled);
                if let Some(metadata) = flag["metadata"].as_object_mut() {
                    let error = metadata.shift_remove("error");
                    prop_assert_eq!(error.is_some() && is_enabled, reason == "UNKNOWN");
                }
            }
            prop_assert_eq!(found, expected, "{}", body);
            for (name, alone) in &answer.alone {
                prop_assert_eq!(alone.as_ref(), answer.flag(name), "{}", name);
            }
        }
    }
}

#[test]
fn a_reason_says_who_gave_a_flag_its_value() {
    let proxy = Proxy::new(&document());
    // The buckets of ("20", "key_a"), ("20", "key_b") and ("20", "key_c") are 1.3, 40.3 and 86.5.
    for (context, key, value, reason) in [
        (
            json!({"targetingKey": "a"}),
            "plain",
            json!("default"),
            "STATIC",
        ),
        (json!({}), "plain", json!("default"), "STATIC"),
        (
            json!({"targetingKey": "a", "plan": "premium"}),
            "plain",
            json!("of premium"),
            "TARGETING_MATCH",
        ),
        (
            json!({"plan": "premium"}),
            "plain",
            json!("default"),
            "STATIC",
        ),
        (
            json!({"targetingKey": "alice"}),
            "plain",
            json!("of alice"),
            "TARGETING_MATCH",
        ),
        (
            json!({"targetingKey": "a"}),
            "split",
            json!("first"),
            "SPLIT",
        ),
        (
            json!({"targetingKey": "c"}),
            "split",
            json!("own"),
            "STATIC",
        ),
        (json!({}), "split", json!("own"), "STATIC"),
        (
            json!({"targetingKey": "a", "plan": "premium"}),
            "split",
            json!("all"),
            "SPLIT",
        ),
        (
            json!({"targetingKey": "a"}),
            "switch",
            json!(true),
            "STATIC",
        ),
        (
            json!({"targetingKey": "a"}),
            "off",
            json!(false),
            "DISABLED",
        ),
        (
            json!({"targetingKey": "a"}),
            "off with value",
            json!(null),
            "DISABLED",
        ),
        (json!({}), "off with value", json!(null), "DISABLED"),
    ] {
        let body = json!({ "context": context }).to_string();
        let answer = ask(&proxy, Side::Server, &body);
        let expected = (value, reason.to_owned());
        assert_eq!(answer.outcome(key), expected, "{context} {key}");
        assert_eq!(answer.version, "2026-01-15T10:30:00Z");
    }
    let answer = ask(&proxy, Side::Server, r#"{"context":{"targetingKey":"a"}}"#);
    assert_eq!(answer.flag("split").expect("a flag")["variant"], "key-a");
    let off = answer.flag("off with value").expect("a flag");
    assert_eq!(off.get("value"), None);
}

#[test]
fn hidden_flags_are_as_if_they_were_not_there() {
    let proxy = Proxy::new(&document());
    for context in ["{}", r#"{"targetingKey":"alice"}"#] {
        let body = format!(r#"{{"context":{context}}}"#);
        let seen = |side| ask(&proxy, side, &body).flag("secret").is_some();
        assert_eq!((seen(Side::Server), seen(Side::Client)), (true, false));
    }
}

#[test]
fn environment_segments_count_where_the_operator_says_so() {
    let mut document = document();
    document["project"]["segments"][0]["rules"] = json!([{"type": "ALL", "conditions": [
        {"property_": "$.environment.name", "operator": "EQUAL", "value": "Production"},
    ]}]);
    let options = CompileOptions {
        apply_environment_segments: true,
        ..CompileOptions::default()
    };
    let answer = ask(
        &Proxy::with(&document, options),
        Side::Server,
        r#"{"context":{}}"#,
    );
    let expected = (json!("of premium"), "TARGETING_MATCH".to_owned());
    assert_eq!(answer.outcome("plain"), expected);
    let expected = (json!(true), "STATIC".to_owned());
    assert_eq!(answer.outcome("switch"), expected);
}

#[test]
fn a_tag_depends_on_all_that_an_answer_depends_on_and_on_nothing_else() {
    let proxy = Proxy::new(&document());
    let tag = |body: &str| ask(&proxy, Side::Server, body).tag;
    let usual = r#"{"context":{"targetingKey":"a","x":1,"y":1.50,"z":"t"}}"#;
    for same in [
        r#"{"context":{"z":"t","y":15e-1,"x":1,"targetingKey":"a"}}"#,
        r#" {"other":2,"context":{"targetingKey":"a","traits":{"x":1,"z":"\u0074"},"y":1.5,"v":[]}}"#,
    ] {
        assert_eq!(tag(same), tag(usual), "{same}");
    }
    let others = [
        r#"{"context":{}}"#,
        r#"{"context":{"targetingKey":"a"}}"#,
        r#"{"context":{"targetingKey":"ax","":1}}"#,
        r#"{"context":{"targetingKey":"a","x":1}}"#,
        r#"{"context":{"targetingKey":"a","x":1.0}}"#,
        r#"{"context":{"targetingKey":"a","x":"1"}}"#,
        r#"{"context":{"targetingKey":"a","x":true}}"#,
        r#"{"context":{"targetingKey":"a","x":18446744073709551616}}"#,
        r#"{"context":{"targetingKey":"b","x":1}}"#,
        usual,
    ];
    let mut tags: Vec<String> = others.map(tag).into();
    tags.push(ask(&proxy, Side::Client, usual).tag);
    let mut edited = document();
    edited["feature_states"][0]["feature_state_value"] = json!("other");
    tags.push(ask(&Proxy::new(&edited), Side::Server, usual).tag);
    let options = CompileOptions {
        ofrep_values_of_disabled: true,
        ..CompileOptions::default()
    };
    tags.push(ask(&Proxy::with(&document(), options), Side::Server, usual).tag);
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count);
    // Without a targeting key traits do not count.
    assert_eq!(tag(r#"{"context":{"x":1}}"#), tag(r#"{"context":{}}"#));
}

#[test]
fn a_body_without_a_context_is_refused() {
    let refused = |body: &str| read_context(body.as_bytes()).expect_err("an error");
    let missing = ContextError::Invalid("context: missing".to_owned());
    assert_eq!(refused(r#"{"Context":{}}"#), missing);
    assert!(matches!(refused("{"), ContextError::Unparsable(_)));
}

fn document() -> Value {
    let state = |id: u32, name: &str, enabled: bool, value: Value| {
        json!({
            "feature": {"id": id, "name": name}, "enabled": enabled, "feature_state_value": value,
            "django_id": 10 * id, "multivariate_feature_state_values": [],
        })
    };
    let shares = |mut state: Value, shares: [u32; 2]| {
        state["multivariate_feature_state_values"] = json!([
            {
                "id": 1, "percentage_allocation": shares[0],
                "multivariate_feature_option": {"value": "first", "key": "key-a"},
            },
            {
                "id": 2, "percentage_allocation": shares[1],
                "multivariate_feature_option": {"value": "all", "key": "key-b"},
            },
        ]);
        state
    };
    json!({
        "api_key": "key", "name": "Production", "updated_at": "2026-01-15T10:30:00Z",
        "project": {
            "server_key_only_feature_ids": [6],
            "segments": [{
                "id": 1, "name": "premium", "rules": [{"type": "ALL", "conditions": [
                    {"property_": "plan", "operator": "EQUAL", "value": "premium"},
                ]}],
                "feature_states": [
                    state(1, "plain", true, json!("of premium")),
                    shares(state(2, "split", true, json!("own of premium")), [0, 100]),
                ],
            }],
        },
        "feature_states": [
            state(1, "plain", true, json!("default")),
            shares(state(2, "split", true, json!("own")), [30, 0]),
            state(3, "switch", true, json!(null)),
            state(4, "off", false, json!(null)),
            state(5, "off with value", false, json!("x")),
            state(6, "secret", true, json!("hidden")),
        ],
        "identity_overrides": [{"identifier": "alice", "identity_features": [
            state(1, "plain", true, json!("of alice")),
            state(6, "secret", true, json!("of alice")),
        ]}],
    })
}
