//! Proxies behind this one, and other clients that ask whether their document is still right.

use serde_json::json;
use testing::{Answer, Stub, document};

use crate::harness::{Proxy, Start};

/// The greeting that a new connection gets.
fn greeting(proxy: &Proxy) -> String {
    let flag = proxy.get("/api/v1/flags/?feature=greeting", "test").json();
    flag["feature_state_value"]
        .as_str()
        .expect("a greeting")
        .to_owned()
}

#[test]
fn a_client_that_sends_only_a_date_misses_no_document() {
    let dated = |value: &str, updated_at: &str| {
        document("test", value).replace("2026-01-15T10:30:00.123456+00:00", updated_at)
    };
    let upstream = Stub::start([("test", document("test", "first"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let since = |date: &str| {
        let headers = [
            ("X-Environment-Key", "ser.test"),
            ("If-Modified-Since", date),
        ];
        let path = "/api/v1/environment-document/";
        proxy.connect().request("GET", path, &headers, b"")
    };
    let publish = |value: &str, document: String| {
        upstream.set("test", Answer::Document(document));
        proxy.wait_for("the document", |proxy| greeting(proxy) == value);
    };
    let first = "Thu, 15 Jan 2026 10:30:00 GMT";
    assert_eq!(since(first).status, 304);
    // Some edits do not move the date, and others follow in the same second.
    for (value, updated_at) in [
        ("second", "2026-01-15T10:30:00.123456+00:00"),
        ("third", "2026-01-15T10:30:00.9Z"),
    ] {
        publish(value, dated(value, updated_at));
        let answer = since(first);
        assert_eq!(answer.status, 200, "{value}");
        assert_eq!(answer.headers["last-modified"], first);
        assert!(answer.text().contains(value), "{value}");
    }
    publish("fourth", dated("fourth", "2026-01-15T11:30:00Z"));
    assert_eq!(since(first).status, 200);
    assert_eq!(since("Thu, 15 Jan 2026 11:30:00 GMT").status, 304);
    // The second of this edit is not over yet, so another one may follow in it.
    let now = jiff::Timestamp::now();
    publish("fifth", dated("fifth", &now.to_string()));
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    assert_eq!(since(&date).status, 200);
}

#[test]
fn a_proxy_behind_a_proxy_serves_the_same() {
    let upstream = Stub::start([("test", document("test", "first"))]);
    let first = Proxy::ready(&upstream, "test");
    let start = Start::new(&upstream, &["test"]);
    let api_url = json!(format!("http://{}/api/v1", first.address));
    let second = start.set("api_url", api_url).start();
    second.wait_until_ready();
    for value in ["second", "third"] {
        upstream.set("test", Answer::Document(document("test", value)));
        second.wait_for("the change", |proxy| greeting(proxy) == value);
    }
}
