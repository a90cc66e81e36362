//! Properties that hold for every document and every request, checked with random ones.

use engine::{BodyKind, Patterns, Side, compile, read_identity};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::generate::{dependent_documents, documents, requests};
use crate::obvious::{self, Request, Trait};
use crate::proxy::{Proxy, archive};
use testing::Golden;

/// How many requests are asked of each document.
const REQUESTS: std::ops::Range<usize> = 1..6;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn answers_as_the_obvious_evaluator_does(document in documents(), requests in vec(requests(), REQUESTS)) {
        let proxy = Proxy::new(&document);
        for side in [Side::Client, Side::Server] {
            let server = side == Side::Server;
            let flags = proxy.environment().flags(side).body();
            prop_assert_eq!(text(flags), obvious::flags(&document, server));
            for name in ["f0", "f3", "é", "unknown"] {
                let flag = proxy.environment().flag(side, name);
                let flag = flag.map(|answer| text(answer.body()));
                prop_assert_eq!(flag, obvious::flag(&document, server, name));
            }
            for request in &requests {
                let found = proxy.answer(side, &body(request));
                prop_assert_eq!(found, obvious::identity(&document, server, request), "{:?}", request);
            }
        }
    }

    #[test]
    fn answers_the_same_again(document in documents(), requests in vec(requests(), REQUESTS)) {
        let used = Proxy::new(&document);
        let first: Vec<String> = requests.iter().map(|request| used.answer(Side::Server, &body(request))).collect();
        for (request, first) in requests.iter().zip(&first).rev() {
            let fresh = Patterns::new(used.environment());
            prop_assert_eq!(&used.answer(Side::Server, &body(request)), first);
            prop_assert_eq!(&used.answer_with(&fresh, Side::Server, &body(request)), first);
        }
    }

    #[test]
    fn tells_lists_of_flags_apart_by_their_choices(document in documents(), requests in vec(requests(), 2..9)) {
        let proxy = Proxy::new(&document);
        for side in [Side::Client, Side::Server] {
            let lists: Vec<_> = requests.iter().map(|request| proxy.list(side, &body(request))).collect();
            for (number, list) in lists.iter().enumerate() {
                prop_assert_eq!(list.json.len(), list.byte_length);
                for other in &lists[..number] {
                    prop_assert_eq!(list.choices == other.choices, list.json == other.json, "{:?} {:?}", list, other);
                }
            }
        }
    }

    #[test]
    fn gives_one_flag_as_in_the_list_of_all(
        document in prop_oneof![documents(), dependent_documents()],
        request in requests(),
    ) {
        let (proxy, body) = (Proxy::new(&document), body(&request));
        for side in [Side::Client, Side::Server] {
            let list = proxy.list(side, &body).json;
            let flags: Vec<Value> = serde_json::from_str(&list).expect("flags");
            for name in ["f0", "f1", "f2", "f3", "é", "unknown"] {
                let one = proxy.one(side, &body, name);
                prop_assert!(one.as_ref().is_none_or(|one| list.contains(one.as_str())), "{:?} {}", one, list);
                let one = one.map(|one| serde_json::from_str::<Value>(&one).expect("a flag"));
                let named = flags.iter().find(|flag| flag["feature"]["name"] == name);
                prop_assert_eq!(one.as_ref(), named, "{}", name);
            }
        }
    }

    #[test]
    fn foretells_the_length_of_a_head(request in requests()) {
        let body = body(&request);
        let identity = read_identity(body.as_bytes(), BodyKind::Json).expect("an identity");
        let identity = identity.into_identity(|| "random".to_owned());
        let mut head = Vec::new();
        identity.write_head(&mut head);
        prop_assert!(head.len() <= identity.most_head_bytes(), "{}", text(&head));
    }

    #[test]
    fn keeps_from_client_side_keys_what_is_not_theirs(document in documents(), request in requests()) {
        let proxy = Proxy::new(&document);
        let flags = text(proxy.environment().flags(Side::Client).body());
        let identity = proxy.answer(Side::Client, &body(&request));
        let identity: Value = serde_json::from_str(&identity).expect("JSON");
        let mut seen = vec![serde_json::from_str(&flags).expect("JSON"), identity["flags"].clone()];
        for state in document["feature_states"].as_array().expect("a list") {
            let name = state["feature"]["name"].as_str().expect("a name");
            let flag = proxy.environment().flag(Side::Client, name);
            seen.extend(flag.map(|answer| json!([serde_json::from_slice::<Value>(answer.body()).expect("JSON")])));
        }
        let secret = document["project"]["server_key_only_feature_ids"].as_array().expect("a list");
        let hides = match &document["hide_disabled_flags"] {
            Value::Null => document["project"]["hide_disabled_flags"] == true,
            own => own == true,
        };
        for flag in seen.iter().flat_map(|flags| flags.as_array().expect("a list")) {
            prop_assert!(!secret.contains(&flag["feature"]["id"]), "{}", flag);
            prop_assert!(!hides || [json!(true), json!(1)].contains(&flag["enabled"]), "{}", flag);
        }
    }

    #[test]
    fn makes_the_same_archive_of_the_same_document(document in documents()) {
        let once = Proxy::new(&document);
        let compiled = compile(document.to_string().as_bytes());
        prop_assert_eq!(&once.archive[..], &archive(&compiled.expect("a document").environment)[..]);
    }
}

/// The engine gives the recorded answers, so this shows that the obvious evaluator is right.
#[test]
fn the_obvious_evaluator_answers_golden_documents() {
    for case in Golden::documents().cases.iter().step_by(10) {
        let document = serde_json::from_str(case.document.get()).expect("a document");
        let proxy = Proxy::new(&document);
        for request in &case.requests {
            let body = request.body();
            let asked = Request::read(&body);
            let found = proxy.answer(Side::Server, &body);
            assert_eq!(found, obvious::identity(&document, true, &asked), "{body}");
        }
    }
}

/// The body of a request, as a client writes it.
pub(crate) fn body(request: &Request) -> String {
    let traits = request.traits.iter().map(|(key, value)| {
        let value = match value {
            Trait::Float(float) if float.is_nan() => "NaN".to_owned(),
            Trait::Float(float) if float.is_infinite() => "Infinity".to_owned(),
            value => value.json(),
        };
        format!(r#"{{"trait_key":{},"trait_value":{value}}}"#, json!(key))
    });
    let traits = traits.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"identifier":{},"traits":[{traits}]}}"#,
        json!(request.identifier)
    )
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).expect("UTF-8")
}
