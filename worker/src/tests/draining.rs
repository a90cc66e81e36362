//! How a worker stops.

use std::io::{Read, Write};

use contract::{BoardWords, WorkerState};
use testing::eventually;

use super::*;

#[test]
fn finishes_the_request_that_it_has_begun_before_it_stops() {
    let (supervisor, worker) = one_environment();
    eventually("a ready worker", || {
        supervisor.board().worker_state(0) == WorkerState::Ready
    });
    let mut idle = worker.connect();
    let get = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\n{CLIENT}\r\n");
    idle.write_all(get.as_bytes()).expect("request");
    let mut first = [0; 15];
    idle.read_exact(&mut first).expect("answer");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut begun = worker.connect();
    let whole = request(
        "POST",
        "/api/v1/identities/",
        CLIENT,
        r#"{"identifier":"last"}"#,
    );
    let (start, end) = whole.split_at(whole.len() - 5);
    begun
        .write_all(
            start
                .replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1)
                .as_bytes(),
        )
        .expect("start");
    let mut go_on = [0; 25];
    begun.read_exact(&mut go_on).expect("100");
    let stopping = std::thread::spawn(move || worker.stop());
    // Idle connections are closed, which also shows that the drain has begun.
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).expect("end of connection");
    begun.write_all(end.as_bytes()).expect("end");
    let mut answer = String::new();
    begun.read_to_string(&mut answer).expect("answer");
    assert!(answer.contains(r#"{"identifier":"last""#), "{answer}");
    stopping.join().expect("thread").expect("drained");
}

#[test]
fn sends_a_large_body_to_its_end_before_it_stops() {
    let (supervisor, document) = environment_of_length(LARGE);
    let worker = Worker::start(&supervisor, &["*"]);
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
    // Idle connections are closed soon, which also shows that the drain has begun.
    assert_eq!(idle.read(&mut [0]).expect("end of connection"), 0);
    assert!(!stopping.is_finished());
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("body");
    assert!(rest.ends_with(document.as_bytes()));
    stopping.join().expect("thread").expect("drained");
}

#[test]
fn a_drain_waits_for_the_first_request_of_a_connection_and_for_no_other() {
    let (supervisor, _) = environment_of_length(16);
    let worker = Worker::start(&supervisor, &["*"]);
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
