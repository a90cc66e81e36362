//! Totals equal what clients got, also when workers are killed, rolled and drained.

use std::io::{Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::json;
use testing::{Answer, Stub, document, eventually};

use super::{scrape, sum};
use crate::harness::load::{Load, asks};
use crate::harness::slots::Slots;
use crate::harness::{Proxy, Start};
use crate::reload::{edit, reload};

/// All answers but those of health checks, by which the harness waits.
fn answers(text: &str) -> f64 {
    sum(text, "edge_proxy_requests_total")
        - sum(text, r#"edge_proxy_requests_total{endpoint="health""#)
}

fn proxy(workers: usize) -> (Stub, Proxy, Slots) {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let start = Start::new(&upstream, &["test"]);
    let proxy = start.workers(workers).admin().start();
    let slots = Slots::ready(&proxy);
    (upstream, proxy, slots)
}

#[test]
fn totals_equal_what_clients_got_while_workers_are_killed() {
    let (_upstream, proxy, slots) = proxy(3);
    let asks = asks(proxy.address, "test");
    let before = answers(&scrape(&proxy));
    let load = Load::start(proxy.address, 4, 2, &asks);
    let mut seen = before;
    for round in 0..6 * testing::scale() {
        let victim = slots.signal(round % 3, Signal::SIGKILL);
        eventually("a replacement", || {
            slots.process(round % 3) != victim && slots.is_ready(round % 3)
        });
        let now = answers(&scrape(&proxy));
        assert!(now >= seen, "totals fell from {seen} to {now}");
        seen = now;
    }
    let tally = load.stop();
    let text = scrape(&proxy);
    let counted = answers(&text) - before;
    // An answer that was counted may have been lost with its worker, and no other.
    let (got, lost) = (
        tally.answered as f64,
        (tally.broken.len() + tally.closed) as f64,
    );
    assert!(
        got <= counted && counted <= got + lost,
        "{counted} counted, {got} got, {lost} lost"
    );
    assert!(got > 100.0, "{got}");
    let killed = sum(
        &text,
        r#"edge_proxy_worker_restarts_total{reason="killed"}"#,
    );
    assert_eq!(killed, 6.0 * testing::scale() as f64);
}

#[test]
fn totals_equal_what_clients_got_while_workers_are_rolled() {
    let (_upstream, proxy, _slots) = proxy(2);
    let asks = asks(proxy.address, "test");
    let before = answers(&scrape(&proxy));
    let load = Load::start(proxy.address, 4, 2, &asks);
    for round in 1..=3 {
        edit(&proxy, |config| {
            config["allow_origins"] = json!([format!("https://{round}.test")]);
        });
        reload(&proxy);
    }
    let tally = load.stop();
    assert_eq!(tally.broken.len(), 0, "{:?}", tally.broken);
    let text = scrape(&proxy);
    assert_eq!(answers(&text) - before, tally.answered as f64);
    assert_eq!(
        sum(
            &text,
            r#"edge_proxy_worker_restarts_total{reason="rolled"}"#
        ),
        6.0
    );
    let applied = r#"edge_proxy_configuration_reloads_total{result="applied"}"#;
    assert_eq!(sum(&text, applied), 3.0);
    assert_eq!(sum(&text, "edge_proxy_configuration_reload_success"), 1.0);
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!("never")
    });
    reload(&proxy);
    let text = scrape(&proxy);
    assert_eq!(sum(&text, "edge_proxy_configuration_reload_success"), 0.0);
}

#[test]
fn a_scrape_during_a_drain_tells_that_the_proxy_drains() {
    let (_upstream, mut proxy, _slots) = proxy(2);
    // A request that is on its way keeps the worker.
    let mut half = TcpStream::connect(proxy.address).expect("connect");
    half.write_all(b"GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\n")
        .expect("half a head");
    eventually("the connection is counted", || {
        sum(&scrape(&proxy), "edge_proxy_connections_open") >= 1.0
    });
    proxy.signal(Signal::SIGTERM);
    eventually("draining", || {
        sum(&scrape(&proxy), "edge_proxy_draining") == 1.0
    });
    half.write_all(b"X-Environment-Key: test\r\n\r\n")
        .expect("the rest");
    let mut answer = Vec::new();
    half.read_to_end(&mut answer).expect("its answer");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(proxy.wait().success());
}

#[test]
fn environments_that_fail_are_told_with_the_reason() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    upstream.set("revoked", Answer::status("401 Unauthorized", "{}"));
    let start = Start::new(&upstream, &["test", "revoked"]).admin();
    let proxy = start
        .set("health_check", json!({"ready_when": "any"}))
        .start();
    proxy.wait_until_ready();
    let text = eventually("the failure is told", || {
        let text = scrape(&proxy);
        let failing =
            r#"edge_proxy_environment_failing{environment="revoked",reason="status 401"}"#;
        (sum(&text, failing) == 1.0).then_some(text)
    });
    assert_eq!(
        sum(&text, r#"edge_proxy_environments{state="missing"}"#),
        1.0
    );
    assert!(sum(&text, r#"edge_proxy_fetches_total{result="failed"}"#) >= 1.0);
    let readiness = proxy.get("/proxy/health/readiness", "").json();
    assert_eq!(readiness["status"], "ok");
    assert_eq!(readiness["environments"][0]["environment"], "r…");
    assert_eq!(readiness["environments"][0]["failure"], "status 401");
    assert!(!text.contains("ser."), "{text}");
}
