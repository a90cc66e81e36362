//! What readiness says of environments that are current, stale or missing.

use std::time::{Duration, SystemTime};

use contract::{BoardWords, Failure, ReadyWhen};
use serde_json::{Value, json};

use super::stub_supervisor::{StubSupervisor, document};
use super::worker::Worker;

const LONG_AGO_SHOWN: &str = "2026-01-15T10:29:51.000000+00:00";

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_472_991)
}

/// A supervisor that has published these environments.
fn published(names: &[&'static str]) -> StubSupervisor {
    let mut supervisor = StubSupervisor::new(names);
    for name in names {
        supervisor.publish(name, &document(name, 1, &[]));
    }
    supervisor
}

/// Status code and report.
fn readiness(worker: &Worker) -> (u16, Value) {
    let answer = worker.get("/proxy/health/readiness", "");
    (answer.status, answer.json())
}

#[test]
fn a_ready_proxy_says_what_the_official_one_says() {
    let mut supervisor = published(&["one", "two"]);
    supervisor.readiness.stale_after = None;
    supervisor.publish_index();
    supervisor.board().environment(1).set_fetched(long_ago());
    let worker = Worker::start(&supervisor, &[]);
    let answer = worker.get("/proxy/health/readiness", "");
    let expected =
        format!(r#"{{"status":"ok","reason":null,"last_successful_update":"{LONG_AGO_SHOWN}"}}"#);
    assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
}

#[test]
fn environments_that_are_stale_or_missing_are_named_with_the_reason() {
    let mut supervisor = published(&["stale", "current"]);
    let board = supervisor.board();
    board.environment(0).set_fetched(long_ago());
    board
        .environment(0)
        .failed(long_ago() + Duration::from_secs(9), Failure::Status(401));
    let worker = Worker::start(&supervisor, &[]);
    let stale = json!({
        "environment": "clie…",
        "state": "stale",
        "last_successful_update": LONG_AGO_SHOWN,
        "failure": "status 401",
        "failing_since": "2026-01-15T10:30:00.000000+00:00",
    });
    let (status, report) = readiness(&worker);
    assert_eq!(status, 503);
    assert_eq!(report["reason"], "environment document(s) stale.");
    assert_eq!(report["last_successful_update"], LONG_AGO_SHOWN);
    assert_eq!(report["environments"], json!([stale]));

    supervisor.environments.push("missing");
    supervisor.publish_index();
    let (status, report) = readiness(&worker);
    assert_eq!(status, 503);
    assert_eq!(report["reason"], "environment document(s) not updated.");
    assert_eq!(report["last_successful_update"], Value::Null);
    let missing = json!({
        "environment": "clie…",
        "state": "missing",
        "last_successful_update": null,
        "failure": null,
        "failing_since": null,
    });
    assert_eq!(report["environments"], json!([stale, missing]));

    // The clock was set back: a fetch in the future is not old.
    let future = SystemTime::now() + Duration::from_secs(3600);
    supervisor.board().environment(0).succeeded(future);
    supervisor.publish("missing", &document("missing", 1, &[]));
    assert_eq!(readiness(&worker).0, 200);
}

#[test]
fn one_current_environment_is_enough_where_the_operator_says_so() {
    let mut supervisor = published(&["stale", "current"]);
    supervisor.environments.push("missing");
    supervisor.readiness.ready_when = ReadyWhen::Any;
    supervisor.publish_index();
    supervisor.board().environment(0).set_fetched(long_ago());
    let worker = Worker::start(&supervisor, &[]);
    let (status, report) = readiness(&worker);
    assert_eq!((status, &report["status"]), (200, &json!("ok")));
    let states = report["environments"].as_array().expect("a list");
    let states: Vec<&Value> = states.iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["stale", "missing"]);

    supervisor.board().environment(1).set_fetched(long_ago());
    assert_eq!(readiness(&worker).0, 503);
    supervisor
        .board()
        .environment(1)
        .set_fetched(SystemTime::now());
    assert_eq!(readiness(&worker).0, 200);
    supervisor.board().set_draining();
    let (status, report) = readiness(&worker);
    assert_eq!((status, &report["reason"]), (503, &json!("draining.")));
    assert_eq!(worker.get("/proxy/health/liveness", "").status, 200);
}

#[test]
fn so_many_environments_are_named_and_the_others_counted() {
    let names = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
    ];
    let supervisor = StubSupervisor::new(&names);
    let worker = Worker::start(&supervisor, &[]);
    let (status, report) = readiness(&worker);
    assert_eq!(status, 503);
    assert_eq!(report["environments"].as_array().map(Vec::len), Some(10));
    assert_eq!(report["more_environments"], 3);
}

#[test]
fn a_proxy_without_environments_is_not_ready() {
    for ready_when in [ReadyWhen::All, ReadyWhen::Any] {
        let mut supervisor = StubSupervisor::new(&[]);
        supervisor.readiness.ready_when = ready_when;
        supervisor.publish_index();
        let worker = Worker::start(&supervisor, &[]);
        let (status, report) = readiness(&worker);
        assert_eq!(status, 503);
        assert_eq!(report["reason"], "environment document(s) not updated.");
    }
}
