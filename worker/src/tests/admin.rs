//! The admin listener.

use std::io::{Read, Write};
use std::time::Duration;

use contract::{Limits, Token, WorkerSettings};

use super::worker::{Answer, LIMITS, read_answer, request};
use super::*;

#[test]
fn lists_its_endpoints_and_each_of_them_answers() {
    let (_supervisor, worker) = one_environment();
    let list = worker.ask_admin("GET", "/endpoints", "");
    assert_eq!(list.status, 200);
    assert_eq!(
        list.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(list.header("cache-control"), Some("no-store"));
    let lines = list.text().lines().filter(|line| line.starts_with('/'));
    let lines = lines.filter(|line| !line.contains("POST"));
    let paths: Vec<_> = lines
        .map(|line| line.split(' ').next().expect("path"))
        .collect();
    assert!(paths.len() >= 3, "{}", list.text());
    for path in paths {
        for path in [path.to_owned(), format!("{path}/").replace("//", "/")] {
            assert_eq!(worker.ask_admin("GET", &path, "").status, 200, "{path}");
            let head = worker.ask_admin("HEAD", &path, "");
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
            let options = worker.ask_admin("OPTIONS", &path, "");
            assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
            assert_eq!(worker.ask_admin("POST", &path, "").status, 405, "{path}");
        }
    }
}

#[test]
fn neither_listener_answers_what_is_the_other_s() {
    let (_supervisor, worker) = one_environment();
    for path in [
        "/api/v1/flags/",
        "/api/v1/environment-document/",
        "/nowhere",
    ] {
        assert_eq!(worker.ask_admin("GET", path, SERVER).status, 404, "{path}");
    }
    assert!(!worker.get("/", "").text().contains("admin"));
    // A page of another origin may not read what is there.
    let origin = worker.ask_admin("GET", "/status", "Origin: https://a.example\r\n");
    assert_eq!(origin.header("access-control-allow-origin"), None);
}

#[test]
fn with_a_token_it_answers_who_has_it_and_tells_health_to_everybody() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document("one", 0, ONE));
    let token = Some(Token::of("open-sesame"));
    let worker = Worker::start_with(&supervisor, WorkerSettings::default(), token);
    let status = |headers: &str| worker.ask_admin("GET", "/status", headers).status;
    for headers in [
        "Authorization: Bearer open-sesame\r\n",
        "authorization: bearer  open-sesame\r\n",
    ] {
        assert_eq!(status(headers), 200, "{headers}");
    }
    for headers in [
        "",
        "Authorization: open-sesame\r\n",
        "Authorization: Basic open-sesame\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer open-sesam\r\n",
        "Authorization: Bearer open-sesame!\r\n",
        "Authorization: Bearer \u{e9}pen-sesame\r\n",
    ] {
        assert_eq!(status(headers), 401, "{headers}");
    }
    let refused = worker.ask_admin("GET", "/nowhere", "");
    assert_eq!(refused.status, 401, "it does not tell what there is");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    for path in ["/proxy/health/liveness", "/proxy/health/readiness"] {
        assert_eq!(worker.ask_admin("GET", path, "").status, 200, "{path}");
    }
}

#[test]
fn it_answers_while_the_public_listener_is_full_of_busy_connections() {
    let supervisor = StubSupervisor::new(&["one"]);
    let limits = Limits {
        max_connections: 100,
        header_timeout: Duration::from_secs(600),
        ..LIMITS
    };
    let settings = WorkerSettings {
        limits,
        ..WorkerSettings::default()
    };
    let worker = Worker::start_with(&supervisor, settings, None);
    let mut busy: Vec<_> = (0..limits.max_connections)
        .map(|_| {
            let mut stream = worker.connect();
            stream
                .write_all(b"GET /api/v1/flags/ HTTP/1.1\r\n")
                .expect("half a head");
            stream
        })
        .collect();
    let mut waits = worker.connect();
    let ask = request("GET", "/proxy/health/liveness", "", "");
    waits.write_all(ask.as_bytes()).expect("request");
    for _ in 0..10 {
        assert_eq!(worker.ask_admin("GET", "/", "").status, 200);
    }
    waits.set_nonblocking(true).expect("non-blocking");
    assert!(waits.read(&mut [0]).is_err(), "it has not been accepted");
    busy.clear();
    waits.set_nonblocking(false).expect("blocking");
    assert_eq!(read_answer(&mut waits, true).status, 200);
}

#[test]
fn it_has_few_connections_and_takes_no_long_body() {
    let (_supervisor, worker) = one_environment();
    let idle: Vec<_> = (0..100).map(|_| worker.connect_admin()).collect();
    // The idle ones make room.
    assert_eq!(worker.ask_admin("GET", "/", "").status, 200);
    let open = idle
        .iter()
        .filter(|stream| {
            stream.set_nonblocking(true).expect("non-blocking");
            let end = stream.peek(&mut [0]);
            end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        })
        .count();
    assert!(open <= 32, "{open}");
    drop(idle);
    let mut long = worker.connect_admin();
    let head = "POST / HTTP/1.1\r\nHost: proxy.test\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n";
    long.write_all(head.as_bytes()).expect("request");
    assert_eq!(read_answer(&mut long, true).status, 413);
}

#[test]
fn it_answers_until_a_drain_is_over_and_ends_with_it() {
    let (_supervisor, worker) = one_environment();
    let mut kept = worker.connect_admin();
    let get = "GET / HTTP/1.1\r\nHost: proxy.test\r\n\r\n";
    kept.write_all(get.as_bytes()).expect("request");
    assert_eq!(read_answer(&mut kept, true).header("connection"), None);
    let mut busy = worker.connect();
    let body = r#"{"identifier":"bob"}"#;
    let post = request("POST", "/api/v1/identities/", CLIENT, body);
    let (begun, rest) = post.split_at(post.len() - 5);
    busy.write_all(begun.as_bytes()).expect("request");
    // The worker has begun that request when it has answered a later one.
    assert_eq!(worker.get("/proxy/health/liveness", "").status, 200);
    let mut idle = worker.connect();
    let flags = get.replace("GET /", "GET /api/v1/flags/");
    idle.write_all(flags.as_bytes()).expect("request");
    read_answer(&mut idle, true);
    let admin_address = worker.admin_address;
    let stopping = std::thread::spawn(move || worker.stop());
    // Idle connections to the public listener are closed, which shows that the drain has begun.
    assert_eq!(idle.read(&mut [0]).expect("end of connection"), 0);
    for _ in 0..20 {
        let mut stream = TcpStream::connect(admin_address).expect("connection");
        stream.write_all(get.as_bytes()).expect("request");
        let answer = read_answer(&mut stream, true);
        assert_eq!(
            (answer.status, answer.header("connection")),
            (200, Some("close"))
        );
    }
    busy.write_all(rest.as_bytes()).expect("the rest");
    let mut raw = Vec::new();
    busy.read_to_end(&mut raw).expect("answer");
    assert_eq!(Answer::parse(&raw).status, 200);
    stopping.join().expect("worker").expect("drained");
    // The kept connection does not hold up the end.
    assert_eq!(kept.read(&mut [0]).expect("the end"), 0);
}
