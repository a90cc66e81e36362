//! Random documents and requests. They are drawn from small pools, so that conditions often match.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::obvious::{Request, Trait};
use crate::pools::{
    COMMON, FEATURES, FLAG_PROPERTIES, FLOATS, IDENTIFIERS, INTEGERS, OPERANDS, OPERATORS,
    PROPERTIES, TEXTS, UUIDS,
};

/// Environment documents.
pub(crate) fn documents() -> impl Strategy<Value = Value> {
    documents_with(0)
}

/// Environment documents of which many conditions read flags.
pub(crate) fn dependent_documents() -> impl Strategy<Value = Value> {
    documents_with(1)
}

/// Environment documents; `flag_reads`: how often conditions read flags, 1 for as often as something else.
fn documents_with(flag_reads: u32) -> impl Strategy<Value = Value> {
    let project = (
        vec(segment(flag_reads), 0..5),
        option::of(any::<bool>()),
        vec(1..7, 0..2),
    );
    let environment = (
        vec(feature_state(), 1..6),
        vec(identity_override(), 0..4),
        select(vec![json!("env"), json!(null), json!("1.5")]),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
    );
    (project, environment).prop_map(|(project, environment)| {
        let (segments, project_hides, secret) = project;
        let (feature_states, identity_overrides, name, hides, allows) = environment;
        let mut document = json!({
            "api_key": "key",
            "name": name,
            "feature_states": feature_states,
            "identity_overrides": identity_overrides,
            "project": {"segments": segments, "server_key_only_feature_ids": secret},
        });
        if let Some(allows) = allows {
            document["allow_client_traits"] = json!(allows);
        }
        if let Some(hides) = hides {
            document["hide_disabled_flags"] = json!(hides);
        }
        if let Some(hides) = project_hides {
            document["project"]["hide_disabled_flags"] = json!(hides);
        }
        document
    })
}

/// Identities requests.
pub(crate) fn requests() -> impl Strategy<Value = Request> {
    let identifier = prop_oneof![8 => select(&IDENTIFIERS[..]).prop_map(Some), 1 => Just(None)];
    let key = prop_oneof![15 => property(), 1 => Just(" t\u{2003}")];
    let trait_ = (key.prop_map(str::to_owned), trait_value());
    (identifier, vec(trait_, 0..7)).prop_map(|(identifier, traits)| Request {
        identifier: identifier.map(str::to_owned),
        traits,
    })
}

fn property() -> impl Strategy<Value = &'static str> {
    prop_oneof![select(&["t", "u"][..]), select(&PROPERTIES[..])]
}

fn trait_value() -> impl Strategy<Value = Trait> {
    prop_oneof![
        1 => Just(Trait::Null),
        2 => any::<bool>().prop_map(Trait::Boolean),
        4 => select(&INTEGERS[..]).prop_map(|digits| Trait::Integer(digits.parse().unwrap())),
        3 => select(&FLOATS[..]).prop_map(Trait::Float),
        6 => select(&COMMON[..]).prop_map(|text| Trait::Text(text.to_owned())),
        6 => select(&TEXTS[..]).prop_map(|text| Trait::Text(text.to_owned())),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(true),
        json!(1),
        json!(1.0),
        json!("text"),
        json!("5"),
        json!(-7),
        json!(1e16),
        json!([1, {"a": "é\n"}]),
        json!(0.1),
        json!(u64::MAX),
    ])
}

fn feature_state() -> impl Strategy<Value = Value> {
    let feature = (0..7, select(&FEATURES[..]), 0..4);
    let enabled = prop_oneof![6 => any::<bool>().prop_map(Value::from), 1 => select(vec![json!(null), json!(1)])];
    let variants = prop_oneof![2 => Just(Vec::new()), 1 => vec(variant(), 1..4)];
    let priority = select(vec![
        None,
        Some(json!(null)),
        Some(json!(1)),
        Some(json!(1)),
        Some(json!(0)),
        Some(json!(-2)),
        Some(json!(0.5)),
        Some(json!(-0.0)),
    ]);
    let metadata = prop_oneof![
        6 => Just(None),
        1 => select(vec![json!(null), json!({}), json!({"experiment": {"id": 1.0, "name": "é"}})]).prop_map(Some),
    ];
    (
        feature,
        enabled,
        value(),
        variants,
        priority,
        0..5,
        metadata,
    )
        .prop_map(
            |((id, name, kind), enabled, value, variants, priority, key, metadata)| {
                let mut state = json!({
                    "feature": {"id": id, "name": name},
                    "enabled": enabled,
                    "feature_state_value": value,
                    "multivariate_feature_state_values": variants,
                });
                match kind {
                    0 => state["feature"]["type"] = json!("MULTIVARIATE"),
                    1 => state["feature"]["type"] = json!(null),
                    _ => {}
                }
                match key {
                    0 => state["featurestate_uuid"] = json!(UUIDS[0]),
                    key => state["django_id"] = json!(key),
                }
                if let Some(metadata) = metadata {
                    state["metadata"] = metadata;
                }
                if let Some(priority) = priority {
                    state["feature_segment"] = json!({"priority": priority});
                }
                state
            },
        )
}

fn variant() -> impl Strategy<Value = Value> {
    let place = prop_oneof![
        3 => (1..5).prop_map(|id| json!({"id": id})),
        1 => select(&UUIDS[..]).prop_map(|uuid| json!({"id": null, "mv_fs_value_uuid": uuid})),
    ];
    let allocation = select(vec![
        json!(0),
        json!(10),
        json!(33.3),
        json!(50),
        json!(100),
    ]);
    let key = select(vec![
        None,
        Some(json!(null)),
        Some(json!("a")),
        Some(json!("b")),
    ]);
    (place, allocation, value(), key).prop_map(|(mut variant, allocation, value, key)| {
        variant["percentage_allocation"] = allocation;
        variant["multivariate_feature_option"] = json!({"value": value});
        if let Some(key) = key {
            variant["multivariate_feature_option"]["key"] = key;
        }
        variant
    })
}

fn identity_override() -> impl Strategy<Value = Value> {
    (select(&IDENTIFIERS[..]), vec(feature_state(), 0..3)).prop_map(
        |(identifier, features)| json!({"identifier": identifier, "identity_features": features}),
    )
}

fn segment(flag_reads: u32) -> impl Strategy<Value = Value> {
    let ids = vec![
        json!(1),
        json!(2),
        json!(3),
        json!(10),
        json!("1"),
        json!("s"),
    ];
    let rules = prop_oneof![1 => vec(rule(flag_reads), 0..1), 9 => vec(rule(flag_reads), 1..3)];
    (select(ids), rules, option::of(vec(feature_state(), 1..4))).prop_map(|(id, rules, states)| {
        json!({"id": id, "name": "segment", "rules": rules, "feature_states": states})
    })
}

fn rule(flag_reads: u32) -> impl Strategy<Value = Value> {
    let kinds = || prop_oneof![40 => select(vec!["ALL", "ANY", "NONE"]), 1 => Just("SOME")];
    let leaf = (kinds(), vec(condition(flag_reads), 0..3))
        .prop_map(|(kind, conditions)| json!({"type": kind, "conditions": conditions}));
    leaf.prop_recursive(2, 6, 2, move |inner| {
        (kinds(), vec(condition(flag_reads), 0..3), vec(inner, 0..3)).prop_map(|(kind, conditions, rules)| {
            json!({"type": kind, "conditions": conditions, "rules": rules})
        })
    })
}

fn condition(flag_reads: u32) -> impl Strategy<Value = Value> {
    let named = property().prop_map(|name| json!(name));
    let flag = select(&FLAG_PROPERTIES[..]).prop_map(|name| json!(name));
    let property = prop_oneof![9 => named, 1 => Just(json!(null)), 10 * flag_reads => flag];
    (property, operation()).prop_map(|(property, (operator, value))| {
        json!({"property_": property, "operator": operator, "value": value})
    })
}

fn operation() -> impl Strategy<Value = (Value, Value)> {
    let odd = vec![
        json!(null),
        json!(5),
        json!(["a", 1, 5.0, "b", null, [true]]),
        json!({}),
        json!(true),
    ];
    select(&OPERATORS[..]).prop_flat_map(move |operator| {
        let own = OPERANDS.iter().filter(|(kind, _)| match *kind {
            "semver" | "number" => operator.contains("EQUAL") || operator.contains("THAN"),
            kind => operator.ends_with(kind),
        });
        let mut pool: Vec<&str> = own.flat_map(|(_, texts)| texts.iter().copied()).collect();
        if pool.is_empty() || operator.contains("EQUAL") || operator.contains("THAN") {
            pool.extend(TEXTS.iter().chain(&COMMON).chain(&COMMON));
        }
        let value = select(pool).prop_map(|text| json!(text));
        let value = prop_oneof![12 => value, 1 => select(odd.clone())];
        (Just(json!(operator)), value)
    })
}
