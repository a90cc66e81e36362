//! Identities as the core API takes them.

use serde_json::{Value, json};

use super::*;

/// A worker of an environment whose document has these members, too.
fn environment_with(members: Value) -> (StubSupervisor, Worker) {
    let document = testing::document("client_one", "default");
    let mut document: Value = serde_json::from_str(&document).expect("JSON");
    for (name, value) in members.as_object().expect("an object") {
        document[name] = value.clone();
    }
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document.to_string());
    let worker = Worker::start(&supervisor, &["*"]);
    (supervisor, worker)
}

fn ask(worker: &Worker, key: &str, body: &Value) -> Value {
    let headers = format!("{key}Content-Type: application/json\r\n");
    let answer = worker.post("/api/v1/identities/", &headers, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn traits_from_a_client_side_key_count_only_if_the_document_allows_them() {
    let traits = json!([{"trait_key": "plan", "trait_value": "premium"}]);
    let named = json!({"identifier": "m", "traits": traits});
    let anonymous = json!({ "traits": traits });
    for (members, allowed) in [
        (json!({}), true),
        (json!({"allow_client_traits": true}), true),
        (json!({"allow_client_traits": false}), false),
        (
            json!({"allow_client_traits": false, "allow_client_traits_in_evaluation": true}),
            true,
        ),
        (
            json!({"allow_client_traits": true, "allow_client_traits_in_evaluation": false}),
            false,
        ),
        (
            json!({"allow_client_traits": false, "allow_client_traits_in_evaluation": null}),
            false,
        ),
    ] {
        let (_supervisor, worker) = environment_with(members.clone());
        for (key, allowed) in [(CLIENT, allowed), (SERVER, true)] {
            let answer = ask(&worker, key, &named);
            let (echo, value) = match allowed {
                true => (traits.clone(), "premium greeting"),
                false => (json!([]), "default"),
            };
            assert_eq!(answer["traits"], echo, "{members} {key}");
            let flag = &answer["flags"][0];
            assert_eq!(flag["feature_state_value"], value, "{members} {key}");
            let names = [(); 2].map(|()| ask(&worker, key, &anonymous)["identifier"].clone());
            assert_eq!(names[0] == names[1], allowed, "{members} {key}");
        }
    }
}

#[test]
fn a_blank_identifier_is_anonymous_in_a_body_and_an_identifier_in_a_query() {
    let (_supervisor, worker) = one_environment();
    for blank in ["", " \t"] {
        let ask = || ask(&worker, CLIENT, &json!({ "identifier": blank }))["identifier"].clone();
        let (first, second) = (ask(), ask());
        assert_eq!(first.as_str().map(str::len), Some(32));
        assert_ne!(first, second);
    }
    let answer = worker.get("/api/v1/identities/?identifier=", CLIENT).json();
    assert_eq!(answer["identifier"], "");
    let answer = worker.get("/api/v1/identities/?identifier=+a+", CLIENT);
    assert_eq!(answer.json()["identifier"], " a ");
}

#[test]
fn flags_have_a_variant_for_identities_only() {
    let (_supervisor, worker) = one_environment();
    let flags = worker.get("/api/v1/flags/", CLIENT).json();
    let identity = worker
        .get("/api/v1/identities/?identifier=a", CLIENT)
        .json();
    let mut expected = flags.clone();
    for flag in expected.as_array_mut().expect("a list") {
        assert_eq!(flag.get("variant"), None);
        flag["variant"] = Value::Null;
    }
    assert_eq!(identity["flags"], expected);
    assert_eq!(ask(&worker, CLIENT, &json!({"identifier": "a"})), identity);
}

#[test]
fn a_query_that_names_a_feature_gets_the_one_flag_that_the_list_contains() {
    let (_supervisor, worker) = environment_with(json!({}));
    let alice = r#"{"identifier":"alice"}"#;
    let premium = r#"{"identifier":"m","traits":[{"trait_key":"plan","trait_value":"premium"}]}"#;
    let path = |query: &str| format!("/api/v1/identities/?{query}");
    let list = |key: &str, body: &str| worker.post(&path(""), key, body).json()["flags"].clone();
    for (key, body, value) in [
        (CLIENT, alice, "hello alice"),
        (SERVER, alice, "hello alice"),
        (CLIENT, premium, "premium greeting"),
        (CLIENT, r#"{"identifier":"m"}"#, "default"),
    ] {
        let one = worker.post(&path("feature=greeting"), key, body);
        assert_eq!(one.status, 200, "{}", one.text());
        assert_eq!(one.json()["feature_state_value"], value);
        assert_eq!(one.json(), list(key, body)[0]);
        assert_eq!(
            worker.post(&path("feature="), key, body).json()["flags"],
            list(key, body)
        );
    }
    let get = |query: &str, key: &str| worker.get(&path(query), key);
    let one = get("feature=greeting&identifier=alice", CLIENT);
    assert_eq!(one.json(), list(CLIENT, alice)[0]);
    assert!(one.header("x-flagsmith-document-updated-at").is_some());
    assert_eq!(get("identifier=a&feature=secret", SERVER).status, 200);
    for (feature, key) in [("nope", SERVER), ("Greeting", CLIENT), ("secret", CLIENT)] {
        let query = format!("feature={feature}");
        let refusal = worker.get(&format!("/api/v1/flags/?{query}"), key);
        assert_eq!(refusal.status, 404);
        let got = get(&format!("identifier=a&{query}"), key);
        assert_eq!((got.status, got.text()), (404, refusal.text()));
        let posted = worker.post(&path(&query), key, alice);
        assert_eq!((posted.status, posted.text()), (404, refusal.text()));
    }
}
