//! Workers have no privileges, and server-side keys are in no log, error, command line or file.

use std::path::Path;

use serde_json::json;
use testing::{Answer, Stub, document};

use crate::harness::{Start, executable, run};

/// The server-side key; the client-side key is the same without its first four characters.
const SECRET: &str = "ser.a-needle-in-the-haystack";
const PUBLIC: &str = "a-needle-in-the-haystack";
/// A server-side key that is not configured, as one from before a rotation.
const STRANGE: &str = "ser.the-needle-of-yesterday";

#[test]
fn workers_gain_no_privileges_and_tell_what_they_gave_up() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let start = Start::new(&upstream, &["test"])
        .workers(2)
        .log("worker=debug,info");
    let proxy = start.start();
    proxy.wait_until_ready();
    for worker in proxy.workers() {
        // One of the workers is ready; the other may still boot.
        proxy.wait_for("a worker without privileges to come", |_| {
            let status = std::fs::read_to_string(format!("/proc/{worker}/status"));
            status.is_ok_and(|status| status.contains("NoNewPrivs:\t1"))
        });
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid()));
    assert!(
        status.expect("status").contains("NoNewPrivs:\t0"),
        "the supervisor is no worker"
    );
    for slot in 0..2 {
        let told = format!("worker {slot}: no new privileges; ");
        proxy.wait_for(&told, |proxy| proxy.log().contains(&told));
    }
    // Each has a second thread by now, which writes the log.
    for worker in proxy.workers() {
        let threads = std::fs::read_dir(format!("/proc/{worker}/task")).expect("threads");
        let status =
            |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("status"));
        let statuses: Vec<String> = threads.flatten().map(status).map(Result::unwrap).collect();
        assert!(statuses.len() > 1, "{statuses:?}");
        for status in statuses {
            assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        }
    }
}

/// Whether any file below `directory` contains `needle`.
fn is_written(directory: &Path, needle: &str) -> bool {
    std::fs::read_dir(directory)
        .expect("directory")
        .flatten()
        .any(|entry| {
            let path = entry.path();
            if path.is_dir() {
                return is_written(&path, needle);
            }
            let content = std::fs::read(&path).unwrap_or_default();
            content
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        })
}

#[test]
fn server_side_keys_are_in_no_log_command_line_or_file() {
    let upstream = Stub::start([(PUBLIC, document(PUBLIC, "hello"))]);
    let proxy = Start::new(&upstream, &[PUBLIC])
        .workers(2)
        .log("trace")
        .start();
    proxy.wait_until_ready();
    for key in [SECRET, PUBLIC, STRANGE, "nobody"] {
        for path in [
            "/api/v1/flags/",
            "/api/v1/environment-document/",
            "/api/v1/identities/?identifier=a",
            "/nowhere",
        ] {
            let answer = proxy.get(path, key);
            if key != STRANGE {
                assert!(!answer.text().contains(SECRET), "{}", answer.text());
            }
        }
        proxy.post("/api/v1/identities/", key, "{");
    }
    for line in [
        format!("GET /api/v1/flags/ HTTP/1.1\r\nX-Environment-Key: {SECRET}\r\n\r\n"),
        format!("X-Environment-Key: {SECRET}\r\n\r\n"),
    ] {
        let mut connection = proxy.connect();
        connection.send(line.as_bytes());
        assert_eq!(connection.response("GET").status, 400);
    }
    let requests = upstream.count(PUBLIC);
    for (status, body) in [
        ("500 Internal Server Error", format!("you said {SECRET}")),
        (
            "403 Forbidden",
            format!("{{\"detail\":\"{SECRET} is not a key\"}}"),
        ),
        ("200 OK", format!("{{\"{SECRET}\":")),
        ("302 Found\r\nLocation: /elsewhere", String::new()),
        ("200 OK", String::new()),
    ] {
        upstream.set(PUBLIC, Answer::status(status, &body));
        let before = upstream.count(PUBLIC);
        proxy.wait_for("the next polls", |_| upstream.count(PUBLIC) > before);
    }
    assert!(upstream.count(PUBLIC) > requests + 4);
    upstream.set(PUBLIC, Answer::Document(document(PUBLIC, "again")));
    proxy.wait_for("the document after the errors", |proxy| {
        proxy.get("/api/v1/flags/", PUBLIC).text().contains("again")
    });
    let log = proxy.log();
    assert!(
        log.contains("TRACE") && log.contains("500"),
        "a log that says too little to prove a thing: {log}"
    );
    for secret in [SECRET, STRANGE] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
        assert!(!is_written(proxy.state(), secret), "{secret} is in a file");
    }
    for pid in proxy.workers().into_iter().chain([proxy.pid()]) {
        for name in ["cmdline", "environ"] {
            let content = std::fs::read(format!("/proc/{pid}/{name}")).expect("its words");
            assert!(
                !String::from_utf8_lossy(&content).contains(SECRET),
                "{name} of {pid}"
            );
        }
    }
}

#[test]
fn what_is_wrong_with_a_configuration_is_told_without_its_keys() {
    let pair = |server: serde_json::Value, client: serde_json::Value| {
        json!({"environment_key_pairs": [{"server_side_key": server, "client_side_key": client}]})
            .to_string()
    };
    let bare = SECRET.trim_start_matches("ser.");
    for text in [
        pair(json!(bare), json!("client")),
        pair(json!([SECRET]), json!("client")),
        pair(json!({"key": SECRET}), json!("client")),
        pair(json!(format!("{SECRET}\n{SECRET}")), json!("client")),
        pair(json!(SECRET), json!(SECRET)),
        pair(json!("client"), json!(SECRET)),
        json!({"environment_key_pairs": [SECRET]}).to_string(),
        json!({"environment_key_pairs": {"a": SECRET}}).to_string(),
        json!({"environment_key_pairs": SECRET}).to_string(),
        pair(json!(SECRET), json!("client")).replace("]}", ""),
        pair(json!(SECRET), json!("client")).replace("\"server_side_key\":", "\"server_side_key\""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.json");
        std::fs::write(&config, &text).unwrap();
        let (code, stdout, stderr) = run(executable()
            .arg("--config")
            .arg(&config)
            .env("RUST_LOG", "trace"));
        assert!(matches!(code, Some(78 | 1)), "{text}: {stderr}");
        assert!(!stderr.contains(bare) && !stdout.contains(bare), "{stderr}");
    }
}
