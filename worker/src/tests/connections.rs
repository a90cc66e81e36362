//! What happens on connections whatever is asked on them: large bodies among small ones, slow clients, drains.

use super::*;

const CLIENT: &str = "X-Environment-Key: client_one\r\n";
const SERVER: &str = "X-Environment-Key: ser.one\r\n";

/// More than what the buffers of both ends of a connection hold together.
const LARGE: usize = 16 * 1024 * 1024;

/// An environment whose document is about `length` bytes long, and the document.
fn environment(length: usize) -> (Published, String) {
    let value = format!("\"{}\"", "0123456789abcdef".repeat(length / 16));
    let document = document("one", 0, &[(1, "first", true, &value)]);
    let mut published = Published::new(&["one"]);
    published.update("one", &document);
    (published, document)
}

/// A request for the document on a connection that is kept.
fn get_document(stream: &mut TcpStream) {
    let get =
        format!("GET /api/v1/environment-document/ HTTP/1.1\r\nHost: proxy.test\r\n{SERVER}\r\n");
    stream.write_all(get.as_bytes()).expect("request");
}

/// Reads one answer, whose length its head tells, and leaves what is behind it.
fn read_answer(stream: &mut TcpStream, has_body: bool) -> Answer {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("head");
        raw.extend_from_slice(&byte);
    }
    let mut answer = Answer::parse(&raw);
    if has_body {
        let length = answer.header("content-length").expect("length");
        answer.body = vec![0; length.parse().expect("length")];
        stream.read_exact(&mut answer.body).expect("body");
    }
    answer
}

#[test]
fn keeps_the_order_of_large_and_small_answers() {
    let (published, document) = environment(LARGE);
    let worker = Worker::start(&published, &["*"]);
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
    let (mut published, old) = environment(LARGE);
    let worker = Worker::start(&published, &["*"]);
    let mut slow = worker.connect();
    get_document(&mut slow);
    let mut first = [0; 12];
    slow.read_exact(&mut first).expect("start");
    let new = document("one", 1, &[(1, "first", true, "2")]);
    published.update("one", &new);
    // A retired map stays for as long as it is being sent; nobody waits for the slow one.
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
    let place = find(&rest, b"\r\n\r\n").expect("head") + 4;
    let (body, behind) = rest[place..].split_at(old.len());
    assert!(body == old.as_bytes());
    assert_eq!(Answer::parse(behind).text(), new);
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[test]
fn sends_a_large_body_to_its_end_before_it_stops() {
    let (published, document) = environment(LARGE);
    let worker = Worker::start(&published, &["*"]);
    let mut idle = worker.connect();
    idle.write_all(
        format!("GET /api/v1/flags/?feature=x HTTP/1.1\r\nHost: a\r\n{CLIENT}\r\n").as_bytes(),
    )
    .expect("request");
    read_answer(&mut idle, true);
    let mut slow = worker.connect();
    get_document(&mut slow);
    let mut first = [0; 12];
    slow.read_exact(&mut first).expect("start");
    let stopping = std::thread::spawn(move || worker.stop());
    // An idle connection is closed soon, which also shows that the drain has begun.
    assert_eq!(idle.read(&mut [0]).expect("end of connection"), 0);
    assert!(!stopping.is_finished());
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("body");
    assert!(rest.ends_with(document.as_bytes()));
    stopping.join().expect("thread").expect("drained");
}

#[test]
fn a_drain_waits_a_while_for_the_first_request_and_for_no_other() {
    let (published, _) = environment(16);
    let worker = Worker::start(&published, &["*"]);
    let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}\r\n");
    let mut silent = worker.connect();
    let mut asks_late = worker.connect();
    let mut idle = worker.connect();
    idle.write_all(get.as_bytes()).expect("request");
    read_answer(&mut idle, true);
    let stopping = std::thread::spawn(move || worker.stop());
    assert_eq!(idle.read(&mut [0]).expect("end of connection"), 0);
    asks_late.write_all(get.as_bytes()).expect("request");
    let answer = read_answer(&mut asks_late, true);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(!stopping.is_finished());
    assert_eq!(silent.read(&mut [0]).expect("end of connection"), 0);
    stopping.join().expect("thread").expect("drained");
}

#[test]
fn answers_others_while_one_client_reads_nothing() {
    let (published, document) = environment(LARGE);
    let worker = Worker::start(&published, &["*"]);
    let deaf: Vec<TcpStream> = (0..8)
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
    drop(deaf);
}
