//! Wrong answers: each comes for another environment of one proxy, and none changes what is served.

mod table;

use serde_json::json;
use testing::{Answer, Stub, document};

use super::{assert_secrets_kept, served, wait_for_failure, wait_for_recovery, wait_until_served};
use crate::harness::Start;
use table::{LARGEST, faults};

#[test]
fn a_wrong_answer_changes_nothing_that_is_served() {
    let other = Stub::start([]);
    let faults = faults(&other.origin());
    let environments: Vec<_> = faults
        .iter()
        .map(|(environment, ..)| *environment)
        .collect();
    // The document is dated in the future, so that no fetch is conditional and a 304 is a fault.
    let good = |environment: &str, value: &str| {
        document(environment, value).replace("2026-01-15", "2027-01-15")
    };
    let upstream = Stub::start(environments.iter().map(|name| (*name, good(name, "good"))));
    let proxy = Start::new(&upstream, &environments)
        .set("api_max_document_bytes", json!(LARGEST))
        .set("api_poll_timeout_seconds", json!(1))
        .start();
    proxy.wait_until_ready();
    let before: Vec<_> = environments
        .iter()
        .map(|name| served(&proxy, name))
        .collect();

    for (environment, answer, _) in &faults {
        upstream.set(environment, answer.clone());
    }
    for ((environment, _, reason), before) in faults.iter().zip(&before) {
        wait_for_failure(&proxy, environment, reason);
        assert!(served(&proxy, environment) == *before, "{environment}");
    }

    for environment in &environments {
        upstream.set(
            environment,
            Answer::Document(good(environment, "recovered")),
        );
    }
    for (environment, before) in environments.iter().zip(&before) {
        assert!(served(&proxy, environment).len() == before.len());
        wait_until_served(&proxy, environment, &good(environment, "recovered"));
        wait_for_recovery(&proxy, environment);
    }
    proxy.wait_until_ready();
    assert_eq!(other.connections(), 0, "a key went to another origin");
    assert_secrets_kept(&proxy);
    println!("{} wrong answers", faults.len());
}

#[test]
fn a_304_before_any_document_is_no_document() {
    let upstream = Stub::start([]);
    upstream.set("test", Answer::raw(&["304 Not Modified"], ""));
    let proxy = Start::new(&upstream, &["test"]).start();
    wait_for_failure(
        &proxy,
        "test",
        "upstream answered 304 to an unconditional request",
    );
    assert_eq!(proxy.get("/api/v1/flags/", "test").status, 503);
    assert_eq!(proxy.get("/proxy/health/readiness", "").status, 503);
    let good = document("test", "good");
    upstream.set("test", Answer::Document(good.clone()));
    wait_until_served(&proxy, "test", &good);
    proxy.wait_until_ready();
}
