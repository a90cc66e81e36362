//! Requests: their bodies, several on one connection, and bytes that are none.

use std::io::{BufRead, BufReader, Read, Write};

use super::*;

#[test]
fn refuses_bodies_beyond_the_limit_and_reads_those_within() {
    let (_supervisor, worker) = one_environment();
    let body = |length: usize| format!(r#"{{"identifier":"{}"}}"#, "x".repeat(length - 17));
    let limit = 64 * 1024;
    let within = worker.post("/api/v1/identities/", CLIENT, &body(limit));
    assert_eq!(within.status, 200);
    let beyond = worker.post("/api/v1/identities/", CLIENT, &body(limit + 1));
    assert_eq!(beyond.status, 413);
    assert_eq!(beyond.text(), r#"{"detail":"Request Entity Too Large"}"#);
    // Other endpoints ignore the body.
    let elsewhere = worker.post("/api/v1/flags/", CLIENT, &body(100));
    assert_eq!(elsewhere.status, 405);
}

#[test]
fn answers_several_requests_on_one_connection() {
    let (_supervisor, worker) = one_environment();
    let mut stream = worker.connect();
    let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}\r\n");
    let body = r#"{"identifier":"a"}"#;
    let post_elsewhere = format!(
        "POST /api/v1/analytics/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let post = request("POST", "/api/v1/identities/", CLIENT, body);
    // All at once: pipelined requests must not be lost.
    let requests = [get.as_str(), &get, &post_elsewhere, &post].concat();
    stream.write_all(requests.as_bytes()).expect("requests");
    let mut raw = String::new();
    stream.read_to_string(&mut raw).expect("answers");
    let statuses: Vec<&str> = raw
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["200", "200", "404", "200"], "{raw}");
    assert!(raw.contains(r#"{"identifier":"a","traits":[],"flags":["#));
}

#[test]
fn reads_a_body_that_comes_in_pieces() {
    let (_supervisor, worker) = one_environment();
    let mut stream = worker.connect();
    stream.set_nodelay(true).expect("no delay");
    let whole = request(
        "POST",
        "/api/v1/identities/",
        CLIENT,
        r#"{"identifier":"in pieces"}"#,
    );
    let (start, end) = whole.split_at(whole.len() - 10);
    // The rest is sent after 100 Continue, so the worker has to wait for it.
    let expecting = start.replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    stream.write_all(expecting.as_bytes()).expect("start");
    let mut reader = BufReader::new(stream.try_clone().expect("stream"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("line");
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(end.as_bytes()).expect("end");
    let mut answer = String::new();
    reader.read_to_string(&mut answer).expect("answer");
    assert!(answer.contains(r#"{"identifier":"in pieces""#), "{answer}");
}

#[test]
fn does_not_wait_for_a_body_that_never_ends() {
    let (_supervisor, worker) = one_environment();
    let upgrade = format!("{CLIENT}Connection: upgrade\r\nUpgrade: websocket\r\n");
    let request = request("GET", "/api/v1/flags/", &upgrade, "");
    assert_eq!(
        worker
            .ask(request.replacen("Connection: close\r\n", "", 1))
            .status,
        200
    );
}

#[test]
fn bytes_that_are_not_http_are_refused_and_the_worker_goes_on() {
    let (_supervisor, worker) = one_environment();
    for nonsense in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "\u{1}\u{2}\u{3}\r\n\r\n",
    ] {
        assert_eq!(worker.ask(nonsense).status, 400, "{nonsense:?}");
    }
    for path in ["/%", "/%ff%00", "*", "/api/v1/flags/?feature=%ff&%=%"] {
        let status = worker.get(path, CLIENT).status;
        assert!((200..500).contains(&status), "{path} {status}");
    }
    assert_eq!(worker.get("/api/v1/flags/", CLIENT).status, 200);
}
