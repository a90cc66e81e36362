//! Serving: all workers serve every document, changes reach all of them, and polls are few.

use std::collections::BTreeSet;

use serde_json::json;
use testing::{Answer, Stub, document};

use crate::harness::{Proxy, Response, Start};

/// The greeting that each of `count` new connections gets. The kernel spreads connections over the workers by a hash of
/// their ports, so that many connections reach each of a few workers.
fn greetings(proxy: &Proxy, connections: usize) -> Vec<String> {
    let greeting = |_| {
        let flags = proxy.get("/api/v1/flags/?feature=greeting", "test");
        assert_eq!(flags.status, 200, "{}", flags.text());
        flags.json()["feature_state_value"]
            .as_str()
            .expect("a greeting")
            .to_owned()
    };
    (0..connections).map(greeting).collect()
}

#[test]
fn four_workers_serve_one_document_and_every_change_of_it() {
    let upstream = Stub::start([("test", document("test", "first"))]);
    let proxy = Start::new(&upstream, &["test"]).workers(4).start();
    proxy.wait_until_ready();
    assert_eq!(proxy.workers().len(), 4);
    assert!(
        greetings(&proxy, 64)
            .iter()
            .all(|greeting| greeting == "first")
    );

    let before = upstream.count("test");
    upstream.set("test", Answer::Document(document("test", "second")));
    proxy.wait_for("the change", |proxy| greetings(proxy, 1) == ["second"]);
    let fetches = upstream.count("test") - before;
    // When one worker serves the change, all do: the generation is one word of shared memory.
    assert!(
        greetings(&proxy, 64)
            .iter()
            .all(|greeting| greeting == "second")
    );
    // One fetch brought the change: the first poll after it.
    assert!(fetches <= 2, "{fetches} fetches for one change");
}

#[test]
fn of_many_environments_a_worker_maps_those_that_are_asked_for_and_follows_them() {
    let names: Vec<String> = (0..300).map(|number| format!("many-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let upstream = Stub::start(names.iter().map(|name| (*name, document(name, name))));
    let start = Start::new(&upstream, &names);
    let proxy = start.set("api_poll_frequency_seconds", json!(1)).start();
    proxy.wait_until_ready();
    let log = proxy.wait_for("the last first document", |proxy| {
        let log = proxy.log();
        log.contains("published 300 of 300 environments")
            .then_some(log)
    });
    assert!(!log.contains("environment many-7 published"), "{log}");
    let mapped = || {
        let maps = format!("/proc/{}/maps", proxy.workers()[0]);
        let maps = std::fs::read_to_string(maps).expect("its maps");
        let snapshots = format!("{}/environments/", proxy.state().display());
        let names = maps.lines().filter_map(|line| line.split_once(&snapshots));
        let mut names: Vec<String> = names.map(|(_, name)| name.to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(mapped(), [""; 0]);
    for name in ["many-7", "ser.many-7", "many-299"] {
        let flag = proxy.get("/api/v1/flags/?feature=greeting", name);
        let environment = name.trim_start_matches("ser.");
        assert_eq!(flag.json()["feature_state_value"], environment);
    }
    let before = mapped();
    assert_eq!(before.len(), 2, "{before:?}");

    // No request comes for them until the worker has followed the board.
    upstream.set("many-8", Answer::Document(document("many-8", "changed")));
    upstream.set("many-7", Answer::Document(document("many-7", "changed")));
    proxy.wait_for("both changes", |proxy| {
        let log = proxy.log();
        let published = |name| log.contains(&format!("environment {name} published"));
        published("many-7") && published("many-8")
    });
    let after = proxy.wait_for("the new map in place of the old one", |_| {
        let after = mapped();
        let kept = after.iter().filter(|name| before.contains(name)).count();
        let retired = after.iter().any(|name| name.ends_with("(deleted)"));
        (after.len() == 2 && kept == 1 && !retired).then_some(after)
    });
    let flag = proxy.get("/api/v1/flags/?feature=greeting", "many-7");
    assert_eq!(flag.json()["feature_state_value"], "changed");
    assert_eq!(mapped(), after);
}

#[test]
fn an_answer_has_the_same_tag_on_every_worker_of_every_proxy() {
    // The value is larger than what is compressed before it is published.
    let value: String = (0..50_000).map(|number| format!("{number} ")).collect();
    let upstream = Stub::start([("test", document("test", &value))]);
    let tags = |proxy: &Proxy, path: &str, coding: &str| {
        proxy.wait_for("the compressed form", |proxy| {
            let headers = [
                ("X-Environment-Key", "ser.test"),
                ("Accept-Encoding", coding),
            ];
            let answers: Vec<_> = (0..16)
                .map(|_| proxy.connect().request("GET", path, &headers, b""))
                .collect();
            let complete = |answer: &Response| {
                answer
                    .headers
                    .get("content-encoding")
                    .map_or("identity", String::as_str)
                    == coding
            };
            let tag = |answer: Response| answer.headers["etag"].clone();
            answers
                .iter()
                .all(complete)
                .then(|| answers.into_iter().map(tag).collect::<BTreeSet<_>>())
        })
    };
    let proxies = [1, 4].map(|workers| {
        let proxy = Start::new(&upstream, &["test"]).workers(workers).start();
        proxy.wait_until_ready();
        proxy
    });
    for path in [
        "/api/v1/flags/",
        "/api/v1/flags/?feature=greeting",
        "/api/v1/environment-document/",
    ] {
        for coding in ["identity", "gzip"] {
            let [one, four] = proxies.each_ref().map(|proxy| tags(proxy, path, coding));
            assert_eq!(one, four, "{path} {coding}");
            assert_eq!(one.len(), 1, "{path} {coding}: {one:?}");
        }
    }
}

#[test]
fn workers_cost_upstream_nothing() {
    let requests = |workers| {
        let upstream = Stub::start([("test", document("test", "same"))]);
        let start = Start::new(&upstream, &["test"]).workers(workers);
        let proxy = start.set("api_poll_frequency_seconds", json!(0.4)).start();
        proxy.wait_until_ready();
        let started = std::time::Instant::now();
        proxy.wait_for("ten polls", |_| upstream.count("test") >= 10);
        (started.elapsed(), upstream.heads("test"))
    };
    for workers in [1, 4] {
        let (elapsed, heads) = requests(workers);
        // Ten polls 0.4 s apart, each up to a tenth early, take at least 3.2 s whatever the number of workers.
        assert!(
            elapsed.as_secs_f64() > 2.8,
            "{workers} workers polled ten times in {elapsed:?}"
        );
        assert!(
            !heads[0].to_lowercase().contains("if-modified-since"),
            "{}",
            heads[0]
        );
        let conditional = |head: &&String| {
            head.to_lowercase()
                .contains("if-modified-since: thu, 15 jan 2026 10:30:00 gmt")
        };
        assert_eq!(
            heads.iter().filter(conditional).count(),
            heads.len() - 1,
            "{heads:?}"
        );
    }
}

#[test]
fn paths_may_begin_with_the_base_path_of_an_ingress() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    // As people write it.
    let start = Start::new(&upstream, &["test"]).server("base_path", "flagsmith/edge/".into());
    let proxy = start.start();
    proxy.wait_until_ready();
    for path in ["/flagsmith/edge/api/v1/flags/", "/api/v1/flags/"] {
        assert_eq!(proxy.get(path, "test").status, 200, "{path}");
    }
    assert_eq!(proxy.get("/flagsmith/edge", "").status, 200);
    assert_eq!(proxy.get("/flagsmith/api/v1/flags/", "test").status, 404);
}

#[test]
fn every_endpoint_answers_with_and_without_its_slash() {
    let text = document("test", "hello");
    let upstream = Stub::start([("test", text.clone())]);
    let proxy = Proxy::ready(&upstream, "test");
    for slash in ["", "/"] {
        let flags = proxy.get(&format!("/api/v1/flags{slash}"), "test").json();
        assert_eq!(flags.as_array().map(Vec::len), Some(1));
        let flags = proxy
            .get(&format!("/api/v1/flags{slash}"), "ser.test")
            .json();
        assert_eq!(flags.as_array().map(Vec::len), Some(2));
        let flag = proxy
            .get(&format!("/api/v1/flags{slash}?feature=greeting"), "test")
            .json();
        assert_eq!(flag["feature_state_value"], "hello");
        let identity = proxy
            .get(
                &format!("/api/v1/identities{slash}?identifier=alice"),
                "test",
            )
            .json();
        assert_eq!(identity["flags"][0]["feature_state_value"], "hello alice");
        let body =
            r#"{"identifier":"bob","traits":[{"trait_key":"plan","trait_value":"premium"}]}"#;
        let identity = proxy
            .post(&format!("/api/v1/identities{slash}"), "test", body)
            .json();
        assert_eq!(
            identity["flags"][0]["feature_state_value"],
            "premium greeting"
        );
        let served = proxy.get(&format!("/api/v1/environment-document{slash}"), "ser.test");
        assert_eq!(served.text(), text);
        for path in ["/proxy/health", "/proxy/health/readiness", "/health"] {
            let health = proxy.get(&format!("{path}{slash}"), "").json();
            assert_eq!(
                (&health["status"], &health["reason"]),
                (&json!("ok"), &json!(null))
            );
            assert!(
                health["last_successful_update"]
                    .as_str()
                    .is_some_and(|time| time.contains('T'))
            );
        }
        let liveness = proxy.get(&format!("/proxy/health/liveness{slash}"), "");
        assert_eq!((liveness.status, liveness.text().as_str()), (200, ""));
    }
}

#[test]
fn refuses_what_it_cannot_answer() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let check = |path: &str, key: &str, status: u16, body: &str| {
        let response = proxy.get(path, key);
        assert_eq!(
            (response.status, response.text().as_str()),
            (status, body),
            "{path} {key}"
        );
    };
    check(
        "/api/v1/flags/",
        "nope",
        401,
        r#"{"status":"unauthorized","message":"unknown key 'nope'"}"#,
    );
    check(
        "/api/v1/flags/",
        "ser.nope",
        401,
        r#"{"status":"unauthorized","message":"unknown key 'ser.nope'"}"#,
    );
    check(
        "/api/v1/environment-document/",
        "test",
        403,
        r#"{"detail":"Invalid or missing Environment Key"}"#,
    );
    check(
        "/api/v1/flags/?feature=secret",
        "test",
        404,
        r#"{"status":"not_found","message":"feature 'secret' not found"}"#,
    );
    check("/api/v2/flags/", "test", 404, r#"{"detail":"Not Found"}"#);
    let missing = proxy.connect().request("GET", "/api/v1/flags/", &[], b"");
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (
            401,
            r#"{"status":"unauthorized","message":"unknown key None"}"#
        )
    );
    let put = proxy.connect().request(
        "PUT",
        "/api/v1/identities/",
        &[("X-Environment-Key", "test")],
        b"{}",
    );
    assert_eq!(put.status, 405);
    let invalid = proxy.post(
        "/api/v1/identities/",
        "test",
        r#"{"identifier":"a","traits":[{"trait_value":1}]}"#,
    );
    assert_eq!(invalid.status, 422);
    assert_eq!(
        invalid.json()["detail"][0]["loc"],
        json!(["body", "traits", 0, "trait_key"])
    );
    let large = proxy.post("/api/v1/identities/", "test", &" ".repeat(2 << 20));
    assert_eq!(large.status, 413);
}
