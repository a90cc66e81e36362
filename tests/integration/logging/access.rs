//! The access log: a line for each answer, and who got it.

use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Stub, document, eventually};

use super::json_lines;
use crate::harness::exchange::exchange;
use crate::harness::{Proxy, Start};

const SECRET: &str = "ser.one";

fn start(upstream: &Stub) -> Start {
    let logging = json!({"enable_access_log": true, "log_format": "json"});
    Start::new(upstream, &["one"]).set("logging", logging)
}

/// The lines of the access log once there are that many.
fn answers(proxy: &Proxy, number: usize) -> Vec<Value> {
    proxy.wait_for("the lines", |proxy| {
        let mut lines = json_lines(&proxy.log());
        lines
            .retain(|line| line["logger"] == "access" && line["path"] != "/proxy/health/readiness");
        (lines.len() >= number).then_some(lines)
    })
}

#[test]
fn every_answer_has_a_line_refusals_included() {
    let upstream = Stub::start([("one", document("one", &"hello".repeat(10_000)))]);
    let proxy = start(&upstream)
        .server("max_body_bytes", json!(100))
        .start();
    proxy.wait_until_ready();
    let json_type = ("Content-Type", "application/json");
    let identity = br#"{"identifier":"a"}"#;
    let long = [b'x'; 200];
    let asks: [(&str, &str, &str, &[u8], u16); 13] = [
        ("GET", "/api/v1/flags/", "one", b"", 200),
        ("HEAD", "/api/v1/flags/", "one", b"", 200),
        ("GET", "/api/v1/flags/?feature=none", "one", b"", 404),
        ("GET", "/api/v1/flags/", "nobody", b"", 401),
        (
            "GET",
            "/api/v1/identities/?identifier=a%20b",
            "one",
            b"",
            200,
        ),
        ("POST", "/api/v1/identities/", "one", identity, 200),
        ("POST", "/api/v1/identities/", "one", b"{", 422),
        ("POST", "/api/v1/identities/", "one", &long, 413),
        ("GET", "/api/v1/environment-document/", SECRET, b"", 200),
        ("GET", "/proxy/health/liveness", "", b"", 200),
        ("DELETE", "/api/v1/flags/", "one", b"", 405),
        ("OPTIONS", "/api/v1/flags/", "", b"", 204),
        ("GET", "/nowhere", "one", b"", 404),
    ];
    let mut lengths = Vec::new();
    for (method, path, key, body, status) in asks {
        let headers = [
            ("X-Environment-Key", key),
            ("User-Agent", "test/1"),
            json_type,
        ];
        let answer = proxy.connect().request(method, path, &headers, body);
        assert_eq!(answer.status, status, "{method} {path}");
        lengths.push(answer.body.len());
    }
    let lines = answers(&proxy, asks.len());
    assert_eq!(lines.len(), asks.len());
    for ((line, length), (method, path, _, _, status)) in lines.iter().zip(lengths).zip(asks) {
        assert_eq!(
            (
                &line["method"],
                &line["path"],
                &line["status"],
                &line["bytes"]
            ),
            (&json!(method), &json!(path), &json!(status), &json!(length)),
        );
        assert_eq!(
            (&line["remote_ip"], &line["user_agent"]),
            (&json!("127.0.0.1"), &json!("test/1"))
        );
        assert!(
            line["microseconds"]
                .as_u64()
                .is_some_and(|time| time < 60_000_000),
            "{line}"
        );
        let text = line["message"].as_str().unwrap();
        assert!(
            text.starts_with(&format!(
                "127.0.0.1 - \"{method} {path} HTTP/1.1\" {status}, "
            )),
            "{text}"
        );
    }
    assert!(!proxy.log().contains(SECRET), "{}", proxy.log());
}

#[test]
fn what_is_no_request_has_a_line_too() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let proxy = start(&upstream)
        .server("max_body_bytes", json!(100))
        .start();
    for (bytes, status) in [
        ("NONSENSE\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (
            "POST /api/v1/identities/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n",
            413,
        ),
    ] {
        let mut connection = TcpStream::connect(proxy.address).unwrap();
        let answer = exchange(&mut connection, bytes.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{bytes}");
    }
    let lines = answers(&proxy, 3);
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (&line["status"], &line["remote_ip"]))
        .collect();
    let address = &json!("127.0.0.1");
    assert_eq!(
        seen,
        [
            (&json!(400), address),
            (&json!(400), address),
            (&json!(413), address)
        ]
    );
    assert!(
        lines[0]["bytes"].as_u64() > Some(0) && lines[0]["path"].is_null(),
        "{lines:?}"
    );
    assert_eq!(lines[2]["path"], "/api/v1/identities/");
}

#[test]
fn an_answer_that_its_client_does_not_take_is_logged_with_what_was_sent() {
    let upstream = Stub::start([("one", document("one", &"0123456789abcdef".repeat(1 << 20)))]);
    let proxy = start(&upstream).start();
    proxy.wait_until_ready();
    let whole = proxy
        .get("/api/v1/environment-document/", SECRET)
        .body
        .len();
    let mut connection = proxy.connect();
    let request = "GET /api/v1/environment-document/ HTTP/1.1\r\nHost: proxy.test";
    connection.send(format!("{request}\r\nX-Environment-Key: {SECRET}\r\n\r\n").as_bytes());
    eventually("an answer that begins", || connection.peek() > 0);
    drop(connection);
    let lines = answers(&proxy, 2);
    assert_eq!(lines[0]["bytes"], json!(whole));
    let sent = lines[1]["bytes"].as_u64().unwrap();
    assert!(sent > 0 && sent < whole as u64, "{sent} of {whole}");
}

#[test]
fn the_client_is_who_a_trusted_proxy_says_it_is() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    for (proxy_headers, trusted, expected) in [
        (json!(true), None, "203.0.113.5"),
        (json!(true), Some("10.0.0.0/8,127.0.0.0/8"), "203.0.113.5"),
        (json!(true), Some("10.0.0.0/8"), "127.0.0.1"),
        (json!(true), Some("*"), "198.51.100.7"),
        (json!(false), Some("*"), "127.0.0.1"),
    ] {
        let mut start = start(&upstream).server("proxy_headers", proxy_headers);
        if let Some(trusted) = trusted {
            start = start.variable("FORWARDED_ALLOW_IPS", trusted);
        }
        let proxy = start.start();
        let headers = [("X-Forwarded-For", "198.51.100.7, 203.0.113.5")];
        proxy.connect().request("GET", "/nowhere", &headers, b"");
        assert_eq!(
            answers(&proxy, 1)[0]["remote_ip"],
            json!(expected),
            "{trusted:?}"
        );
    }
}

#[test]
fn no_answer_has_a_line_where_they_are_not_asked_for() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    for logging in [
        json!({}),
        json!({"enable_access_log": true, "override": {"loggers": {"uvicorn.access": {"level": "WARNING"}}}}),
    ] {
        let mut proxy = Start::new(&upstream, &["one"])
            .set("logging", logging)
            .start();
        proxy.wait_until_ready();
        proxy.get("/api/v1/flags/", "one");
        proxy.signal(Signal::SIGTERM);
        proxy.wait();
        assert!(!proxy.log().contains("access"), "{}", proxy.log());
    }
}
