//! From the outbox to upstream, which may fail in many ways.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

use testing::{Answer, eventually, message};

use super::*;

const COUNTS: &str = "/api/v1/analytics/flags/";

fn counts(count: u64) -> Report<'static> {
    Report::Counts(vec![("one", count)])
}

fn status(status: &str) -> Answer {
    Answer::status(status, "")
}

#[test]
fn every_kind_of_report_gets_to_its_endpoint_with_key_and_headers() {
    let trial = Trial::new();
    let forwarding = trial.start();
    let mut worker = Worker::of(&forwarding, trial.state_directory());
    let labels = Labels {
        user_agent: "flagsmith-python-sdk/5.1.0",
        sdk_user_agent: "flagsmith-js-sdk/12.1.0",
        application_name: "shop",
        application_version: "7",
    };
    worker.append_labelled(labels, counts(3));
    worker.append(Report::Evaluations(vec![journal::Evaluation {
        feature: "one",
        identifier: None,
        enabled: true,
        count: 1,
    }]));
    worker.set("alice", "plan", "1");
    worker.change("alice", "plan", Change::Increment(1));
    let event = Report::Event {
        content_type: "text/odd",
        body: b"\"as it is\"",
    };
    worker.append_labelled(labels, event);
    let expected = [
        ("PUT", "/api/v1/traits/bulk/"),
        ("POST", COUNTS),
        ("POST", "/api/v1/traits/increment-value/"),
        ("POST", "/api/v2/analytics/flags/"),
        ("POST", "/v1/events"),
    ];
    let reports = eventually("all reports", || {
        let reports = trial.stub.reports();
        (reports.len() == expected.len()).then_some(reports)
    });
    for (method, path) in expected {
        let report = reports
            .iter()
            .find(|report| report.target() == (method, path));
        let report = report.unwrap_or_else(|| panic!("no {method} {path}"));
        assert_eq!(report.header("x-environment-key"), Some(ENVIRONMENT));
        assert!(report.header("idempotency-key").is_some());
        let (agent, kind) = match path {
            COUNTS => ("flagsmith-python-sdk/5.1.0", "application/json"),
            "/v1/events" => ("flagsmith-python-sdk/5.1.0", "text/odd"),
            _ => ("proxy", "application/json"),
        };
        assert_eq!(report.header("user-agent"), Some(agent), "{path}");
        assert_eq!(report.header("content-type"), Some(kind), "{path}");
        if agent != "proxy" {
            assert_eq!(
                report.header("flagsmith-sdk-user-agent"),
                Some(labels.sdk_user_agent)
            );
            assert_eq!(report.header("flagsmith-application-name"), Some("shop"));
            assert_eq!(report.header("flagsmith-application-version"), Some("7"));
        }
    }
    forwarding.finish();
}

#[test]
fn what_waits_is_on_the_board_until_upstream_takes_it() {
    let trial = Trial::new();
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    trial.stub.receive(move |_| match up.load(Relaxed) {
        true => status("200 OK"),
        false => status("503 Service Unavailable"),
    });
    let forwarding = trial.start();
    Worker::of(&forwarding, trial.state_directory()).append(counts(3));
    let waiting = || trial.board.proxy().backlog().bytes;
    eventually("a backlog", || waiting() > 0);
    is_up.store(true, Relaxed);
    eventually("no backlog", || waiting() == 0);
    assert_eq!(trial.board.proxy().backlog().dropped, 0);
    forwarding.finish();
}

#[test]
fn what_fails_is_sent_again_unchanged_until_it_is_taken() {
    let trial = Trial::new();
    let answers = Mutex::new(vec![
        Answer::new("302 Found", &["Location: /elsewhere"], ""),
        Answer::Closed(Vec::new()),
        Answer::Closed(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
        Answer::Closed(message(&["200 OK", "Content-Length: 10"], "half")),
        status("429 Too Many Requests"),
        status("500 Internal Server Error"),
    ]);
    trial.stub.receive(move |_| {
        let next = answers.lock().unwrap().pop();
        next.unwrap_or_else(|| status("200 OK"))
    });
    let forwarding = trial.start();
    Worker::of(&forwarding, trial.state_directory()).append(counts(3));
    // Each try is one more than a second after the last. New settings have it tried at once.
    let reports = eventually("the last try", || {
        forwarding.change(Forwarding::prepare(&trial.source(), &trial.settings(1 << 20)).unwrap());
        let reports = trial.stub.reports();
        (reports.len() >= 7).then_some(reports)
    });
    assert_eq!(reports.len(), 7);
    let same = |report: &testing::Report| {
        (
            report.header("idempotency-key").unwrap().to_owned(),
            report.body.clone(),
        )
    };
    assert!(
        reports
            .iter()
            .all(|report| same(report) == same(&reports[0]))
    );
    forwarding.finish();
    let left = std::fs::read_dir(journal::directory(trial.state_directory())).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["committed"]);
}

#[test]
fn what_is_refused_is_sent_once_and_holds_up_nothing() {
    let trial = Trial::new();
    trial.stub.receive(|report| match report.target().1 {
        COUNTS => status("403 Forbidden"),
        _ => status("200 OK"),
    });
    let forwarding = trial.start();
    let mut worker = Worker::of(&forwarding, trial.state_directory());
    worker.append(counts(1));
    eventually("the first", || trial.received(COUNTS).len() == 1);
    worker.append(counts(2));
    worker.set("alice", "plan", "1");
    eventually("the second", || trial.received(COUNTS).len() == 2);
    eventually("the traits", || {
        trial.received("/api/v1/traits/bulk/").len() == 1
    });
    forwarding.finish();
    assert_eq!(trial.stub.reports().len(), 3);
}

#[test]
fn what_upstream_does_not_take_today_waits_for_the_next_run() {
    let trial = Trial::new();
    trial.stub.receive(|_| status("503 Service Unavailable"));
    let forwarding = trial.start();
    let mut worker = Worker::of(&forwarding, trial.state_directory());
    (0..5).for_each(|_| worker.append(counts(1)));
    eventually("a try", || !trial.stub.reports().is_empty());
    worker.append(counts(10));
    drop(worker);
    forwarding.finish();

    trial.stub.receive(|_| status("200 OK"));
    let before = trial.stub.reports().len();
    let forwarding = trial.start();
    eventually("both", || trial.stub.reports().len() > before + 1);
    forwarding.finish();
    assert_eq!(sum(&trial.received(COUNTS), "one"), 15);
}

#[test]
fn a_delivery_that_always_fails_does_not_hold_up_others_of_its_lane() {
    let trial = Trial::new();
    trial
        .stub
        .receive(|report| match report.body.starts_with(b"bad") {
            true => status("500 Internal Server Error"),
            false => status("200 OK"),
        });
    let forwarding = trial.start();
    let mut worker = Worker::of(&forwarding, trial.state_directory());
    let mut event = |body: &str| {
        let body = body.as_bytes();
        let content_type = "text/plain";
        worker.append(Report::Event { content_type, body });
    };
    event("bad");
    eventually("the first", || !trial.stub.reports().is_empty());
    event("good");
    eventually("the second", || {
        let reports = trial.stub.reports();
        reports.iter().any(|report| report.body == b"good")
    });
    forwarding.finish();
}

#[test]
fn traits_of_an_identity_arrive_in_order_whatever_fails() {
    let trial = Trial::new();
    let seen: Mutex<HashMap<String, usize>> = Mutex::default();
    trial.stub.receive(move |report| {
        let key = report.header("idempotency-key").unwrap().to_owned();
        let mut seen = seen.lock().unwrap();
        let times = seen.entry(key).or_default();
        *times += 1;
        match *times {
            1 => status("503 Service Unavailable"),
            _ => status("200 OK"),
        }
    });
    let forwarding = trial.start();
    let mut worker = Worker::of(&forwarding, trial.state_directory());
    for value in 0..4 {
        worker.set("alice", "step", &value.to_string());
        eventually("it is tried", || {
            forwarding
                .change(Forwarding::prepare(&trial.source(), &trial.settings(1 << 20)).unwrap());
            let last = trial.stub.reports().pop();
            last.is_some_and(|report| report.json()[0]["trait_value"] == value)
        });
    }
    let values: Vec<u64> = trial
        .stub
        .reports()
        .iter()
        .map(|report| report.json()[0]["trait_value"].as_u64().unwrap())
        .collect();
    assert!(values.is_sorted(), "{values:?}");
    forwarding.finish();
}
