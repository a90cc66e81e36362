//! OFREP as providers of OpenFeature speak it.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use contract::{BoardWords, OfrepSettings, Paths, WorkerSettings};
use serde_json::{Value, json};
use testing::eventually;

use super::*;

const ALL: &str = "/ofrep/v1/evaluate/flags";
const NOBODY: &str = r#"{"context":{}}"#;
const PREMIUM: &str = r#"{"context":{"targetingKey":"m","plan":"premium"}}"#;

/// A worker of an environment with the features `greeting` and `secret`, which is for server-side keys.
fn environment() -> (StubSupervisor, Worker) {
    let mut supervisor = StubSupervisor::new(&["one", "late"]);
    supervisor.publish("one", &testing::document("client_one", "default"));
    let worker = Worker::start(&supervisor, &["*"]);
    (supervisor, worker)
}

/// The value of `greeting` in an answer with all flags.
fn greeting(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["flags"][0]["value"].clone()
}

fn value_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["value"].clone()
}

#[test]
fn a_key_may_be_in_any_header_that_clients_have_for_it() {
    let (_supervisor, worker) = environment();
    for key in [
        CLIENT,
        SERVER,
        "X-API-Key: client_one\r\n",
        "Authorization: Bearer client_one\r\n",
        "Authorization: bearer  ser.one\r\n",
        "X-Environment-Key: client_one\r\nAuthorization: Bearer other\r\n",
    ] {
        for path in [
            ALL,
            "/ofrep/v1/evaluate/flags/",
            "//ofrep/v1/evaluate//flags",
        ] {
            let answer = worker.post(path, key, NOBODY);
            assert_eq!(answer.status, 200, "{key} {path}: {}", answer.text());
        }
        let answer = worker.post(&format!("{ALL}/greeting"), key, PREMIUM);
        assert_eq!(value_of(&answer), "premium greeting", "{key}");
    }
    for key in [
        "",
        "X-API-Key: other\r\n",
        "Authorization: Basic client_one\r\n",
        "Authorization: Bearer\r\n",
    ] {
        for path in [ALL.to_owned(), format!("{ALL}/greeting")] {
            // Whatever the body is.
            let answer = worker.post(&path, key, "{");
            assert_eq!((answer.status, answer.text()), (401, ""), "{key}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[test]
fn all_flags_come_with_their_reasons_and_the_version_of_the_document() {
    let (_supervisor, worker) = environment();
    let flag = |key: &str, id: u32, value: &str, reason: &str| {
        json!({
            "key": key, "value": value, "variant": null, "reason": reason,
            "metadata": {"featureId": id, "enabled": true},
        })
    };
    let premium = flag("greeting", 1, "premium greeting", "TARGETING_MATCH");
    let secret = flag("secret", 2, "server only", "STATIC");
    for (key, body, flags) in [
        (CLIENT, PREMIUM, json!([premium])),
        (SERVER, PREMIUM, json!([premium, secret])),
        (
            CLIENT,
            NOBODY,
            json!([flag("greeting", 1, "default", "STATIC")]),
        ),
    ] {
        let answer = worker.post(ALL, key, body);
        let found = answer.json();
        assert_eq!(found["flags"], flags, "{key} {body}");
        let metadata = json!({"version": "2026-01-15T10:30:00.123456+00:00"});
        assert_eq!(found["metadata"], metadata);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            answer.header("x-flagsmith-document-updated-at"),
            Some("1768473000.123456")
        );
    }
}

#[test]
fn one_flag_is_that_of_the_list_and_its_key_may_be_encoded() {
    let document = document("one", 0, &[(1, "a/b c", true, "1"), (2, "é", true, "null")]);
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document);
    let worker = Worker::start(&supervisor, &["*"]);
    let flags = worker.post(ALL, CLIENT, PREMIUM).json();
    for (key, index) in [
        ("a%2Fb%20c", 0),
        ("a/b%20c", 0),
        ("a/b%20c/", 0),
        ("%C3%A9", 1),
    ] {
        let answer = worker.post(&format!("{ALL}/{key}"), CLIENT, PREMIUM);
        assert_eq!(answer.json(), flags["flags"][index], "{key}");
    }
}

#[test]
fn a_flag_that_a_key_may_not_see_is_as_one_that_does_not_exist() {
    let (_supervisor, worker) = environment();
    assert_eq!(
        value_of(&worker.post(&format!("{ALL}/secret"), SERVER, PREMIUM)),
        "server only"
    );
    for key in ["secret", "unknown"] {
        let answer = worker.post(&format!("{ALL}/{key}"), CLIENT, PREMIUM);
        assert_eq!(answer.status, 404);
        let expected = json!({
            "key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": "there is no such flag",
        });
        assert_eq!(answer.json(), expected);
    }
}

#[test]
fn what_is_wrong_with_a_request_is_said_in_the_words_of_the_protocol() {
    let (_supervisor, worker) = environment();
    let long = format!(r#"{{"context":{{"a":"{}"}}}}"#, "x".repeat(64 * 1024));
    for (headers, body, status, code) in [
        ("", "{", 400, "PARSE_ERROR"),
        ("", "", 400, "PARSE_ERROR"),
        ("", "{}", 400, "INVALID_CONTEXT"),
        (
            "",
            r#"{"context":{"targetingKey":1}}"#,
            400,
            "INVALID_CONTEXT",
        ),
        ("", &long, 413, "GENERAL"),
        ("Content-Encoding: gzip\r\n", NOBODY, 415, "GENERAL"),
    ] {
        let headers = format!("{CLIENT}{headers}");
        let single = worker.post(&format!("{ALL}/greeting"), &headers, body);
        assert_eq!(single.json()["key"], "greeting", "{status}");
        let bulk = worker.post(ALL, &headers, body);
        assert_eq!(bulk.json().get("key"), None, "{status}");
        for answer in [single, bulk] {
            assert_eq!(
                (answer.status, &answer.json()["errorCode"]),
                (status, &json!(code))
            );
            assert!(
                answer.json()["errorDetails"].is_string(),
                "{}",
                answer.text()
            );
        }
    }
    for method in ["GET", "PUT", "HEAD"] {
        let answer = worker.ask(request(method, ALL, CLIENT, ""));
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("OPTIONS, POST"))
        );
    }
}

#[test]
fn a_document_that_has_not_arrived_is_worth_another_try() {
    let (_supervisor, worker) = environment();
    for (path, key) in [
        (ALL, json!(null)),
        ("/ofrep/v1/evaluate/flags/a", json!("a")),
    ] {
        let answer = worker.post(path, "X-API-Key: client_late\r\n", NOBODY);
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("1"))
        );
        let details = "the environment document has not arrived yet";
        assert_eq!(answer.json()["errorDetails"], details);
        assert_eq!(answer.json()["key"], key);
    }
}

#[test]
fn a_client_that_has_the_answer_gets_a_304_until_the_document_or_its_context_changes() {
    let (mut supervisor, worker) = environment();
    let ask = |known: &str, body: &str| {
        worker.post(ALL, &format!("{CLIENT}If-None-Match: {known}\r\n"), body)
    };
    let first = ask("\"other\"", PREMIUM);
    let tag = first.header("etag").expect("a tag").to_owned();
    let bare = tag.trim_matches('"');
    assert_eq!(tag, format!("\"{bare}\""));
    for known in [
        tag.clone(),
        bare.to_owned(),
        format!("W/{tag}"),
        format!("\"a\", {tag}"),
        "*".to_owned(),
    ] {
        let answer = ask(
            &known,
            r#"{"context":{"plan":"premium","targetingKey":"m"}}"#,
        );
        assert_eq!((answer.status, answer.text()), (304, ""), "{known}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
    }
    for other in [
        NOBODY,
        r#"{"context":{"plan":"premium","targetingKey":"n"}}"#,
    ] {
        assert_eq!(ask(&tag, other).status, 200, "{other}");
    }
    let server = worker.post(ALL, &format!("{SERVER}If-None-Match: {tag}\r\n"), PREMIUM);
    assert_eq!(server.status, 200);
    // A 304 says nothing of a context that is none.
    assert_eq!(ask("*", "{}").status, 400);
    supervisor.publish("one", &testing::document("client_one", "edited"));
    let edited = ask(&tag, PREMIUM);
    assert_eq!(edited.status, 200);
    assert_ne!(edited.header("etag"), Some(tag.as_str()));
}

#[test]
fn pages_of_other_origins_may_ask_and_read_the_tag() {
    let (_supervisor, worker) = environment();
    let origin = "Origin: https://app.example.com\r\n";
    let asked = "Access-Control-Request-Method: POST\r\n\
        Access-Control-Request-Headers: content-type,if-none-match,x-api-key\r\n";
    let preflight = worker.ask(request("OPTIONS", ALL, &format!("{origin}{asked}"), ""));
    assert_eq!(preflight.status, 200);
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("content-type,if-none-match,x-api-key")
    );
    let answer = worker.post(ALL, &format!("{CLIENT}{origin}"), PREMIUM);
    let exposed = answer.header("access-control-expose-headers");
    assert!(
        exposed.is_some_and(|exposed| exposed.contains("etag")),
        "{exposed:?}"
    );
}

#[test]
fn an_operator_may_require_a_targeting_key() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &testing::document("client_one", "default"));
    let settings = WorkerSettings {
        ofrep: OfrepSettings {
            require_targeting_key: true,
        },
        ..WorkerSettings::default()
    };
    let worker = Worker::start_with(&supervisor, settings, None);
    for path in [ALL.to_owned(), format!("{ALL}/greeting")] {
        let answer = worker.post(&path, CLIENT, r#"{"context":{"plan":"premium"}}"#);
        assert_eq!(
            (answer.status, &answer.json()["errorCode"]),
            (400, &json!("TARGETING_KEY_MISSING"))
        );
        assert_eq!(worker.post(&path, CLIENT, PREMIUM).status, 200);
    }
}

#[test]
fn traits_from_a_client_side_key_count_only_if_the_document_allows_them() {
    let mut document: Value =
        serde_json::from_str(&testing::document("client_one", "default")).expect("JSON");
    document["allow_client_traits"] = json!(false);
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document.to_string());
    let worker = Worker::start(&supervisor, &["*"]);
    for (key, value) in [(CLIENT, "default"), (SERVER, "premium greeting")] {
        let answer = worker.post(&format!("{ALL}/greeting"), key, PREMIUM);
        assert_eq!(value_of(&answer), value, "{key}");
    }
}

/// What a stream says first, from the id on.
fn first_event(worker: &Worker, path: &str, last_event_id: &str) -> String {
    let mut stream = worker.connect();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: proxy.test\r\nLast-Event-ID: {last_event_id}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("request");
    let mut lines = BufReader::new(stream)
        .lines()
        .map(|line| line.expect("a line"));
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert_eq!(head[0], "HTTP/1.1 200 OK", "{head:?}");
    let event = lines.skip_while(|line| !line.starts_with("id: "));
    let event: Vec<String> = event.take_while(|line| !line.is_empty()).collect();
    event.join("\n")
}

#[test]
fn a_provider_is_told_where_it_learns_of_changes_and_is_told_of_them_in_its_words() {
    let (mut supervisor, worker) = environment();
    for key in [CLIENT, SERVER] {
        let streams = &worker.post(ALL, key, PREMIUM).json()["eventStreams"];
        let path = "/ofrep/v1/environments/client_one/stream";
        let expected = json!([{"type": "sse", "endpoint": {"requestUri": path}}]);
        assert_eq!(*streams, expected, "{key}");
    }
    let path = "/ofrep/v1/environments/client_one/stream";
    let told = first_event(&worker, path, "of long ago");
    let id = told
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("id: "));
    let id = id.expect("an id").to_owned();
    let digest = id.split_once('-').expect("a digest").1;
    let data = json!({
        "type": "refetchEvaluation", "etag": digest, "lastModified": "2026-01-15T10:30:00.123456+00:00",
    });
    assert_eq!(told, format!("id: {id}\nevent: message\ndata: {data}"));
    // Who knows of the document already is told nothing.
    assert_eq!(first_event(&worker, path, &id), format!("id: {id}"));
    supervisor.publish("one", &testing::document("client_one", "edited"));
    assert!(first_event(&worker, path, &id).contains("refetchEvaluation"));
    let unknown = worker.get("/ofrep/v1/environments/ser.one/stream", "");
    assert_eq!(unknown.status, 401);
}

#[test]
fn the_path_of_a_stream_begins_as_that_of_its_request() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &testing::document("client_one", "default"));
    let settings = WorkerSettings {
        paths: Paths {
            base_path: Some("/edge".to_owned()),
        },
        ..WorkerSettings::default()
    };
    let worker = Worker::start_with(&supervisor, settings, None);
    for base in ["", "/edge"] {
        let answer = worker.post(&format!("{base}{ALL}"), CLIENT, NOBODY).json();
        let path = &answer["eventStreams"][0]["endpoint"]["requestUri"];
        assert_eq!(
            *path,
            format!("{base}/ofrep/v1/environments/client_one/stream")
        );
        let path = path.as_str().expect("a path");
        assert!(first_event(&worker, path, "").contains("refetchEvaluation"));
    }
}

#[test]
fn a_request_of_who_was_told_of_a_newer_document_waits_for_it_a_moment() {
    let (supervisor, worker) = environment();
    let ask = |query: &str| greeting(&worker.post(&format!("{ALL}?{query}"), CLIENT, NOBODY));
    let known = first_event(&worker, "/ofrep/v1/environments/client_one/stream", "other");
    let known = known
        .split(['"', '-'])
        .find(|part| part.len() == 32)
        .expect("a digest");
    let wanted = || supervisor.board().environment(0).take_wanted();
    // What is known here, and what is older.
    ask(&format!(
        "flagConfigEtag={known}&flagConfigLastModified=2999-01-01T00:00:00Z"
    ));
    ask("flagConfigEtag=other&flagConfigLastModified=1768473000.1");
    ask("flagConfigLastModified=2026-01-15T10:30:00.123456%2B00:00");
    assert!(!wanted());
    // It does not arrive: the client gets what there is.
    let begun = Instant::now();
    let newer = "flagConfigEtag=other&flagConfigLastModified=1768473001";
    assert_eq!(ask(newer), "default");
    assert!(begun.elapsed() >= Duration::from_millis(900));
    assert!(wanted());
    // Nobody has it fetched again at once.
    assert_eq!(ask(newer), "default");
    assert!(!wanted());
}

#[test]
fn a_newer_document_that_arrives_meanwhile_is_answered_from() {
    let _alone = DOORBELL.lock();
    let (mut supervisor, worker) = environment();
    let answer = std::thread::scope(|scope| {
        let path = format!("{ALL}?flagConfigEtag=other");
        let worker = &worker;
        let asked = scope.spawn(move || worker.post(&path, CLIENT, NOBODY));
        eventually("the worker to ask for a fetch", || {
            supervisor.board().environment(0).take_wanted()
        });
        supervisor.publish("one", &testing::document("client_one", "edited"));
        ring();
        asked.join().expect("an answer")
    });
    assert_eq!(greeting(&answer), "edited");
}
