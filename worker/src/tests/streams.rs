//! Streams as SDKs see them: bytes on a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::{BoardWords, Limits, StreamSettings, WorkerSettings};
use jiff::Timestamp;
use nix::sys::socket::sockopt::RcvBuf;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket,
};
use testing::eventually;

use super::*;

const PATH: &str = "/sse/environments/client_one/stream";

/// A client of a stream.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Asks for the stream of the first environment, with these headers, and reads the head of the answer.
    fn open(worker: &Worker, headers: &str) -> Self {
        Self::ask(worker.connect(), PATH, headers)
    }

    fn ask(mut stream: TcpStream, path: &str, headers: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: proxy.test\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("request");
        let mut client = Self {
            stream: BufReader::new(stream),
        };
        let head = client.head();
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        client
    }

    /// In lower case.
    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).expect("head"), 0, "{head}");
        }
        head.to_lowercase()
    }

    /// The next chunk; an empty one is the end.
    fn chunk(&mut self) -> String {
        let mut length = String::new();
        self.stream.read_line(&mut length).expect("length");
        let length = usize::from_str_radix(length.trim(), 16).expect("length");
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk).expect("chunk");
        let chunk = String::from_utf8(chunk).expect("text");
        chunk.strip_suffix("\r\n").expect("end of chunk").to_owned()
    }

    /// The id of the document, of a stream that begins without an event.
    fn opening(&mut self) -> String {
        let chunk = self.chunk();
        let id = chunk.strip_prefix("retry: 1000\nid: ");
        let id = id.and_then(|id| id.strip_suffix("\n\n"));
        id.unwrap_or_else(|| panic!("no opening: {chunk:?}"))
            .to_owned()
    }

    /// The id and the date of the event that comes next.
    fn event(&mut self) -> (String, f64) {
        let chunk = self.chunk();
        let lines: Vec<_> = chunk.split('\n').collect();
        let [retry, id, event, data, "", ""] = lines[..] else {
            panic!("no event: {chunk:?}");
        };
        assert_eq!(retry, "retry: 1000");
        assert_eq!(event, "event: environment_updated");
        let date = data.strip_prefix("data: {\"updated_at\": ");
        let date = date.and_then(|date| date.strip_suffix('}')).expect("date");
        // Some SDKs take a number without a fraction for no date.
        assert!(date.contains('.') && !date.contains('e'), "{date}");
        let id = id.strip_prefix("id: ").expect("id");
        (id.to_owned(), date.parse().expect("number"))
    }

    fn assert_end(&mut self) {
        assert_eq!(self.chunk(), "");
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("end");
        assert_eq!(rest, b"");
    }
}

fn flags(value: &str) -> String {
    document("one", 0, &[(1, "first", true, value)])
}

/// A worker whose streams last so long.
fn with_streams(supervisor: &StubSupervisor, max_streams: usize, lasts: Duration) -> Worker {
    let settings = WorkerSettings {
        limits: Limits {
            max_connections: 2,
            ..worker::LIMITS
        },
        streams: StreamSettings { max_streams, lasts },
        ..WorkerSettings::default()
    };
    Worker::start_with(supervisor, settings, None)
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs_f64()
}

#[test]
fn every_stream_is_told_of_a_change_in_one_chunk_when_it_is_served() {
    let _alone = DOORBELL.lock();
    let (mut supervisor, worker) = one_environment();
    let mut streams: Vec<_> = (0..200).map(|_| Client::open(&worker, "")).collect();
    let ids: Vec<_> = streams.iter_mut().map(Client::opening).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for second in 1..4 {
        supervisor.publish("one", &document("one", second, ONE));
        ring();
        let events: Vec<_> = streams.iter_mut().map(Client::event).collect();
        assert!(
            events
                .iter()
                .all(|event| *event == events[0] && event.0 != ids[0])
        );
        let flags = worker.get("/api/v1/flags/", CLIENT);
        let updated_at = flags
            .header("x-flagsmith-document-updated-at")
            .expect("date");
        assert_eq!(events[0].1, updated_at.parse::<f64>().expect("number"));
    }
}

#[test]
fn a_document_that_is_published_again_is_no_change() {
    let _alone = DOORBELL.lock();
    let (mut supervisor, worker) = one_environment();
    let mut stream = Client::open(&worker, "");
    let id = stream.opening();
    supervisor.publish("one", &document("one", 0, ONE));
    ring();
    supervisor.publish("one", &document("one", 0, ONE));
    ring();
    supervisor.publish("one", &document("one", 1, ONE));
    ring();
    let (changed, _) = stream.event();
    assert_ne!(changed, id);
    let mut later = Client::open(&worker, "");
    assert_eq!(later.opening(), changed);
}

#[test]
fn a_client_that_names_another_event_is_told_at_once() {
    let (mut supervisor, worker) = one_environment();
    let first = Client::open(&worker, "").opening();
    let knows = |id: &str| Client::open(&worker, &format!("Last-Event-ID: {id}\r\n"));
    assert_eq!(knows(&first).opening(), first);
    // Nobody rings: the board says what is current.
    supervisor.publish("one", &document("one", 1, ONE));
    let (second, date) = knows(&first).event();
    assert_ne!(second, first);
    assert_eq!(knows(&second).opening(), second);
    assert_eq!(knows("of another server").event(), (second.clone(), date));
    let path = format!("{PATH}?lastEventId={second}");
    assert_eq!(Client::ask(worker.connect(), &path, "").opening(), second);
    let path = format!("{PATH}?lastEventId={first}");
    assert_eq!(
        Client::ask(worker.connect(), &path, "").event(),
        (second.clone(), date)
    );
    // A worker that starts later says the same.
    let other = Worker::start(&supervisor, &["*"]);
    let header = format!("Last-Event-ID: {second}\r\n");
    assert_eq!(Client::open(&other, &header).opening(), second);
}

#[test]
fn a_change_that_moves_no_date_is_told_with_the_date_of_now() {
    let _alone = DOORBELL.lock();
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &flags("1"));
    let worker = Worker::start(&supervisor, &["*"]);
    let mut stream = Client::open(&worker, "");
    let first = stream.opening();
    let before = now();
    supervisor.publish("one", &flags("2"));
    ring();
    let (second, date) = stream.event();
    assert_ne!(first, second);
    assert!((before..=now()).contains(&date), "{date}");
    let header = format!("Last-Event-ID: {first}\r\n");
    let (resumed, date) = Client::open(&worker, &header).event();
    assert_eq!(resumed, second);
    assert!((before..=now()).contains(&date), "{date}");
}

#[test]
fn a_client_that_names_no_event_is_told_of_a_document_that_was_just_edited() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    let edited = Timestamp::now().to_string();
    let old = "2026-01-15T10:30:00.123456Z";
    supervisor.publish("one", &flags("1").replace(old, &edited));
    let worker = Worker::start(&supervisor, &["*"]);
    let (id, date) = Client::open(&worker, "").event();
    assert!((now() - 60.0..=now()).contains(&date), "{date}");
    let header = format!("Last-Event-ID: {id}\r\n");
    assert_eq!(Client::open(&worker, &header).opening(), id);
}

#[test]
fn made_up_uuids_change_no_id() {
    let with = |uuid: &str| {
        let identity = format!(
            r#"{{"identifier":"a","identity_uuid":"{uuid}","identity_features":[],"environment_api_key":"client_one"}}"#
        );
        let overrides = format!(r#""identity_overrides":[{identity}]"#);
        flags("1").replace(r#""identity_overrides":[]"#, &overrides)
    };
    let ids = [
        "0b1c9d1e-0000-4000-8000-00000000000a",
        "ffffffff-0000-4000-8000-00000000000b",
    ];
    let ids = ids.map(|uuid| {
        let mut supervisor = StubSupervisor::new(&["one"]);
        supervisor.publish("one", &with(uuid));
        let worker = Worker::start(&supervisor, &["*"]);
        Client::open(&worker, "").opening()
    });
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_stream_says_what_browsers_and_proxies_have_to_know() {
    let (_supervisor, worker) = one_environment();
    let mut stream = worker.connect();
    write!(
        stream,
        "GET {PATH}/ HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\n\r\n"
    )
    .unwrap();
    let mut client = Client {
        stream: BufReader::new(stream),
    };
    let head = client.head();
    for line in [
        "content-type: text/event-stream\r\n",
        "transfer-encoding: chunked\r\n",
        "connection: close\r\n",
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
        "access-control-allow-origin: https://b.example\r\n",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert!(!head.contains("content-length"), "{head}");
    let head = worker.ask(request("HEAD", PATH, "", ""));
    assert_eq!((head.status, &head.body[..]), (200, &b""[..]));
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("content-length"), None);
    assert_eq!(worker.get("/sse/health", "").text(), r#"{"status":"ok"}"#);
    let post = worker.post(PATH, "", "{}");
    assert_eq!(
        (post.status, post.header("allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
}

#[test]
fn an_old_client_gets_no_chunks() {
    let (_supervisor, worker) = one_environment();
    let mut stream = worker.connect();
    write!(stream, "GET {PATH} HTTP/1.0\r\n\r\n").expect("request");
    let mut client = Client {
        stream: BufReader::new(stream),
    };
    assert!(!client.head().contains("transfer-encoding"));
    let mut line = String::new();
    client.stream.read_line(&mut line).expect("line");
    assert_eq!(line, "retry: 1000\n");
    worker.stop().expect("drained");
    let mut rest = String::new();
    client.stream.read_to_string(&mut rest).expect("end");
    assert!(
        rest.starts_with("id: ") && rest.ends_with("\n\n"),
        "{rest:?}"
    );
}

#[test]
fn keys_that_open_no_stream_are_refused() {
    let mut supervisor = StubSupervisor::new(&["one", "two"]);
    supervisor.publish("two", &document("two", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    let status = |key: &str| {
        let answer = worker.get(&format!("/sse/environments/{key}/stream"), "");
        (
            answer.status,
            answer.header("retry-after").map(str::to_owned),
        )
    };
    assert_eq!(status("client_one"), (503, Some("1".to_owned())));
    assert_eq!(status("client_three"), (401, None));
    assert_eq!(status("ser.two"), (401, None));
}

#[test]
fn who_has_the_token_may_ask_for_a_fetch() {
    let supervisor = StubSupervisor::new(&["one", "two"]);
    let worker = Worker::start(&supervisor, &["*"]);
    let ask = |key: &str, authorization: &str| {
        let header = format!("Authorization: {authorization}\r\n");
        let path = format!("/sse/environments/{key}/queue-change");
        worker.post(&path, &header, r#"{"updated_at": "2026-01-15T10:30:00Z"}"#)
    };
    let wanted = || [0, 1].map(|row| supervisor.board().environment(row).take_wanted());
    for authorization in ["Token sesam", "Bearer sesame", "sesame", "Tokensesame", ""] {
        let refused = ask("client_two", authorization);
        assert_eq!(refused.status, 401, "{authorization}");
        assert_eq!(refused.header("www-authenticate"), Some("Token"));
    }
    assert_eq!(ask("client_three", "Token sesame").status, 401);
    assert_eq!(ask("ser.two", "Token sesame").status, 401);
    assert_eq!(wanted(), [false, false]);
    assert_eq!(ask("client_two", "token sesame").status, 202);
    assert_eq!(wanted(), [false, true]);
    assert_eq!(wanted(), [false, false]);
}

#[test]
fn a_stream_ends_cleanly_after_a_while() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &flags("1"));
    let worker = with_streams(&supervisor, 10, Duration::from_millis(50));
    let mut client = Client::open(&worker, "");
    client.opening();
    client.assert_end();
}

#[test]
fn a_drain_ends_streams_at_once() {
    let (supervisor, worker) = one_environment();
    let mut streams: Vec<_> = (0..300).map(|_| Client::open(&worker, "")).collect();
    streams.iter_mut().for_each(|stream| {
        stream.opening();
    });
    assert_eq!(supervisor.board().open_streams(0), 300);
    worker.stop().expect("drained");
    streams.iter_mut().for_each(Client::assert_end);
}

#[test]
fn streams_of_an_environment_that_is_removed_end() {
    let _alone = DOORBELL.lock();
    let mut supervisor = StubSupervisor::new(&["one", "two"]);
    supervisor.publish("one", &document("one", 0, ONE));
    supervisor.publish("two", &document("two", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    let mut removed = Client::open(&worker, "");
    let path = PATH.replace("one", "two");
    let mut stays = Client::ask(worker.connect(), &path, "");
    removed.opening();
    stays.opening();
    supervisor.environments[0] = "";
    supervisor.publish_index();
    ring();
    removed.assert_end();
    supervisor.publish("two", &document("two", 1, ONE));
    ring();
    stays.event();
}

#[test]
fn streams_and_requests_do_not_keep_each_other_out() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &flags("1"));
    let worker = with_streams(&supervisor, 20, Duration::from_secs(60));
    let mut streams: Vec<_> = (0..20).map(|_| Client::open(&worker, "")).collect();
    let full = worker.get(PATH, "");
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
    let mut busy: Vec<_> = (0..2).map(|_| worker.connect()).collect();
    for connection in &mut busy {
        let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: a\r\n{CLIENT}\r\n");
        connection.write_all(get.as_bytes()).expect("request");
        assert_eq!(read_answer(connection, true).status, 200);
    }
    assert_eq!(supervisor.board().open_streams(0), 20);
    // A client that goes leaves its place at once.
    streams.pop();
    eventually("a place for another stream", || {
        supervisor.board().open_streams(0) == 19
    });
    Client::open(&worker, "").opening();
}

#[test]
fn what_a_client_still_sends_means_nothing() {
    let _alone = DOORBELL.lock();
    let (mut supervisor, worker) = one_environment();
    let mut client = Client::open(&worker, "");
    client.opening();
    let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: a\r\n{CLIENT}\r\n");
    for _ in 0..100 {
        client
            .stream
            .get_mut()
            .write_all(get.as_bytes())
            .expect("request");
    }
    supervisor.publish("one", &document("one", 1, ONE));
    ring();
    client.event();
    worker.stop().expect("drained");
    client.assert_end();
}

#[test]
fn a_client_that_does_not_read_is_told_of_the_newest_change_alone() {
    let _alone = DOORBELL.lock();
    let (mut supervisor, _) = one_environment();
    let worker = Worker::start_with_small_buffers(&supervisor);
    let mut client = Client::ask(connect_with_a_small_buffer(&worker), PATH, "");
    client.opening();
    let mut prompt = Client::open(&worker, "");
    prompt.opening();
    let mut newest = String::new();
    for change in 0..200 {
        supervisor.publish("one", &flags(&change.to_string()));
        ring();
        newest = prompt.event().0;
    }
    let mut told = 1;
    while client.event().0 != newest {
        told += 1;
    }
    assert!((2..150).contains(&told), "{told} events");
}

fn connect_with_a_small_buffer(worker: &Worker) -> TcpStream {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("socket");
    setsockopt(&socket, RcvBuf, &1).expect("a small buffer");
    let address = SockaddrIn::new(127, 0, 0, 1, worker.address.port());
    connect(socket.as_raw_fd(), &address).expect("connection");
    socket.into()
}
