//! Explanations: the explained flags are the served ones, and what is said of each is how it was decided.

use engine::explain::{Candidate, Explanation, Hidden, Origin, Outcome, Question, explain};
use engine::{
    ArchivedEnvironment, BodyKind, CompileOptions, IdentityRequest, Patterns, Scratch, Side,
    compile, evaluate, read_identity,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rkyv::rancor::Error;
use serde_json::{Value, json};
use testing::Golden;

use crate::generate::{dependent_documents, documents, requests};
use crate::properties::body;
use crate::proxy::{Proxy, archive};

const SIDES: [Side; 2] = [Side::Client, Side::Server];

#[test]
fn explains_random_documents_as_recorded() {
    check_golden(&Golden::documents(), &SIDES);
}

#[test]
fn explains_every_operator_operand_and_trait() {
    // The documents are large, and nothing in them is hidden.
    check_golden(&Golden::conditions(), &[Side::Client]);
}

#[test]
fn explains_flagsmiths_engine_test_data() {
    check_golden(&Golden::engine_test_data(), &SIDES);
}

#[test]
fn explains_flags_that_depend_on_flags() {
    check_golden(&Golden::flag_dependencies(), &SIDES);
}

/// The engine gives the recorded answers, so what it serves is what to compare with.
fn check_golden(golden: &Golden, sides: &[Side]) {
    for case in &golden.cases {
        let compiled = compile(case.document.get().as_bytes()).expect("a document");
        let archive = archive(&compiled.environment);
        let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive);
        let environment = environment.expect("a valid archive");
        for &side in sides {
            check(environment, side, None);
            for request in &case.requests {
                check(environment, side, Some(&request.body()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn explains_the_flags_that_are_served(
        document in prop_oneof![documents(), dependent_documents()],
        requests in vec(requests(), 1..4),
        official_proxy_fields_only in any::<bool>(),
        apply_environment_segments in any::<bool>(),
    ) {
        let options = CompileOptions {
            official_proxy_fields_only,
            apply_environment_segments,
            ..CompileOptions::default()
        };
        let proxy = Proxy::with(&document, options);
        for side in SIDES {
            check(proxy.environment(), side, None);
            for request in &requests {
                let body = body(request);
                let all = check(proxy.environment(), side, Some(&body));
                check_one(proxy.environment(), side, &body, &all);
            }
        }
    }
}

/// Explains the flags of a request, or those without an identity, and compares them with the served ones.
fn check(environment: &ArchivedEnvironment, side: Side, body: Option<&str>) -> Explanation {
    let served = match body {
        None => environment.flags(side).body().to_vec(),
        Some(body) => served(environment, side, read(body)),
    };
    let served = String::from_utf8(served).expect("flags in UTF-8");
    let found = ask(environment, side, body, None);
    assert_eq!(shown(&found), served, "{body:?}");
    check_candidates(&found);
    found
}

/// A feature alone has the same explanation as among all.
fn check_one(environment: &ArchivedEnvironment, side: Side, body: &str, all: &Explanation) {
    for feature in &all.flags {
        let alone = ask(environment, side, Some(body), Some(&feature.feature));
        let first = &alone.flags[0];
        assert_eq!(first.feature, feature.feature);
        assert_eq!(first.flag.get(), feature.flag.get());
        assert_eq!(first.summary, feature.summary);
        assert_eq!(first.candidates.len(), feature.candidates.len());
        for needed in &first.depends_on {
            assert!(alone.flags.iter().any(|flag| flag.feature == *needed));
        }
    }
}

/// What is said of candidates, segments and rules agrees with what was chosen.
fn check_candidates(found: &Explanation) {
    let is_in_cycles = found.flags.iter().any(|flag| !flag.cycle.is_empty());
    for segment in &found.segments {
        let can_match = segment.problem.is_none();
        let holds = can_match && segment.rules.iter().all(|rule| rule.matches);
        assert!(holds || !segment.matches, "{segment:?}");
        assert!(is_in_cycles || holds == segment.matches, "{segment:?}");
    }
    for flag in &found.flags {
        let chosen = of_outcome(&flag.candidates, Outcome::Chosen);
        let [chosen] = chosen[..] else {
            panic!("{} candidates are chosen: {flag:?}", chosen.len());
        };
        let given = chosen.flag.as_ref().expect("the flag that it gives");
        assert_eq!(given.get(), flag.flag.get(), "{flag:?}");
        assert!(!flag.summary.is_empty());
        let last = flag.candidates.last().expect("the environment default");
        assert_eq!(last.origin, Origin::EnvironmentDefault);
        let place = flag
            .candidates
            .iter()
            .position(|it| it.outcome == Outcome::Chosen);
        for (number, candidate) in flag.candidates.iter().enumerate() {
            let is_beaten = candidate.outcome == Outcome::Beaten;
            assert!(!is_beaten || place < Some(number), "{flag:?}");
            let segment = candidate.segment.map(|index| &found.segments[index]);
            if let Some(segment) = segment {
                let cut = candidate.outcome == Outcome::Cut;
                assert!(is_in_cycles || !cut, "{flag:?}");
                let matches = matches!(candidate.outcome, Outcome::Chosen | Outcome::Beaten);
                assert!(is_in_cycles || matches == segment.matches, "{flag:?}");
            }
            let Some(split) = &candidate.split else {
                continue;
            };
            let chosen: Vec<_> = split.allocations.iter().filter(|it| it.chosen).collect();
            let [chosen] = chosen[..] else {
                panic!("{} allocations are chosen: {split:?}", chosen.len());
            };
            let given = candidate.flag.as_ref().expect("the flag that it gives");
            assert_eq!(chosen.flag.get(), given.get(), "{split:?}");
            let from = chosen.from.unwrap_or(0.0);
            let to = chosen.to.unwrap_or(100.0);
            assert!(from <= split.bucket && split.bucket < to, "{split:?}");
        }
    }
}

fn of_outcome(candidates: &[Candidate], outcome: Outcome) -> Vec<&Candidate> {
    let candidates = candidates.iter();
    candidates.filter(|it| it.outcome == outcome).collect()
}

fn read(body: &str) -> IdentityRequest<'_> {
    read_identity(body.as_bytes(), BodyKind::Json).expect("an identity")
}

fn ask(
    environment: &ArchivedEnvironment,
    side: Side,
    body: Option<&str>,
    feature: Option<&str>,
) -> Explanation {
    let identity = body.map(read);
    let question = Question {
        side,
        identity,
        feature,
    };
    explain(environment, question).expect("an explanation")
}

/// The flags that the proxy answers to that request.
fn served(environment: &ArchivedEnvironment, side: Side, request: IdentityRequest<'_>) -> Vec<u8> {
    let request = match environment.allows_traits(side) {
        true => request,
        false => request.without_traits(),
    };
    let identity = request.into_identity(|| "0".repeat(32));
    let (patterns, mut scratch) = (Patterns::new(environment), Scratch::new());
    let mut out = Vec::new();
    evaluate(environment, &patterns, side, &identity, &mut scratch).write(&mut out);
    out
}

/// The explained flags as an answer lists them.
fn shown(found: &Explanation) -> String {
    let flags = found.flags.iter();
    let shown = flags.filter(|flag| flag.hidden.is_empty());
    let shown: Vec<&str> = shown.map(|flag| flag.flag.get()).collect();
    format!("[{}]", shown.join(","))
}

/// A feature state of a feature with that name.
fn state(id: u32, name: &str, value: &Value) -> Value {
    json!({
        "feature": {"id": id, "name": name}, "enabled": true, "feature_state_value": value, "django_id": id,
        "multivariate_feature_state_values": [],
    })
}

fn segment(id: u32, rules: &Value, mut states: Vec<Value>, priority: i64) -> Value {
    for state in &mut states {
        state["feature_segment"] = json!({"priority": priority});
    }
    json!({"id": id, "name": format!("s{id}"), "rules": rules, "feature_states": states})
}

fn rule(conditions: &Value) -> Value {
    json!([{"type": "ALL", "conditions": conditions, "rules": []}])
}

fn environment(states: &[Value], segments: &[Value], overrides: &Value) -> Value {
    json!({
        "api_key": "key", "name": "Production", "feature_states": states, "identity_overrides": overrides,
        "hide_disabled_flags": true,
        "project": {"segments": segments, "server_key_only_feature_ids": [9]},
    })
}

/// The explanation as JSON.
fn explained(document: &Value, side: Side, body: Option<&Value>, feature: Option<&str>) -> Value {
    let body = body.map(Value::to_string);
    let proxy = Proxy::new(document);
    let found = ask(proxy.environment(), side, body.as_deref(), feature);
    serde_json::to_value(&found).expect("JSON")
}

#[test]
fn says_what_a_segment_looked_at_and_what_it_beat() {
    let plan = json!({"property_": "plan", "operator": "EQUAL", "value": "premium"});
    let age = json!({"property_": "age", "operator": "GREATER_THAN", "value": "18"});
    let wrong = json!({"property_": "age", "operator": "REGEX", "value": "("});
    let override_of = |value: &str| vec![state(1, "f", &json!(value))];
    let document = environment(
        &[state(1, "f", &json!("default"))],
        &[
            segment(1, &rule(&json!([plan])), override_of("weak"), 5),
            segment(2, &rule(&json!([plan, age])), override_of("strong"), 1),
            segment(3, &rule(&json!([wrong])), override_of("wrong"), 0),
            segment(4, &json!([]), override_of("empty"), 0),
        ],
        &json!([]),
    );
    let body = json!({"identifier": "alice", "traits": [
        {"trait_key": "plan", "trait_value": "premium"}, {"trait_key": "age", "trait_value": "21"},
    ]});
    let found = explained(&document, Side::Client, Some(&body), None);
    let flag = &found["flags"][0];
    assert_eq!(flag["flag"]["feature_state_value"], "strong");
    assert_eq!(flag["summary"], "segment s2 matches");
    let candidates = flag["candidates"].as_array().expect("a list");
    let told: Vec<_> = candidates
        .iter()
        .map(|it| {
            (
                it["segment"].clone(),
                it["outcome"].clone(),
                it["priority"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (json!(2), json!("no_match"), json!(0)),
            (json!(3), json!("no_match"), json!(0)),
            (json!(1), json!("chosen"), json!(1)),
            (json!(0), json!("beaten"), json!(5)),
            (json!(null), json!("beaten"), json!(null)),
        ]
    );
    assert_eq!(candidates[3]["flag"]["feature_state_value"], "weak");
    let condition = &found["segments"][1]["rules"][0]["conditions"][1];
    assert_eq!(
        *condition,
        json!({
            "property": "age", "operator": "GREATER_THAN", "operand": "18", "value": 21, "holds": true,
            "bucket": null, "flag": null, "problem": null,
        })
    );
    let problem = &found["segments"][2]["rules"][0]["conditions"][0]["problem"];
    let problem = problem.as_str().expect("a problem");
    assert!(problem.starts_with("never matches: pattern"), "{problem}");
    assert_eq!(
        found["segments"][3]["problem"],
        "never matches: it has no rules"
    );
    assert_eq!(
        found["identity"]["traits"][1],
        json!({"key": "age", "value": "21"})
    );
}

#[test]
fn says_which_bucket_chose_a_variant_and_what_an_identity_override_beat() {
    let mut split = state(1, "f", &json!("own"));
    split["multivariate_feature_state_values"] = json!([
        {"id": 1, "percentage_allocation": 30, "multivariate_feature_option": {"value": "a", "key": "a"}},
        {"id": 2, "percentage_allocation": 30.5, "multivariate_feature_option": {"value": "b", "key": "b"}},
    ]);
    let own = json!([{"identifier": "bob", "identity_features": [state(1, "f", &json!("bob's"))]}]);
    let document = environment(&[split], &[], &own);
    let alice = explained(
        &document,
        Side::Client,
        Some(&json!({"identifier": "alice"})),
        None,
    );
    let candidate = &alice["flags"][0]["candidates"][0];
    assert_eq!(candidate["split"]["hash_key"], "1,key_alice");
    let allocations = &candidate["split"]["allocations"];
    let range = |number: usize| [&allocations[number]["from"], &allocations[number]["to"]];
    assert_eq!(range(1), [&json!(30.0), &json!(60.5)]);
    assert_eq!(range(2), [&Value::Null, &Value::Null]);
    let bob = explained(
        &document,
        Side::Client,
        Some(&json!({"identifier": "bob"})),
        None,
    );
    let candidates = &bob["flags"][0]["candidates"];
    assert_eq!(candidates[0]["origin"], "identity_override");
    assert_eq!(candidates[0]["outcome"], "chosen");
    assert_eq!(candidates[1]["outcome"], "beaten");
    assert_eq!(candidates[1]["split"]["hash_key"], "1,key_bob");
    // Without an identity no bucket decides.
    let nobody = explained(&document, Side::Client, None, None);
    assert_eq!(nobody["identity"], Value::Null);
    assert_eq!(nobody["flags"][0]["flag"]["feature_state_value"], "own");
    assert_eq!(nobody["flags"][0]["candidates"][0]["split"], Value::Null);
}

#[test]
fn says_why_a_flag_is_hidden_and_that_traits_are_ignored() {
    let mut disabled = state(9, "both", &Value::Null);
    disabled["enabled"] = json!(false);
    let mut off = state(2, "off", &Value::Null);
    off["enabled"] = json!(false);
    let states = [disabled, off, state(3, "shown", &Value::Null)];
    let mut document = environment(&states, &[], &json!([]));
    document["allow_client_traits"] = json!(false);
    let body = json!({"identifier": "a", "traits": [{"trait_key": "k", "trait_value": 1}]});
    let found = explained(&document, Side::Client, Some(&body), None);
    let hidden: Vec<_> = found["flags"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["hidden"])
        .collect();
    assert_eq!(
        hidden,
        [
            &json!(["server_key_only", "disabled"]),
            &json!(["disabled"]),
            &json!([])
        ]
    );
    assert_eq!(found["identity"]["traits_ignored"], true);
    assert_eq!(found["identity"]["traits"], json!([]));
    let found = explained(&document, Side::Server, Some(&body), None);
    assert_eq!(found["flags"][0]["hidden"], json!([]));
    assert_eq!(found["identity"]["traits_ignored"], false);
    assert_eq!(
        serde_json::to_value(Hidden::ServerKeyOnly).expect("JSON"),
        "server_key_only"
    );
}

#[test]
fn follows_the_flags_that_a_flag_depends_on_and_tells_of_cycles() {
    let reads = |name: &str| {
        rule(
            &json!([{"property_": format!("$.flags.{name}.enabled"), "operator": "EQUAL", "value": "true"}]),
        )
    };
    let document = environment(
        &[
            state(1, "a", &json!("off")),
            state(2, "b", &json!("off")),
            state(3, "c", &json!("off")),
            state(4, "x", &json!("off")),
            state(5, "y", &json!("off")),
        ],
        &[
            segment(1, &reads("b"), vec![state(1, "a", &json!("on"))], 0),
            segment(2, &reads("c"), vec![state(2, "b", &json!("on"))], 0),
            segment(3, &reads("y"), vec![state(4, "x", &json!("on"))], 0),
            segment(
                4,
                &rule(
                    &json!([{"property_": "$.flags.x.value", "operator": "IS_NOT_SET", "value": null}]),
                ),
                vec![state(5, "y", &json!("on"))],
                0,
            ),
        ],
        &json!([]),
    );
    let body = json!({"identifier": "alice"});
    let found = explained(&document, Side::Client, Some(&body), Some("a"));
    let names = |found: &Value| -> Vec<String> {
        let flags = found["flags"].as_array().expect("a list").iter();
        flags
            .map(|flag| flag["feature"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(&found), ["a", "b", "c"]);
    assert_eq!(found["flags"][0]["depends_on"], json!(["b"]));
    let condition = &found["segments"][0]["rules"][0]["conditions"][0];
    assert_eq!(
        (&condition["flag"], &condition["value"]),
        (&json!("b"), &json!(true))
    );

    let found = explained(&document, Side::Client, Some(&body), Some("y"));
    assert_eq!(names(&found), ["y", "x"]);
    assert_eq!(found["flags"][0]["cycle"], json!(["x", "y"]));
    // The rule holds, because a flag in a cycle is null; the segment does not match, because it was cut.
    assert_eq!(found["flags"][0]["candidates"][0]["outcome"], "cut");
    assert_eq!(found["flags"][0]["flag"]["feature_state_value"], "off");
}

#[test]
fn names_a_feature_that_does_not_exist() {
    let proxy = Proxy::new(&environment(
        &[state(1, "f", &Value::Null)],
        &[],
        &json!([]),
    ));
    let question = Question {
        side: Side::Client,
        identity: None,
        feature: Some("F"),
    };
    let error = explain(proxy.environment(), question).expect_err("no such feature");
    assert_eq!(error.to_string(), "feature \"F\" not found");
}
