//! Usage: upstream is told how many requests each environment has answered, exactly once each.

use std::collections::{BTreeMap, HashMap};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Answer, Report, Stub, document, eventually};

use crate::harness::{Proxy, Start};

const KEY: &str = "pk.secret_of_this_proxy";
const USAGE: &str = "/api/v1/proxy/usage/";

fn upstream() -> Stub {
    let documents = ["one", "two"].map(|name| (name, document(name, "hello")));
    let stub = Stub::start(documents);
    let environment = |name: &str| {
        let key = json!({"key": format!("ser.{name}"), "active": true, "expires_at": null});
        json!({"client_side_key": name, "server_side_keys": [key]})
    };
    let list = json!([environment("one"), environment("two")]);
    stub.list(KEY, Answer::status("200 OK", &list.to_string()));
    stub
}

fn start(upstream: &Stub) -> Proxy {
    let proxy = Start::without_upstream()
        .workers(2)
        .set("api_url", json!(upstream.api_url()))
        .set("proxy_key", json!(KEY))
        .set("journal", json!({"frequency_seconds": 0.1}))
        .start();
    proxy.wait_until_ready();
    proxy
}

/// What came for usage, the answers to which were as `answer` says.
fn usage_reports(upstream: &Stub) -> Vec<Report> {
    let reports = upstream.reports().into_iter();
    reports
        .filter(|report| report.target() == ("POST", USAGE))
        .collect()
}

/// The sums of all that came, once for each idempotency key.
fn sums(upstream: &Stub) -> BTreeMap<(String, String), u64> {
    let mut bodies = HashMap::new();
    for report in usage_reports(upstream) {
        let key = report.header("idempotency-key").expect("a key").to_owned();
        let before = bodies.insert(key, report.body.clone());
        assert!(
            before.is_none_or(|before| before == report.body),
            "it is sent again unchanged"
        );
    }
    let mut sums = BTreeMap::new();
    for body in bodies.into_values() {
        let rows: Value = serde_json::from_slice(&body).expect("JSON");
        let rows = rows.as_array().expect("a list");
        assert!(!rows.is_empty() && rows.len() <= 1000);
        for row in rows {
            let text = |name: &str| row[name].as_str().expect("a text").to_owned();
            let count = row["count"].as_u64().expect("a count");
            *sums
                .entry((text("client_side_key"), text("resource")))
                .or_default() += count;
        }
    }
    sums
}

/// Asks for everything, some more often than others.
fn ask(proxy: &Proxy) {
    for (count, path, key) in [
        (5, "/api/v1/flags/", "one"),
        (4, "/api/v1/flags/?feature=greeting", "ser.two"),
        (3, "/api/v1/identities/?identifier=a", "two"),
        (2, "/api/v1/environment-document/", "ser.one"),
        (1, "/api/v1/flags/", "nobody"),
    ] {
        for _ in 0..count {
            proxy.get(path, key);
        }
    }
}

fn expected(rounds: u64) -> BTreeMap<(String, String), u64> {
    let rows = [
        ("one", "flags", 5),
        ("two", "flags", 4),
        ("two", "identities", 3),
        ("one", "environment-document", 2),
    ];
    let rows = rows.map(|(environment, resource, count)| {
        (
            (environment.to_owned(), resource.to_owned()),
            rounds * count,
        )
    });
    rows.into_iter().collect()
}

#[test]
fn upstream_is_told_how_many_requests_each_environment_has_answered() {
    let upstream = upstream();
    let mut proxy = start(&upstream);
    ask(&proxy);
    eventually("the usage", || sums(&upstream) == expected(1));
    let report = &usage_reports(&upstream)[0];
    assert_eq!(report.header("x-proxy-key"), Some(KEY));
    assert_eq!(report.header("x-environment-key"), None);
    assert_eq!(report.header("content-type"), Some("application/json"));
    // What was counted last is told when the proxy stops.
    ask(&proxy);
    proxy.signal(Signal::SIGTERM);
    proxy.wait();
    assert_eq!(sums(&upstream), expected(2));
}

#[test]
fn usage_that_upstream_fails_to_take_is_sent_again_unchanged_and_what_it_refuses_is_dropped_with_a_line()
 {
    let upstream = upstream();
    upstream.receive(|_| Answer::status("500 Oh no", ""));
    let proxy = start(&upstream);
    ask(&proxy);
    eventually("two tries", || usage_reports(&upstream).len() >= 2);
    upstream.receive(|_| Answer::status("202 Accepted", ""));
    eventually("the usage", || sums(&upstream) == expected(1));

    upstream.receive(|_| Answer::status("404 Not Found", ""));
    ask(&proxy);
    let line = "upstream answered 404 to usage: it is dropped; this is logged once";
    proxy.wait_for(line, |proxy| proxy.log().contains(line));
    upstream.receive(|_| Answer::status("202 Accepted", ""));
    ask(&proxy);
    eventually("what came after", || sums(&upstream) == expected(3));
    let ends = |report: &Report| report.header("idempotency-key").map(str::to_owned);
    let keys: Vec<_> = usage_reports(&upstream).iter().map(ends).collect();
    assert!(keys.iter().all(Option::is_some));
    assert!(!proxy.log().contains("pk."), "{}", proxy.log());
}

#[test]
fn without_a_proxy_key_nobody_is_told() {
    let upstream = upstream();
    let proxy = Start::new(&upstream, &["one"])
        .set("journal", json!({"frequency_seconds": 0.1}))
        .start();
    proxy.wait_until_ready();
    ask(&proxy);
    // A report that is made later and forwarded says that usage would have been by now, but for its second.
    let counts = proxy.post("/api/v1/analytics/flags/", "one", r#"{"greeting":1}"#);
    assert_eq!(counts.status, 200);
    let mut proxy = proxy;
    proxy.signal(Signal::SIGTERM);
    proxy.wait();
    eventually("the counts", || !upstream.reports().is_empty());
    assert!(usage_reports(&upstream).is_empty());
}
