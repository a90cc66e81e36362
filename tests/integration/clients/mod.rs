//! The official clients, unmodified, as the registries have them: they are given the address of the proxy and nothing
//! else, find there what they would find at Flagsmith, and what they report arrives upstream.
//!
//! A client is a script of `tests/clients/`, or `rust.rs` here. Each does the same; `expected.rs` says what it is to
//! find, and what upstream is to receive.

mod expected;
mod ofrep;
mod received;
mod rust;

use serde_json::{Value, json};
use testing::{Answer, Stub, eventually};

use crate::harness::{Proxy, Script, Start};
use received::Received;

/// What every client asks for first. `traits` comes after it, because reports keep their order: once upstream has
/// received those, it would have received what is transient.
const QUESTIONS: [&str; 4] = [
    "environment flags",
    "identity",
    "transient identity",
    "transient trait",
];

/// A proxy, and what it is given by upstream.
struct Site {
    upstream: Stub,
    proxy: Proxy,
}

impl Site {
    fn open() -> Self {
        let upstream = Stub::start([("test", expected::document("hello"))]);
        let proxy = Start::new(&upstream, &["test"])
            .set("events_url", json!(upstream.origin()))
            .set("traits", json!({"forward": true}))
            .set("journal", json!({"frequency_seconds": 0.05}))
            .admin()
            .start();
        proxy.wait_until_ready();
        Self { upstream, proxy }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.proxy.address)
    }

    /// Compares what a client finds with what it is to find, check by check. It has to make these checks; `stream` is
    /// followed by an edit.
    fn compare(&self, found: impl Iterator<Item = (String, Value)>, checks: &[&str]) {
        let mut made = Vec::new();
        for (check, found) in found {
            assert_eq!(found, expected::found(&check), "{check}");
            if check == "stream" {
                self.edit();
            }
            made.push(check);
        }
        assert_eq!(made, checks);
    }

    /// Edits the environment once the client has opened its stream.
    fn edit(&self) {
        self.proxy.wait_for("an open stream", |proxy| {
            let metrics = proxy.get_admin("/metrics").text();
            metrics.contains("edge_proxy_streams_open{worker=\"0\"} 1")
        });
        let edited = Answer::Document(expected::edited());
        self.upstream.set("test", edited);
    }

    /// Upstream receives what is wanted, and nothing else.
    fn receives(&self, wanted: &Received) {
        let received = || Received::by(&self.upstream, wanted);
        eventually("all that the client reported", || {
            received().amount() >= wanted.amount()
        });
        assert_eq!(received(), *wanted);
    }
}

#[test]
fn the_python_client_needs_nothing_but_the_proxy() {
    let site = Site::open();
    let Some(script) = Script::start("python/sdk.py", &[&site.origin()]) else {
        return;
    };
    let more = [
        "traits",
        "local evaluation",
        "analytics",
        "events",
        "stream",
        "edit",
    ];
    site.compare(script, &[&QUESTIONS[..], &more].concat());
    site.receives(&Received::wanted().with_event());
}

#[test]
fn the_node_client_needs_nothing_but_the_proxy() {
    let site = Site::open();
    let Some(script) = Script::start("node/sdk.js", &[&site.origin()]) else {
        return;
    };
    let more = ["traits", "local evaluation", "analytics"];
    site.compare(script, &[&QUESTIONS[..], &more].concat());
    site.receives(&Received::wanted());
}

#[test]
fn the_browser_client_needs_nothing_but_the_proxy() {
    let site = Site::open();
    let Some(script) = Script::start("browser/sdk.js", &[&site.origin()]) else {
        return;
    };
    let more = [
        "no identifier",
        "traits",
        "analytics",
        "events",
        "stream",
        "edit",
        "hosts asked",
        "errors in the console",
    ];
    site.compare(script, &[&QUESTIONS[..], &more].concat());
    let wanted = Received::wanted().with_event();
    let wanted = wanted.with_label("flagsmith-sdk-user-agent", "flagsmith-js-sdk/12.4.0");
    site.receives(&wanted.with_label("flagsmith-application-name", "shop"));
}

#[test]
fn the_rust_client_needs_nothing_but_the_proxy() {
    let site = Site::open();
    let checks = rust::checks(&site.origin()).into_iter();
    let more = ["traits", "local evaluation", "analytics"];
    site.compare(checks, &[&QUESTIONS[..], &more].concat());
    let wanted = Received::wanted();
    site.receives(&wanted.with_label("user-agent", "flagsmith-rust-sdk/3.1.2"));
}
