//! Compressed answers for identities: the same bytes as the plain ones, whether or not their flags are in the cache.

use super::*;

/// A document with 30 features, one of them for server-side keys alone. Every second feature has a second value that a
/// third of all identities get, so that few identities have the same flags.
fn diverse_document() -> String {
    let states: Vec<String> = (62..92)
        .map(|id| {
            let variants = if id % 2 == 0 {
                let option = format!(r#"{{"id":{id},"value":"other value of {id}"}}"#);
                let share = r#""mv_fs_value_uuid":"","percentage_allocation":33.3"#;
                format!(r#"{{"id":{id},"multivariate_feature_option":{option},{share}}}"#)
            } else {
                String::new()
            };
            let feature = format!(r#"{{"id":{id},"name":"feature {id}","type":"STANDARD"}}"#);
            let state = format!(r#""enabled":true,"feature_state_value":"value of {id}""#);
            let variants = format!(r#""multivariate_feature_state_values":[{variants}]"#);
            format!(r#"{{"feature":{feature},{state},"django_id":{id},{variants}}}"#)
        })
        .collect();
    let states = states.join(",");
    let whole = document("one", 0, &[(1, "first", true, "1")]);
    let (start, rest) = whole.split_once(r#""feature_states":["#).expect("list");
    let (_, end) = rest.split_once(r#"],"identity_overrides"#).expect("end");
    format!(r#"{start}"feature_states":[{states}],"identity_overrides{end}"#)
}

fn gzipped(key: &str) -> String {
    format!("{key}Accept-Encoding: gzip\r\n")
}

#[test]
fn a_compressed_answer_has_the_content_of_the_plain_one() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &diverse_document());
    let worker = Worker::start(&supervisor, &["*"]);
    let path = "/api/v1/identities/";
    let mut lists = std::collections::HashSet::new();
    for round in 0..2 {
        for number in 0..40 {
            // Some heads are short enough to be stored, some are too long.
            let traits: Vec<String> = (0..number * 3)
                .map(|index| {
                    format!(r#"{{"trait_key":"trait {index} é","trait_value":1{round}{number}}}"#)
                })
                .collect();
            let body = format!(
                r#"{{"identifier":"identity {number}","traits":[{}]}}"#,
                traits.join(",")
            );
            for key in [CLIENT, SERVER] {
                let plain = worker.post(path, key, &body);
                let compressed = worker.post(path, &gzipped(key), &body);
                assert_eq!(plain.status, 200, "{}", plain.text());
                assert_eq!(compressed.header("content-encoding"), Some("gzip"));
                assert_eq!(compressed.header("vary"), plain.header("vary"));
                assert!(compressed.body.len() < plain.body.len());
                assert!(compressed.decoded() == plain.body, "{key} {body}");
                lists.insert(plain.json()["flags"].to_string());
            }
        }
    }
    assert!(lists.len() > 60, "only {} different lists", lists.len());
}

#[test]
fn the_cache_has_no_flags_of_an_older_document() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    let worker = Worker::start(&supervisor, &["*"]);
    for second in 0..5 {
        let value = format!("\"{second} {}\"", "x".repeat(2000));
        supervisor.publish(
            "one",
            &document("one", second, &[(1, "first", true, &value)]),
        );
        let path = "/api/v1/identities/?identifier=a";
        for _ in 0..2 {
            let compressed = worker.get(path, &gzipped(CLIENT));
            assert_eq!(compressed.header("content-encoding"), Some("gzip"));
            assert!(compressed.decoded() == worker.get(path, CLIENT).body);
        }
    }
}
