//! What Flagsmith's client for Rust finds at a proxy, and what it reports to it.

use flagsmith::flagsmith::models::{Flags, SDKTrait};
use flagsmith::{Flagsmith, FlagsmithOptions};
use serde_json::{Value, json};

/// The checks, as the scripts of `tests/clients/` print them. The argument is the origin of the proxy.
pub(super) fn checks(origin: &str) -> Vec<(String, Value)> {
    let remote = client(origin, "test", FlagsmithOptions::default());
    let mut plan = premium();
    plan.transient = true;
    let checks = [
        ("environment flags", flags(&remote)),
        ("identity", greeting(&remote, "alice", &[], false)),
        (
            "transient identity",
            greeting(&remote, "dave", &[premium()], true),
        ),
        (
            "transient trait",
            greeting(&remote, "erin", &[plan, of("age", json!(17))], false),
        ),
        ("traits", by_traits(&remote)),
        ("local evaluation", local_evaluation(origin)),
        ("analytics", analytics(origin)),
    ];
    checks.map(|(name, found)| (name.to_owned(), found)).into()
}

fn client(origin: &str, key: &str, options: FlagsmithOptions) -> Flagsmith {
    let options = FlagsmithOptions {
        api_url: format!("{origin}/api/v1/"),
        ..options
    };
    Flagsmith::new(key.to_owned(), options)
}

fn flags(client: &Flagsmith) -> Value {
    let flags = client.get_environment_flags().expect("flags").all_flags();
    let flags = flags.into_iter().map(|flag| {
        let value = json!([flag.enabled, flag.value]);
        (flag.feature_name, value)
    });
    flags.collect()
}

fn greeting(client: &Flagsmith, identifier: &str, traits: &[SDKTrait], transient: bool) -> Value {
    let flags = client.get_identity_flags(identifier, Some(traits.to_vec()), Some(transient));
    value(&flags.expect("flags"))
}

fn value(flags: &Flags) -> Value {
    json!(flags.get_flag("greeting").expect("the flag").value)
}

fn of(key: &str, value: Value) -> SDKTrait {
    let value = serde_json::from_value(value).expect("a value of a trait");
    SDKTrait::new(key.to_owned(), value)
}

fn premium() -> SDKTrait {
    of("plan", json!("premium"))
}

fn by_traits(client: &Flagsmith) -> Value {
    let others = [
        of("plan", json!("basic")),
        of("age", json!(17)),
        of("distance", json!(2.5)),
        of("tester", json!(false)),
    ];
    let bob = |of| greeting(client, "bob", &[of], false);
    json!({
        "text": bob(premium()),
        "integer": bob(of("age", json!(34))),
        "decimal": bob(of("distance", json!(0.5))),
        "boolean": bob(of("tester", json!(true))),
        "null": greeting(client, "frank", &[of("plan", Value::Null)], false),
        "others": greeting(client, "carol", &others, false),
    })
}

fn local_evaluation(origin: &str) -> Value {
    let options = FlagsmithOptions {
        enable_local_evaluation: true,
        ..Default::default()
    };
    let local = client(origin, "ser.test", options);
    json!({
        "environment flags": flags(&local),
        "identity": greeting(&local, "alice", &[], false),
        "traits": by_traits(&local),
    })
}

fn analytics(origin: &str) -> Value {
    let options = FlagsmithOptions {
        enable_analytics: true,
        ..Default::default()
    };
    let flags = client(origin, "test", options)
        .get_environment_flags()
        .expect("flags");
    for feature in ["greeting", "greeting", "greeting", "limit"] {
        flags.is_feature_enabled(feature).expect("the flag");
    }
    // It reports when it is dropped.
    Value::Null
}
