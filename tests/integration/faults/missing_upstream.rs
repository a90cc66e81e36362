//! A missing upstream: what clients and health checks get before the first document and when documents are stale.

use std::time::Duration;

use serde_json::json;
use testing::{Answer, Stub, document};

use crate::harness::{Proxy, Start};

fn greeting(proxy: &Proxy) -> String {
    proxy.get("/api/v1/flags/?feature=greeting", "test").json()["feature_state_value"].to_string()
}

#[test]
fn waits_for_the_first_document_and_says_so() {
    let upstream = Stub::start([("early", document("early", "here"))]);
    let proxy = Start::new(&upstream, &["early", "late"]).start();
    proxy.wait_for("the early document", |proxy| {
        proxy.get("/api/v1/flags/", "early").status == 200
    });
    for key in ["late", "ser.late"] {
        let response = proxy.get("/api/v1/flags/", key);
        assert_eq!(
            (response.status, &response.json()["status"]),
            (503, &json!("unavailable"))
        );
        assert!(response.headers.contains_key("retry-after"), "{response:?}");
    }
    let health = proxy.get("/proxy/health", "");
    assert_eq!(health.status, 503);
    assert_eq!(
        health.json()["reason"],
        "environment document(s) not updated."
    );
    assert_eq!(proxy.get("/proxy/health/liveness", "").status, 200);
    upstream.set("late", Answer::Document(document("late", "there")));
    proxy.wait_until_ready();
    assert_eq!(proxy.get("/api/v1/flags/", "late").status, 200);
}

#[test]
fn becomes_stale_when_upstream_is_silent_and_serves_on() {
    let upstream = Stub::start([("test", document("test", "old"))]);
    let start = Start::new(&upstream, &["test"]).set("api_poll_timeout_seconds", json!(0.2));
    let proxy = start
        .set(
            "health_check",
            json!({"environment_update_grace_period_seconds": 0.5}),
        )
        .start();
    proxy.wait_until_ready();
    upstream.set("test", Answer::silence());
    let health = proxy.wait_for("staleness", |proxy| {
        let health = proxy.get("/proxy/health/readiness", "");
        (health.status == 503).then_some(health)
    });
    assert_eq!(health.json()["reason"], "environment document(s) stale.");
    assert_eq!(health.json()["status"], "error");
    assert_eq!(greeting(&proxy), "\"old\"");
    assert_eq!(proxy.get("/proxy/health/liveness", "").status, 200);
}

#[test]
fn a_restart_does_not_wait_for_anybody() {
    // Nobody listens there, so the first fetch fails at once.
    let upstream = Stub::start([("test", document("test", "unreachable"))]);
    let start = Start::new(&upstream, &["test"]).set("api_url", json!("http://127.0.0.1:9/api/v1"));
    let mut proxy = start.start();
    proxy.wait_for("the failure", |proxy| {
        proxy.log().contains("could not reach upstream")
    });
    assert_eq!(proxy.get("/proxy/health/liveness", "").status, 200);
    let started = std::time::Instant::now();
    proxy.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(proxy.wait().success());
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
