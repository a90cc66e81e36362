//! A slow, obvious evaluator, written from the rules alone: it takes a document and a request, and gives the answer.
//!
//! Each step reads the document's JSON again, in the order of the rules. It shares no code with the engine, so that the
//! two do not have the same defects.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod context;
mod evaluation;
mod number;
mod operator;
mod path;

use md5::Md5;
use num_bigint::{BigInt, Sign};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) use context::{Request, Trait};
use evaluation::Evaluation;

/// The parts of a feature state that evaluation reads.
#[derive(Clone)]
struct FeatureState {
    key: String,
    id: Value,
    name: String,
    enabled: Value,
    value: Value,
    metadata: Value,
    /// In the order of their ids.
    variants: Vec<Variant>,
    priority: f64,
}

/// A multivariate value.
#[derive(Clone)]
struct Variant {
    value: Value,
    key: Value,
    allocation: f64,
}

/// A feature state that was chosen, with the value that it gives and the name of that.
#[derive(Clone)]
struct Chosen {
    state: FeatureState,
    value: Value,
    /// `None` without an identity.
    variant: Option<Value>,
}

impl Chosen {
    /// A feature state without an identity.
    fn own(state: FeatureState) -> Chosen {
        Chosen {
            value: state.value.clone(),
            state,
            variant: None,
        }
    }
}

/// The answer to a flags request.
pub(crate) fn flags(document: &Value, server: bool) -> String {
    let chosen = environment_defaults(document).into_iter().map(Chosen::own);
    written(Value::from(shown(document, server, chosen.collect())))
}

/// The answer to a flags request for one feature, if the key may see it.
pub(crate) fn flag(document: &Value, server: bool, name: &str) -> Option<String> {
    let states = environment_defaults(document).into_iter();
    let chosen = states.filter(|state| state.name == name).map(Chosen::own);
    let flag = shown(document, server, chosen.collect()).pop();
    flag.map(written)
}

/// The answer to an identities request.
pub(crate) fn identity(document: &Value, server: bool, request: &Request) -> String {
    let mut request = request.trimmed();
    if !server && !allows_client_traits(document) {
        request.traits.clear();
    }
    let request = &Request {
        identifier: Some(identifier(&request)),
        traits: request.traits,
    };
    let chosen = Evaluation::new(document, request).flags();
    let traits: Vec<String> = request
        .traits
        .iter()
        .map(|(key, value)| {
            let key = json!(key);
            format!(r#"{{"trait_key":{key},"trait_value":{}}}"#, value.json())
        })
        .collect();
    format!(
        r#"{{"identifier":{},"traits":[{}],"flags":{}}}"#,
        json!(request.identifier),
        traits.join(","),
        written(Value::from(shown(document, server, chosen)))
    )
}

fn allows_client_traits(document: &Value) -> bool {
    let allowed = match &document["allow_client_traits_in_evaluation"] {
        Value::Null => &document["allow_client_traits"],
        newer => newer,
    };
    allowed.is_null() || truthy(allowed)
}

/// The identifier that a transient identity is given.
fn identifier(request: &Request) -> String {
    if let Some(identifier) = &request.identifier {
        return identifier.clone();
    }
    if request.traits.is_empty() {
        return "random".to_owned();
    }
    let mut traits = request.traits.clone();
    traits.retain(|(_, value)| *value != Trait::Null);
    traits.sort_by(|left, right| left.0.cmp(&right.0));
    let text: String = traits
        .iter()
        .map(|(key, value)| key.clone() + &value.python_str())
        .collect();
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn environment_defaults(document: &Value) -> Vec<FeatureState> {
    let mut features: Vec<FeatureState> = Vec::new();
    for state in elements(&document["feature_states"]) {
        let state = feature_state(state);
        // A repeated name keeps its first position and its last content.
        match features.iter().position(|known| known.name == state.name) {
            Some(place) => features[place] = state,
            None => features.push(state),
        }
    }
    features
}

fn feature_state(state: &Value) -> FeatureState {
    let key = match (&state["django_id"], &state["featurestate_uuid"]) {
        (id, _) if truthy(id) => number::python_str(id),
        (_, uuid) => uuid.as_str().unwrap_or_default().to_owned(),
    };
    let mut variants = Vec::new();
    for value in elements(&state["multivariate_feature_state_values"]) {
        let allocation = value["percentage_allocation"].as_f64().unwrap();
        let option = &value["multivariate_feature_option"];
        let variant = Variant {
            value: option["value"].clone(),
            key: option["key"].clone(),
            allocation,
        };
        variants.push((context::variant_priority(value), variant));
    }
    variants.sort_by(|left, right| left.0.cmp(&right.0));
    FeatureState {
        key,
        id: state["feature"]["id"].clone(),
        name: state["feature"]["name"].as_str().unwrap().to_owned(),
        enabled: state["enabled"].clone(),
        value: state["feature_state_value"].clone(),
        metadata: state["metadata"].clone(),
        variants: variants.into_iter().map(|(_, variant)| variant).collect(),
        priority: match &state["feature_segment"]["priority"] {
            Value::Null => f64::INFINITY,
            priority => priority.as_f64().unwrap(),
        },
    }
}

/// The overrides of the identity: of each feature the first one.
fn identity_overrides(document: &Value, request: &Request) -> Vec<FeatureState> {
    let mut overrides: Vec<FeatureState> = Vec::new();
    for entry in elements(&document["identity_overrides"]) {
        if entry["identifier"].as_str() != request.identifier.as_deref() {
            continue;
        }
        for state in elements(&entry["identity_features"]) {
            let state = feature_state(state);
            if overrides.iter().all(|known| known.name != state.name) {
                overrides.push(state);
            }
        }
    }
    overrides
}

/// The value that an identity gets of a feature state.
fn choose(document: &Value, state: FeatureState, request: &Request) -> Chosen {
    let bucket = bucket(&[&state.key, &context::identity_key(document, request)]);
    let mut start = 0.0;
    for variant in &state.variants {
        let limit = variant.allocation + start;
        if start <= bucket && bucket < limit {
            return Chosen {
                value: variant.value.clone(),
                variant: Some(variant.key.clone()),
                state,
            };
        }
        start = limit;
    }
    let variant = match state.variants[..] {
        [] => Value::Null,
        _ => json!("control"),
    };
    Chosen {
        variant: Some(variant),
        ..Chosen::own(state)
    }
}

/// The flags that a key may see, as JSON objects.
fn shown(document: &Value, server: bool, chosen: Vec<Chosen>) -> Vec<Value> {
    let project = &document["project"];
    let hide_disabled = match &document["hide_disabled_flags"] {
        Value::Null => &project["hide_disabled_flags"],
        own => own,
    };
    let mut shown = Vec::new();
    for Chosen {
        state,
        value,
        variant,
    } in chosen
    {
        let secret = elements(&project["server_key_only_feature_ids"]).contains(&state.id);
        let hidden = truthy(hide_disabled) && !truthy(&state.enabled);
        if server || (!secret && !hidden) {
            let kind = kind(document, &state.id);
            let mut flag = json!({
                "feature": {"id": state.id, "name": state.name, "type": kind},
                "enabled": state.enabled,
                "feature_state_value": value,
            });
            if let Some(variant) = variant {
                flag["variant"] = variant;
                if truthy(&state.metadata) {
                    flag["metadata"] = state.metadata;
                }
            }
            shown.push(flag);
        }
    }
    shown
}

/// The type of a feature, from the last environment default with that id.
fn kind(document: &Value, id: &Value) -> Value {
    let mut kind = json!("STANDARD");
    for state in elements(&document["feature_states"]) {
        if state["feature"]["id"] == *id {
            let given = state["feature"].get("type");
            kind = given.cloned().unwrap_or(json!("STANDARD"));
        }
    }
    kind
}

/// The number from 0 to 100 that texts hash to.
fn bucket(texts: &[&str]) -> f64 {
    for times in 1.. {
        let text = vec![texts.join(","); times].join(",");
        let digest = BigInt::from_bytes_be(Sign::Plus, &Md5::digest(text));
        let remainder = u32::try_from(digest % BigInt::from(9999)).unwrap();
        let bucket = f64::from(remainder) / 9998.0 * 100.0;
        if bucket != 100.0 {
            return bucket;
        }
    }
    unreachable!("some number of times gives less than 100")
}

fn elements(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn truthy(value: &Value) -> bool {
    let nothing = [json!(null), json!(false), json!(0), json!(0.0), json!(-0.0)];
    let empty = [json!(""), json!([]), json!({})];
    !nothing.contains(value) && !empty.contains(value)
}

/// The JSON of an answer. `serde_json` writes `1e+16` where the engine writes `1e16`; no text of these tests holds
/// `e+`.
fn written(value: Value) -> String {
    value.to_string().replace("e+", "e")
}
