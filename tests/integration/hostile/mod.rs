//! Hostile clients. Whatever they send, and however slowly, they get a refusal or a closed connection. The workers live
//! on, and the next good request is answered.

mod bodies;
mod crowd;
mod fuzz;
mod large_bodies;
mod odd;
mod secrets;
mod shapes;
mod slow;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use nix::unistd::Pid;
use testing::{Stub, document};

use crate::harness::{Proxy, Start};

const KEY: &str = "X-Environment-Key: test\r\n";

/// A proxy that hostile clients attack.
struct Target {
    proxy: Proxy,
    workers: Vec<Pid>,
    upstream: Stub,
}

impl Target {
    fn start() -> Target {
        Target::start_as(|start| start)
    }

    fn start_as(choose: impl FnOnce(Start) -> Start) -> Target {
        Target::of(document("test", "hello"), choose)
    }

    /// A proxy of one environment with that document and one worker.
    fn of(document: String, choose: impl FnOnce(Start) -> Start) -> Target {
        let upstream = Stub::start([("test", document)]);
        let proxy = choose(Start::new(&upstream, &["test"])).start();
        proxy.wait_until_ready();
        let workers = proxy.workers();
        Target {
            proxy,
            workers,
            upstream,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.proxy.address).expect("connect to the proxy");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("set a deadline");
        stream
    }

    /// Sends `bytes` and reads until the proxy closes the connection, which it may do before all is sent.
    fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        if stream.write_all(bytes).is_ok() {
            let _ = stream.shutdown(Shutdown::Write);
        }
        read_to_end(&mut stream)
    }

    /// Checks that the proxy has the same workers as before and answers a good request.
    #[track_caller]
    fn is_well(&self, after: &str) {
        let answer = self
            .proxy
            .get("/api/v1/identities/?identifier=alice", "test");
        assert_eq!(answer.status, 200, "after {after}: {}", answer.text());
        let flag = &answer.json()["flags"][0]["feature_state_value"];
        assert_eq!(flag, "hello alice", "after {after}");
        assert_eq!(self.proxy.workers(), self.workers, "after {after}");
    }

    /// The private memory of its worker, in bytes.
    fn private(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.workers[0]));
        let status = status.expect("its status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        kibibytes
            .and_then(|number| number.parse::<u64>().ok())
            .expect("a number")
            * 1024
    }
}

/// Everything until the connection ends or breaks.
fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!(
                "neither answered nor closed; received {:?}",
                String::from_utf8_lossy(&received)
            )
        }
        // A connection that is reset while the test still sends is closed, too.
        _ => received,
    }
}

/// The statuses and bodies of the answers in `raw`, which follow each other.
#[track_caller]
fn answers(raw: &[u8]) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let whole = String::from_utf8_lossy(rest).into_owned();
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("a head, not {whole:?}")) + 4;
        let head = whole[..end].to_lowercase();
        assert!(
            head.starts_with("http/1.1 ") || head.starts_with("http/1.0 "),
            "{head:?}"
        );
        let status = head[9..12].parse().expect("a status");
        let length = head
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        assert!(rest.len() >= end + length, "a whole body, not {whole:?}");
        answers.push((
            status,
            String::from_utf8_lossy(&rest[end..end + length]).into_owned(),
        ));
        rest = &rest[end + length..];
    }
    answers
}

fn statuses(raw: &[u8]) -> Vec<u16> {
    answers(raw).into_iter().map(|(status, _)| status).collect()
}

/// A request for an identity with this body and its correct length.
fn post(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/identities/ HTTP/1.1\r\nHost: a\r\n{KEY}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A request with this first line, these headers and `rest` after its head.
fn head(line: &str, headers: &str, rest: &str) -> String {
    format!("{line}\r\nHost: a\r\n{KEY}{headers}\r\n{rest}")
}

fn flags(headers: &str) -> String {
    head("GET /api/v1/flags/ HTTP/1.1", headers, "")
}

fn identities(headers: &str, body: &str) -> String {
    let json = format!("Content-Type: application/json\r\n{headers}");
    head("POST /api/v1/identities/ HTTP/1.1", &json, body)
}

/// Sends each request and expects exactly these statuses.
#[track_caller]
fn check(target: &Target, shapes: &[(&str, Vec<u8>, &[u16])]) {
    let mut wrong = Vec::new();
    for (name, request, expected) in shapes {
        let raw = target.exchange(request);
        let found = statuses(&raw);
        if found != *expected {
            wrong.push(format!("{name}: {found:?}, expected {expected:?}"));
        }
        target.is_well(name);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    println!(
        "{} shapes; worker's private memory {} KiB",
        shapes.len(),
        target.private() / 1024
    );
}
