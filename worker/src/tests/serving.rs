//! What a worker does besides answering one request: tags, codings and limits, generations, connections, drains.

use std::io::{BufRead, BufReader};
use std::sync::Mutex;

use contract::{BoardWords, Handover, Sockets, WorkerSettings, WorkerState};
use sha2::{Digest, Sha256};

use super::*;

const CLIENT: &str = "X-Environment-Key: client_one\r\n";
const SERVER: &str = "X-Environment-Key: ser.one\r\n";

const ONE: &[(u32, &str, bool, &str)] = &[(1, "first", true, "1"), (2, "second", true, "2")];

fn one_environment() -> (Published, Worker) {
    let mut published = Published::new(&["one"]);
    published.update("one", &document("one", 0, ONE));
    let worker = Worker::start(&published, &["*"]);
    (published, worker)
}

fn eventually_ready(published: &Published) {
    eventually("the worker is ready", || {
        published.board().worker_state(0) == WorkerState::Ready
    });
}

/// A document whose answers are worth compressing.
fn large_document() -> String {
    let value = format!("\"{}\"", "x".repeat(2000));
    document("one", 0, &[(1, "first", true, &value)])
}

#[test]
fn tags_constant_answers_and_says_so_when_a_client_has_them() {
    let (_published, worker) = one_environment();
    for (path, key) in [
        ("/api/v1/flags/", CLIENT),
        ("/api/v1/flags/?feature=first", CLIENT),
        ("/api/v1/environment-document/", SERVER),
    ] {
        let full = worker.get(path, key);
        assert_eq!(full.status, 200, "{path}");
        let tag = full.header("etag").expect("tag").to_owned();
        for wanted in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let answer = worker.get(path, &format!("{key}If-None-Match: {wanted}\r\n"));
            assert_eq!(answer.status, 304, "{path} {wanted}");
            assert_eq!(answer.body, b"");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert!(answer.header("x-flagsmith-document-updated-at").is_some());
        }
        let other = worker.get(path, &format!("{key}If-None-Match: \"other\"\r\n"));
        assert_eq!(other.body, full.body, "{path}");
    }
}

#[test]
fn says_when_the_document_changed_and_lets_pages_read_it() {
    let (_published, worker) = one_environment();
    for answer in [
        worker.get(
            "/api/v1/flags/",
            &format!("{CLIENT}Origin: https://a.example\r\n"),
        ),
        worker.get(
            "/api/v1/identities/?identifier=a",
            &format!("{CLIENT}Origin: https://a.example\r\n"),
        ),
        worker.get(
            "/api/v1/environment-document/",
            &format!("{SERVER}Origin: https://a.example\r\n"),
        ),
    ] {
        assert_eq!(
            answer.header("x-flagsmith-document-updated-at"),
            Some("1768473000.123456")
        );
        let exposed = answer.header("access-control-expose-headers");
        assert!(
            exposed
                .expect("exposed")
                .contains("x-flagsmith-document-updated-at")
        );
    }
}

#[test]
fn compresses_what_is_worth_it_for_whoever_accepts_it() {
    let mut published = Published::new(&["one"]);
    published.update("one", &large_document());
    let worker = Worker::start(&published, &["https://a.example"]);
    for (path, key) in [
        ("/api/v1/flags/", CLIENT),
        ("/api/v1/flags/?feature=first", CLIENT),
        ("/api/v1/identities/?identifier=a", CLIENT),
        ("/api/v1/environment-document/", SERVER),
    ] {
        let plain = worker.get(path, key);
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.header("vary"), Some("Accept-Encoding, Origin"));
        let compressed = worker.get(path, &format!("{key}Accept-Encoding: gzip\r\n"));
        assert_eq!(
            compressed.header("content-encoding"),
            Some("gzip"),
            "{path}"
        );
        assert!(compressed.body.len() < plain.body.len() / 2);
        assert_eq!(compressed.decoded(), plain.body, "{path}");
        if let Some(tag) = compressed.header("etag") {
            assert_ne!(Some(tag), plain.header("etag"), "{path}");
            let headers = format!("{key}Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n");
            assert_eq!(worker.get(path, &headers).status, 304);
        }
    }
}

#[test]
fn serves_a_large_document_byte_for_byte() {
    let value = format!("\"{}\"", "0123456789abcdef".repeat(20_000));
    let document = document("one", 0, &[(1, "first", true, &value)]);
    let mut published = Published::new(&["one"]);
    published.update("one", &document);
    let worker = Worker::start(&published, &["*"]);
    let answer = worker.get("/api/v1/environment-document", SERVER);
    assert_eq!(
        answer.header("content-length"),
        Some(document.len().to_string().as_str())
    );
    assert!(answer.body == document.as_bytes());
}

#[test]
fn answers_head_with_the_headers_of_get_and_no_body() {
    let (_published, worker) = one_environment();
    for (path, key) in [
        ("/api/v1/flags/", CLIENT),
        ("/api/v1/identities/?identifier=a", CLIENT),
        ("/api/v1/environment-document/", SERVER),
        ("/proxy/health/liveness", ""),
    ] {
        let get = worker.get(path, key);
        let head = worker.ask(request("HEAD", path, key, ""));
        assert_eq!(head.status, 200);
        assert_eq!(head.body, b"");
        let without_date = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(without_date(&head), without_date(&get), "{path}");
    }
}

#[test]
fn refuses_bodies_beyond_the_limit_and_reads_those_within() {
    let (_published, worker) = one_environment();
    let body = |length: usize| format!(r#"{{"identifier":"{}"}}"#, "x".repeat(length - 17));
    let limit = 64 * 1024;
    let within = worker.post("/api/v1/identities/", CLIENT, &body(limit));
    assert_eq!(within.status, 200);
    let beyond = worker.post("/api/v1/identities/", CLIENT, &body(limit + 1));
    assert_eq!(beyond.status, 413);
    assert_eq!(beyond.text(), r#"{"detail":"Request Entity Too Large"}"#);
    // Elsewhere a body does not matter.
    let elsewhere = worker.post("/api/v1/flags/", CLIENT, &body(100));
    assert_eq!(elsewhere.status, 405);
}

#[test]
fn evaluates_an_identity_without_an_identifier_as_one_of_its_traits() {
    let (_published, worker) = one_environment();
    let headers = format!("{CLIENT}Content-Type: application/json\r\n");
    let ask = |body: &str| {
        let answer = worker.post("/api/v1/identities/", &headers, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["identifier"]
            .as_str()
            .expect("identifier")
            .to_owned()
    };
    let traits = r#"{"traits":[{"trait_key":"a","trait_value":"b"}]}"#;
    let digest: String = Sha256::digest("ab")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(ask(traits), digest);
    let anonymous = ask(r#"{"traits":[]}"#);
    assert_eq!(anonymous.len(), 32);
    assert_ne!(ask(r#"{"identifier":null}"#), anonymous);
}

#[test]
fn answers_several_requests_on_one_connection() {
    let (_published, worker) = one_environment();
    let mut stream = worker.connect();
    let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}\r\n");
    let body = r#"{"identifier":"a"}"#;
    let post_elsewhere = format!(
        "POST /api/v1/analytics/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let post = request("POST", "/api/v1/identities/", CLIENT, body);
    // All at once: what is behind an answer on the wire must not be lost.
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
    let (_published, worker) = one_environment();
    let mut stream = worker.connect();
    stream.set_nodelay(true).expect("no delay");
    let whole = request(
        "POST",
        "/api/v1/identities/",
        CLIENT,
        r#"{"identifier":"in pieces"}"#,
    );
    let (start, end) = whole.split_at(whole.len() - 10);
    // The rest leaves once the head has been answered to, so the worker has to wait for it.
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
    let (_published, worker) = one_environment();
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
fn refuses_what_is_not_http_and_goes_on() {
    let (_published, worker) = one_environment();
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

#[test]
fn answers_from_each_generation_as_soon_as_it_is_published() {
    let mut published = Published::new(&["one", "two"]);
    let worker = Worker::start(&published, &["*"]);
    let flags = |name: &str| {
        worker.get(
            "/api/v1/flags/",
            &format!("X-Environment-Key: client_{name}\r\n"),
        )
    };
    let early = flags("one");
    assert_eq!(early.status, 503);
    assert_eq!(early.header("retry-after"), Some("1"));
    published.update("one", &document("one", 0, ONE));
    assert_eq!(flags("one").status, 200);
    assert_eq!(flags("two").status, 503);
    for value in 0..20 {
        let value = value.to_string();
        published.update("two", &document("two", 0, &[(1, "first", true, &value)]));
        assert_eq!(
            flags("two").json()[0]["feature_state_value"].to_string(),
            value
        );
    }
    assert_eq!(flags("one").json()[1]["feature"]["name"], "second");
}

#[test]
fn serves_what_it_holds_while_a_generation_cannot_be_mapped() {
    let (mut published, worker) = one_environment();
    let first_value = || {
        let flags = worker.get("/api/v1/flags/", CLIENT);
        assert_eq!(flags.status, 200);
        flags.json()[0]["feature_state_value"].to_string()
    };
    assert_eq!(first_value(), "1");
    let generation = published.update("one", &document("one", 0, &[(1, "first", true, "2")]));
    let name = format!("state/environments/one.{generation}");
    let path = published.directory.path().join(name);
    let elsewhere = path.with_extension("elsewhere");
    std::fs::rename(&path, &elsewhere).expect("moved");
    assert_eq!(first_value(), "1");
    std::fs::rename(&elsewhere, &path).expect("moved back");
    eventually("the generation is tried again", || first_value() == "2");
}

#[test]
fn knows_server_side_keys_by_their_digest() {
    let (mut published, worker) = one_environment();
    let document_of = |key: &str| {
        worker
            .get(
                "/api/v1/environment-document/",
                &format!("X-Environment-Key: {key}\r\n"),
            )
            .status
    };
    for _ in 0..2 {
        assert_eq!(document_of("ser.one"), 200);
        assert_eq!(document_of("ser.on"), 401);
        assert_eq!(document_of("client_one"), 403);
        assert_eq!(document_of("one"), 401);
    }
    // What a key opened in one generation of the index says nothing about the next.
    published.environments[0] = "renamed";
    published.publish_index();
    assert_eq!(document_of("ser.one"), 401);
    assert_eq!(document_of("ser.renamed"), 503);
    published.update("renamed", &document("renamed", 0, ONE));
    assert_eq!(document_of("ser.renamed"), 200);
}

#[test]
fn keeps_what_it_holds_when_the_index_changes() {
    let mut published = Published::new(&["one", "two"]);
    published.update("one", &document("one", 0, ONE));
    let generation = published.update("two", &document("two", 0, ONE));
    let worker = Worker::start(&published, &["*"]);
    let status = |key: &str| {
        let header = format!("X-Environment-Key: client_{key}\r\n");
        worker.get("/api/v1/flags/", &header).status
    };
    assert_eq!((status("one"), status("two")), (200, 200));
    let path = format!("state/environments/two.{generation}");
    std::fs::remove_file(published.directory.path().join(path)).expect("removed");
    published.environments[0] = "three";
    published.publish_index();
    assert_eq!((status("one"), status("three")), (401, 503));
    // It could not be mapped again.
    assert_eq!(status("two"), 200);
    eventually("the other one is let go of", || {
        published.mapped() == (0, 1)
    });
}

#[test]
fn rows_between_the_environments_count_for_nothing() {
    let mut published = Published::new(&["one", "", "three"]);
    published.update("three", &document("three", 0, ONE));
    let worker = Worker::start(&published, &["*"]);
    let ready = || worker.get("/proxy/health/readiness", "").status;
    let status = |key: &str| {
        let header = format!("X-Environment-Key: {key}\r\n");
        worker.get("/api/v1/flags/", &header).status
    };
    assert_eq!(ready(), 503);
    published.update("one", &document("one", 0, ONE));
    assert_eq!(ready(), 200);
    assert_eq!((status("client_one"), status("ser.three")), (200, 200));
    // One goes, another comes, and nobody's row is reused.
    published.environments[0] = "";
    published.environments.push("four");
    published.publish_index();
    assert_eq!(ready(), 503);
    assert_eq!((status("client_one"), status("ser.one")), (401, 401));
    assert_eq!((status("client_three"), status("client_four")), (200, 503));
    published.update("four", &document("four", 0, ONE));
    assert_eq!(ready(), 200);
    assert_eq!(status("ser.four"), 200);
}

#[test]
fn maps_nothing_that_it_is_not_asked_for() {
    let _alone = DOORBELL.lock();
    let mut published = Published::new(&["one", "two", "three"]);
    for name in ["one", "two", "three"] {
        published.update(name, &document(name, 0, ONE));
    }
    let worker = Worker::start(&published, &["*"]);
    assert_eq!(worker.get("/proxy/health/readiness", "").status, 200);
    assert_eq!(published.mapped(), (0, 0));
    assert_eq!(worker.get("/api/v1/flags/", CLIENT).status, 200);
    assert_eq!(published.mapped(), (1, 0));
    published.update("two", &document("two", 1, ONE));
    ring();
    published.update("one", &document("one", 1, ONE));
    eventually("the worker answers the doorbell", || {
        ring();
        published.mapped() == (1, 0)
    });
    assert_eq!(worker.get("/api/v1/flags/", SERVER).status, 200);
    assert_eq!(published.mapped(), (1, 0));
}

#[test]
fn follows_what_it_holds_without_a_request_when_the_doorbell_rings() {
    let _alone = DOORBELL.lock();
    let (mut published, worker) = one_environment();
    assert_eq!(worker.get("/api/v1/flags/", CLIENT).status, 200);
    // Once one change after the other, once more of them than the board remembers. Until it is followed, what is
    // mapped is the one before, whose file is gone.
    for changes in [1, 1, 2, 100] {
        for second in 0..changes {
            published.update("one", &document("one", second % 60, ONE));
        }
        eventually("the worker holds the newest map and no other", || {
            ring();
            published.mapped() == (1, 0)
        });
    }
}

/// For the tests that ring: the doorbell is that of every worker in this process.
static DOORBELL: Mutex<()> = Mutex::new(());

fn ring() {
    nix::sys::signal::raise(contract::DOORBELL).expect("signal");
}

#[test]
fn is_ready_when_every_document_is_fresh_and_until_the_proxy_drains() {
    let mut published = Published::new(&["one", "two"]);
    let worker = Worker::start(&published, &["*"]);
    let health = || {
        let answer = worker.get("/proxy/health/readiness", "");
        (
            answer.status,
            answer.json()["reason"].as_str().map(str::to_owned),
        )
    };
    let not_updated = Some("environment document(s) not updated.".to_owned());
    published.update("one", &document("one", 0, ONE));
    assert_eq!(health(), (503, not_updated));
    published.update("two", &document("two", 0, ONE));
    assert_eq!(health(), (200, None));
    let long_ago = SystemTime::now() - Duration::from_secs(61);
    published.board().set_fetched(0, long_ago);
    assert_eq!(
        health(),
        (503, Some("environment document(s) stale.".to_owned()))
    );
    published.board().set_fetched(0, SystemTime::now());
    published.board().set_draining();
    assert_eq!(health(), (503, Some("draining.".to_owned())));
    assert_eq!(worker.get("/proxy/health/liveness/", "").status, 200);
}

#[test]
fn finishes_the_request_in_hand_before_it_stops() {
    let (published, worker) = one_environment();
    eventually_ready(&published);
    let mut idle = worker.connect();
    let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}\r\n");
    idle.write_all(get.as_bytes()).expect("request");
    let mut first = [0; 15];
    idle.read_exact(&mut first).expect("answer");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut in_hand = worker.connect();
    let whole = request(
        "POST",
        "/api/v1/identities/",
        CLIENT,
        r#"{"identifier":"last"}"#,
    );
    let (start, end) = whole.split_at(whole.len() - 5);
    in_hand
        .write_all(
            start
                .replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1)
                .as_bytes(),
        )
        .expect("start");
    let mut go_on = [0; 25];
    in_hand.read_exact(&mut go_on).expect("100");
    let stopping = std::thread::spawn(move || worker.stop());
    // An idle connection is closed at once, which also shows that the drain has begun.
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).expect("end of connection");
    in_hand.write_all(end.as_bytes()).expect("end");
    let mut answer = String::new();
    in_hand.read_to_string(&mut answer).expect("answer");
    assert!(answer.contains(r#"{"identifier":"last""#), "{answer}");
    stopping.join().expect("thread").expect("drained");
}

#[test]
fn does_not_serve_a_supervisor_that_is_gone() {
    let directory = TempDir::new().expect("temporary directory");
    let handover = Handover {
        directory: directory.path().to_owned(),
        slot: 0,
        supervisor: 1,
        settings: WorkerSettings {
            allow_origins: Vec::new(),
            limits: LIMITS,
        },
    };
    let text = handover.to_json().expect("handover");
    let handover = Handover::from_json(&text).expect("handover");
    let sockets = Sockets {
        own: TcpListener::bind("127.0.0.1:0").expect("listener"),
        neighbour: None,
    };
    let not_our_supervisor = std::process::id();
    let handed = Handover {
        supervisor: not_our_supervisor,
        ..handover
    };
    let error = crate::run(handed, sockets).expect_err("no supervisor");
    assert_eq!(
        error.to_string(),
        format!("follow supervisor {not_our_supervisor}: it is gone")
    );
}
