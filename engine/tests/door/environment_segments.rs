//! Flags without an identity, with the segments that ask for none.

use engine::{CompileOptions, Side};
use serde_json::{Value, json};
use testing::Golden;

use crate::proxy::Proxy;

const OPTIONS: CompileOptions = CompileOptions {
    official_proxy_fields_only: false,
    apply_environment_segments: true,
    ofrep_values_of_disabled: false,
};

/// The environment `Production` with the features `a` and `secret`, and a segment for each list of rules. Each segment
/// overrides `a` with its number, and the later ones are stronger.
fn document(segments: &[Value]) -> Value {
    let segments = segments.iter().enumerate().map(|(number, rules)| {
        let mut state = state(1, "a", &json!(number));
        state["feature_segment"] =
            json!({"priority": -(i64::try_from(number).expect("a small number"))});
        json!({"id": number, "name": "segment", "rules": rules, "feature_states": [state]})
    });
    json!({
        "api_key": "key", "name": "Production",
        "feature_states": [state(1, "a", &json!("default")), state(2, "secret", &json!("hidden"))],
        "identity_overrides": [{"identifier": "", "identity_features": [state(1, "a", &json!("identity"))]}],
        "project": {"segments": segments.collect::<Vec<_>>(), "server_key_only_feature_ids": [2]},
    })
}

/// The recorded answers apply every segment, so those without segments that ask for an identity are compared.
#[test]
fn applies_segments_on_flags_as_recorded() {
    let asks_for_identity = |line: &str| {
        let properties = line.split(r#""property_":"#).skip(1);
        let mut properties = properties.map(|rest| rest.trim_start());
        properties.any(|property| {
            !property.starts_with(r#""$.flags"#) && !property.starts_with(r#""$.environment"#)
        })
    };
    let mut others = 0;
    for case in &Golden::flag_dependencies().cases {
        let document = serde_json::from_str(case.document.get()).expect("a document");
        if asks_for_identity(case.document.get()) {
            continue;
        }
        let without = Proxy::new(&document);
        let with = Proxy::with(&document, OPTIONS);
        for request in case
            .requests
            .iter()
            .filter(|request| request.endpoint == "flags")
        {
            let side = if request.server_key {
                Side::Server
            } else {
                Side::Client
            };
            let found = with.environment().flags(side).body();
            let expected = request.response_with_segments().to_string();
            assert_eq!(String::from_utf8_lossy(found), expected, "{document}");
            others += usize::from(found != without.environment().flags(side).body());
        }
    }
    assert_eq!(others, 49);
}

fn state(id: u32, name: &str, value: &Value) -> Value {
    json!({"feature": {"id": id, "name": name}, "enabled": true, "feature_state_value": value})
}

fn all(conditions: &Value) -> Value {
    json!([{"type": "ALL", "conditions": conditions}])
}

fn condition(property: &str, operator: &str, value: &str) -> Value {
    json!({"property_": property, "operator": operator, "value": value})
}

/// The value of `a` without an identity.
fn value(document: &Value, options: CompileOptions) -> Value {
    let proxy = Proxy::with(document, options);
    let environment = proxy.environment();
    let read = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("JSON");
    let server = read(environment.flags(Side::Server).body());
    let client = read(environment.flags(Side::Client).body());
    assert_eq!(server.as_array().map(Vec::len), Some(2));
    assert_eq!(client, json!([server[0]]));
    for side in [Side::Server, Side::Client] {
        let flag = environment.flag(side, "a").expect("a flag");
        assert_eq!(read(flag.body()), server[0]);
    }
    assert!(environment.flag(Side::Client, "secret").is_none());
    assert_eq!(server[0].get("variant"), None);
    server[0]["feature_state_value"].clone()
}

#[test]
fn segments_on_the_environment_apply_if_the_operator_says_so() {
    let document = document(&[all(&json!([condition(
        "$.environment.name",
        "EQUAL",
        "Production"
    )]))]);
    assert_eq!(value(&document, OPTIONS), json!(0));
    assert_eq!(
        value(&document, CompileOptions::default()),
        json!("default")
    );
    let identity = |options| Proxy::with(&document, options).identity(&json!({"identifier": "i"}));
    assert_eq!(identity(OPTIONS), identity(CompileOptions::default()));
}

#[test]
fn segments_that_ask_for_an_identity_do_not_apply() {
    let environment = condition("$.environment.name", "EQUAL", "Production");
    for rules in [
        all(&json!([condition("plan", "IS_NOT_SET", "")])),
        all(&json!([condition(
            "$.identity.identifier",
            "NOT_EQUAL",
            "user"
        )])),
        all(&json!([condition("", "PERCENTAGE_SPLIT", "100")])),
        all(&json!([environment, condition("plan", "IS_NOT_SET", "")])),
        all(&json!([condition("$.features.a.enabled", "EQUAL", "true")])),
        all(&json!([condition("$.environments", "IS_NOT_SET", "")])),
        json!([{"type": "ALL", "rules": [{"type": "NONE", "conditions": [condition("plan", "EQUAL", "free")]}]}]),
    ] {
        assert_eq!(
            value(&document(std::slice::from_ref(&rules)), OPTIONS),
            json!("default"),
            "{rules}"
        );
    }
}

#[test]
fn the_strongest_segment_that_matches_counts() {
    let name = |name| all(&json!([condition("$.environment['name']", "EQUAL", name)]));
    let key = all(&json!([condition("$.environment.key", "IN", "key,other")]));
    let nothing = json!([{"type": "ALL"}]);
    for (segments, expected) in [
        (vec![name("Staging"), key.clone()], json!(1)),
        (vec![key.clone(), name("Staging")], json!(0)),
        (vec![key.clone(), nothing], json!(1)),
        (vec![name("Staging")], json!("default")),
        (vec![json!([])], json!("default")),
        (Vec::new(), json!("default")),
    ] {
        assert_eq!(
            value(&document(&segments), OPTIONS),
            expected,
            "{segments:?}"
        );
    }
}

#[test]
fn without_an_identity_a_multivariate_override_gives_its_own_value() {
    let mut document = document(&[all(&json!([condition("$.environment.name", "IS_SET", "")]))]);
    let option = json!({"value": "option", "key": "key"});
    let state = &mut document["project"]["segments"][0]["feature_states"][0];
    state["django_id"] = json!(1);
    state["multivariate_feature_state_values"] =
        json!([{"id": 1, "percentage_allocation": 100, "multivariate_feature_option": option}]);
    assert_eq!(value(&document, OPTIONS), json!(0));
    let proxy = Proxy::with(&document, OPTIONS);
    let identity = proxy.identity(&json!({"identifier": "i"}));
    assert_eq!(identity["flags"][0]["feature_state_value"], json!("option"));
}
