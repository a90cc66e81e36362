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
    assert_eq!(statuses, ["200", "200", "200", "200"], "{raw}");
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
fn a_request_to_upgrade_is_answered_as_any_other_and_its_connection_stays() {
    let (_supervisor, worker) = one_environment();
    let mut stream = worker.connect();
    let body = r#"{"identifier":"a"}"#;
    for upgrade in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n",
        "Connection: upgrade\r\n",
        "connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n",
    ] {
        for (method, path) in [("GET", "/api/v1/flags/"), ("POST", "/api/v1/identities/")] {
            let body = if method == "POST" { body } else { "" };
            let request = request(method, path, &format!("{upgrade}{CLIENT}"), body);
            let request = request.replacen("Connection: close\r\n", "", 1);
            // The words arrive in pieces, too.
            let cut = request.to_ascii_lowercase().find("upgrade").expect("word") + 3;
            for piece in [&request[..cut], &request[cut..]] {
                stream.write_all(piece.as_bytes()).expect("request");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let answer = read_answer(&mut stream, true);
            assert_eq!(answer.status, 200, "{method} {upgrade:?}");
            assert_eq!(answer.header("connection"), None, "{upgrade:?}");
            if method == "POST" {
                assert_eq!(answer.json()["identifier"], "a");
            }
        }
    }
    let closing = request("GET", "/api/v1/flags/", "Connection: upgrade\r\n", "");
    assert_eq!(worker.ask(closing).header("connection"), Some("close"));
}

#[test]
fn bytes_of_a_query_that_are_not_encoded_are_text() {
    let (_supervisor, worker) = one_environment();
    for identifier in [
        "\"7\"", "<x>", "josé", "a`b", "{a|b}", "日本", "%3Cx%3E<", "\\^",
    ] {
        let path = format!("/api/v1/identities/?identifier={identifier}");
        let answer = worker.get(&path, CLIENT);
        assert_eq!(answer.status, 200, "{identifier}");
        let text = identifier.replace("%3C", "<").replace("%3E", ">");
        assert_eq!(answer.json()["identifier"], text, "{identifier}");
    }
    for path in ["/api/v1/flägs/", "/<>"] {
        assert_eq!(worker.get(path, CLIENT).status, 404, "{path}");
    }
    // They are told from the rest of a pipelined request, too.
    let body = r#"{"identifier":"ü?ü"}"#;
    let post = request("POST", "/api/v1/identities/", CLIENT, body);
    let pipelined = post.replacen("Connection: close\r\n", "", 1)
        + &request("GET", "/api/v1/identities/?identifier=é", CLIENT, "");
    let mut stream = worker.connect();
    stream.write_all(pipelined.as_bytes()).expect("requests");
    for identifier in ["ü?ü", "é"] {
        assert_eq!(
            read_answer(&mut stream, true).json()["identifier"],
            identifier
        );
    }
}

#[test]
fn blanks_and_control_characters_in_a_query_are_refused_with_a_body() {
    let (_supervisor, worker) = one_environment();
    for identifier in ["a b", "a\tb", "a\u{1}b", "a\u{7f}b", "a\rb"] {
        let path = format!("/api/v1/identities/?identifier={identifier}");
        let answer = worker.get(&path, CLIENT);
        assert_eq!(answer.status, 400, "{identifier:?}");
        assert_eq!(answer.text(), r#"{"detail":"Invalid HTTP request"}"#);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(answer.header("date").is_some());
    }
    // As long as a head may be, so that no byte is left unread.
    let start = "GET / HTTP/1.1\r\nX-Long: ";
    let answer = worker.ask([start, &"x".repeat(131_072 - start.len())].concat());
    assert_eq!(answer.status, 431);
    assert_eq!(
        answer.text(),
        r#"{"detail":"Request Header Fields Too Large"}"#
    );
    // A refusal after an answer is written together with it.
    let mut stream = worker.connect();
    let get = request("GET", "/api/v1/flags/", CLIENT, "").replacen("Connection: close\r\n", "", 1);
    stream
        .write_all(format!("{get}nonsense\r\n\r\n").as_bytes())
        .expect("requests");
    assert_eq!(read_answer(&mut stream, true).status, 200);
    let refusal = read_answer(&mut stream, true);
    assert_eq!(
        (refusal.status, refusal.text()),
        (400, r#"{"detail":"Invalid HTTP request"}"#)
    );
}

#[test]
fn a_compressed_body_is_refused_with_the_reason() {
    let (_supervisor, worker) = one_environment();
    let body = r#"{"identifier":"a"}"#;
    for coding in ["gzip", "br", "deflate, gzip", "X-Custom"] {
        let headers = format!("{CLIENT}Content-Encoding: {coding}\r\n");
        let answer = worker.post("/api/v1/identities/", &headers, body);
        assert_eq!(answer.status, 415, "{coding}");
        let detail = answer.json()["detail"].to_string();
        assert!(
            detail.contains(coding) && detail.contains("plain JSON"),
            "{detail}"
        );
        assert_eq!(answer.header("accept-encoding"), Some("identity"));
    }
    for coding in ["identity", "Identity", ""] {
        let headers = format!("{CLIENT}Content-Encoding: {coding}\r\n");
        assert_eq!(
            worker.post("/api/v1/identities/", &headers, body).status,
            200,
            "{coding}"
        );
    }
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
