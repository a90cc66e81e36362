//! What a worker counts, and the text for Prometheus.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use contract::{BoardWords, Failure, Fetch};

use super::stub_supervisor::{StubSupervisor, document};
use super::worker::{Worker, request};
use crate::environments::Environments;
use crate::metrics;

fn text(supervisor: &StubSupervisor, max_environments: usize) -> String {
    let environments = Environments::open(supervisor.reader().into()).expect("environments");
    metrics::text(&environments, max_environments)
}

/// The value of a sample.
fn value(text: &str, sample: &str) -> Option<f64> {
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        (name == sample).then(|| value.parse().expect("a number"))
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{sample} twice");
    value
}

/// A supervisor that has something to tell of everything.
fn supervisor(names: &[&'static str]) -> StubSupervisor {
    let mut supervisor = StubSupervisor::new(names);
    for name in names {
        supervisor.publish(name, &document(name, 1, &[]));
    }
    let board = supervisor.board();
    board.proxy().set_started(std::time::SystemTime::now());
    for row in 0..names.len() {
        board.count_fetch(row, Fetch::Changed, Duration::from_millis(20));
        board.count_compile(row, Duration::from_millis(2));
        board.environment(row).set_document(1234, 1);
    }
    let now = std::time::SystemTime::now();
    board.environment(0).failed(now, Failure::Status(401));
    supervisor
}

#[test]
fn every_answer_is_counted_with_its_endpoint_status_and_bytes() {
    let supervisor = supervisor(&["one"]);
    let worker = Worker::start(&supervisor, &[]);
    let key = "X-Environment-Key: client_one\r\n";
    let identity = r#"{"identifier":"alice"}"#;
    let (mut flags, mut identities) = (0, 0);
    for _ in 0..3 {
        flags += worker.get("/api/v1/flags/", key).body.len();
        identities += worker.post("/api/v1/identities/", key, identity).body.len();
    }
    let refused = worker.get("/api/v1/flags/", "X-Environment-Key: nobody\r\n");
    flags += refused.body.len();
    worker.get("/api/v1/environment-document/", key);
    worker.get("/nowhere", "");
    worker.get("/proxy/health/liveness", "");
    let malformed = worker.ask("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n");
    assert_eq!(malformed.status, 400);
    let expects = "Expect: 100-continue\r\nContent-Length: 99999999\r\n";
    let too_long = request("POST", "/api/v1/identities/", expects, "");
    assert_eq!(worker.ask(too_long).status, 413);

    let text = text(&supervisor, 10);
    let requests = |endpoint: &str, status: &str| {
        let labels = format!(r#"{{endpoint="{endpoint}",status="{status}"}}"#);
        value(&text, &format!("edge_proxy_requests_total{labels}"))
    };
    assert_eq!(requests("flags", "2xx"), Some(3.0));
    assert_eq!(requests("flags", "4xx"), Some(1.0));
    assert_eq!(requests("identities", "2xx"), Some(3.0));
    assert_eq!(requests("identities", "4xx"), Some(1.0));
    assert_eq!(requests("environment-document", "4xx"), Some(1.0));
    assert_eq!(requests("health", "2xx"), Some(1.0));
    assert_eq!(requests("other", "4xx"), Some(2.0));
    let bytes = |endpoint: &str| {
        let labels = format!(r#"{{endpoint="{endpoint}"}}"#);
        value(
            &text,
            &format!("edge_proxy_response_body_bytes_total{labels}"),
        )
    };
    assert_eq!(bytes("flags"), Some(flags as f64));
    assert!(bytes("identities") > Some(identities as f64));
    let duration = |what: &str| {
        value(
            &text,
            &format!("edge_proxy_request_duration_seconds_{what}"),
        )
    };
    assert_eq!(duration(r#"count{endpoint="flags"}"#), Some(4.0));
    assert_eq!(duration(r#"bucket{endpoint="flags",le="+Inf"}"#), Some(4.0));
    assert!(duration(r#"sum{endpoint="flags"}"#) > Some(0.0));
    assert_eq!(
        value(&text, "edge_proxy_connections_accepted_total"),
        Some(12.0)
    );
}

#[test]
fn a_head_sends_no_bytes_and_a_preflight_counts_with_its_path() {
    let supervisor = supervisor(&["one"]);
    let worker = Worker::start(&supervisor, &["*"]);
    let key = "X-Environment-Key: client_one\r\n";
    worker.ask(request("HEAD", "/api/v1/flags/", key, ""));
    let preflight = "Origin: https://a.test\r\nAccess-Control-Request-Method: GET\r\n";
    worker.ask(request("OPTIONS", "/api/v1/identities/", preflight, ""));
    let counters = supervisor.board().counters(0);
    assert_eq!(counters.bytes(contract::Endpoint::Flags), 0);
    assert_eq!(counters.requests(contract::Endpoint::Flags)[0], 1);
    assert_eq!(counters.requests(contract::Endpoint::Identities)[0], 1);
}

#[test]
fn open_connections_are_those_of_now() {
    let supervisor = supervisor(&["one"]);
    let worker = Worker::start(&supervisor, &[]);
    let open = || supervisor.board().open_connections(0);
    let connections = [worker.connect(), worker.connect()];
    testing::eventually("both are open", || open() == 2);
    drop(connections);
    testing::eventually("both are closed", || open() == 0);
    assert_eq!(supervisor.board().counters(0).connections(), 2);
}

#[test]
fn each_environment_has_samples_unless_there_are_too_many() {
    let supervisor = supervisor(&["one", "two"]);
    let both = text(&supervisor, 2);
    let sample =
        r#"edge_proxy_environment_fetches_total{environment="client_two",result="changed"}"#;
    assert_eq!(value(&both, sample), Some(1.0));
    let failing = r#"edge_proxy_environment_failing{environment="client_one",reason="status 401"}"#;
    assert_eq!(value(&both, failing), Some(1.0));
    let neither = text(&supervisor, 1);
    assert!(!neither.contains("client_"), "{neither}");
    for text in [both, neither] {
        assert_eq!(
            value(&text, r#"edge_proxy_environments{state="current"}"#),
            Some(2.0)
        );
        let failing = r#"edge_proxy_environments_failing{reason="status 401"}"#;
        assert_eq!(value(&text, failing), Some(1.0));
        assert_eq!(
            value(&text, r#"edge_proxy_fetches_total{result="changed"}"#),
            Some(2.0)
        );
    }
}

#[test]
fn no_key_can_break_out_of_its_label() {
    let hostile = "a\"} 1\nedge_proxy_forged{x=\"\\";
    // No file can have this name, and none needs to: the index has it.
    let supervisor = StubSupervisor::new(&[hostile]);
    supervisor.board().environment(0).set_document(1234, 0);
    let text = text(&supervisor, 10);
    assert!(
        !text
            .lines()
            .any(|line| line.starts_with("edge_proxy_forged")),
        "{text}"
    );
    let escaped = r#"{environment="client_a\"} 1\nedge_proxy_forged{x=\"\\"}"#;
    assert_eq!(
        value(
            &text,
            &format!("edge_proxy_environment_document_bytes{escaped}")
        ),
        Some(1234.0)
    );
    check(&text);
}

#[test]
fn promtool_finds_nothing_wrong() {
    check(&text(&supervisor(&["one", "two"]), 10));
}

/// Has Prometheus' own tool read the text, where it is installed.
fn check(text: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        testing::skip("promtool is not installed");
        return;
    };
    let mut stdin = tool.stdin.take().expect("its stdin");
    stdin.write_all(text.as_bytes()).expect("write to it");
    drop(stdin);
    let output = tool.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}{text}");
}
