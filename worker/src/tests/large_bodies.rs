//! Bodies that go past HTTP's buffer: among small ones, to slow clients, to clients that do not read.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

#[test]
fn keeps_the_order_of_large_and_small_answers() {
    let (supervisor, document) = environment_of_length(LARGE);
    let worker = Worker::start(&supervisor, &["*"]);
    let mut stream = worker.connect();
    let line = |method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: proxy.test\r\n{SERVER}\r\n")
    };
    let document_path = "/api/v1/environment-document/";
    let requests = [
        line("GET", "/proxy/health/liveness"),
        line("GET", document_path),
        line("GET", "/nowhere"),
        line("HEAD", document_path),
        line("GET", document_path),
        line("GET", "/api/v1/flags/?feature=none"),
    ];
    stream
        .write_all(requests.concat().as_bytes())
        .expect("requests");
    assert_eq!(read_answer(&mut stream, true).status, 200);
    let whole = read_answer(&mut stream, true);
    assert!(whole.body == document.as_bytes());
    assert_eq!(read_answer(&mut stream, true).status, 404);
    let head = read_answer(&mut stream, false);
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
    assert_eq!(head.header("etag"), whole.header("etag"));
    assert!(read_answer(&mut stream, true).body == document.as_bytes());
    assert_eq!(read_answer(&mut stream, true).status, 404);
    drop(stream);
}

#[test]
fn sends_a_slow_client_the_document_it_began_with() {
    let (mut supervisor, old) = environment_of_length(LARGE);
    let worker = Worker::start(&supervisor, &["*"]);
    let mut slow = worker.connect();
    get_document(&mut slow);
    let mut first = [0; 12];
    slow.read_exact(&mut first).expect("start");
    let new = document("one", 1, &[(1, "first", true, "2")]);
    supervisor.publish("one", &new);
    // A map stays while it is sent, and other clients do not wait for the slow one.
    let answer = worker.get("/api/v1/environment-document/", SERVER);
    assert_eq!(answer.text(), new);
    let mut rest = vec![0; old.len()];
    slow.read_exact(&mut rest).expect("most");
    assert!(rest.windows(2).any(|window| window == b"{\""));
    let mut end = Vec::new();
    get_document(&mut slow);
    slow.shutdown(std::net::Shutdown::Write).expect("shutdown");
    slow.read_to_end(&mut end).expect("end");
    rest.extend_from_slice(&end);
    let start = find(&rest, b"\r\n\r\n").expect("head") + 4;
    let (body, next) = rest[start..].split_at(old.len());
    assert!(body == old.as_bytes());
    assert_eq!(Answer::parse(next).text(), new);
}

#[test]
fn answers_others_while_one_client_reads_nothing() {
    let (supervisor, document) = environment_of_length(LARGE);
    let worker = Worker::start(&supervisor, &["*"]);
    let not_reading: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = worker.connect();
            get_document(&mut stream);
            stream.read_exact(&mut [0; 12]).expect("start");
            stream
        })
        .collect();
    let answer = worker.get("/api/v1/environment-document/", SERVER);
    assert!(answer.body == document.as_bytes());
    assert_eq!(worker.get("/proxy/health/liveness", "").status, 200);
    drop(not_reading);
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
