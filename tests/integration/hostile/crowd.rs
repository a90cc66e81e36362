//! More connections than a worker may hold. Idle ones are closed for new ones.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use testing::eventually;

use super::{KEY, Target, post, read_to_end, statuses};

fn flags() -> String {
    format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: a\r\n{KEY}\r\n")
}

/// A kept connection on which a request was answered.
fn idle(target: &Target) -> TcpStream {
    let mut stream = target.connect();
    assert_eq!(ask(&mut stream), Some(200));
    stream
}

/// Sends a request on a kept connection. Returns the status, or `None` if the connection is closed.
fn ask(stream: &mut TcpStream) -> Option<u16> {
    stream.write_all(flags().as_bytes()).ok()?;
    let mut answer = vec![0; 4096];
    match stream.read(&mut answer) {
        Ok(0) | Err(_) => None,
        Ok(count) => Some(statuses(&answer[..count])[0]),
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("non-blocking");
    let closed = match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    };
    stream.set_nonblocking(false).expect("blocking");
    closed
}

#[test]
fn at_the_limit_the_longest_idle_makes_room() {
    let target = Target::start_as(|start| start.server("max_connections", json!(8)));
    let mut connections: Vec<TcpStream> = (0..8).map(|_| idle(&target)).collect();
    let mut ninth = target.connect();
    assert_eq!(ask(&mut ninth), Some(200));
    eventually("the end of one of them", || {
        connections.iter_mut().any(is_closed)
    });
    let open = connections
        .iter_mut()
        .filter_map(|one| (!is_closed(one)).then_some(()))
        .count();
    assert!((5..=7).contains(&open), "{open} of 8 are open");
    assert!(!is_closed(&mut ninth));
    assert!(
        is_closed(&mut connections[0]),
        "the longest idle is still open"
    );
    target.is_well("nine connections for eight");
}

#[test]
fn who_is_busy_is_not_closed_and_the_next_waits() {
    let target = Target::start_as(|start| start.server("max_connections", json!(4)));
    let request = post(br#"{"identifier":"patient"}"#);
    let request = String::from_utf8(request).expect("text");
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    let mut busy: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = target.connect();
            let head = format!("{head}\r\nExpect: 100-continue\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("request");
            // The worker answers 100 when it has begun the request.
            let mut answer = [0; 25];
            stream.read_exact(&mut answer).expect("word to go on");
            assert_eq!(statuses(&answer), [100]);
            stream
        })
        .collect();
    let mut next = target.connect();
    next.write_all(flags().as_bytes()).expect("request");
    next.set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a deadline");
    let early = next
        .read(&mut [0])
        .expect_err("an answer while all are busy");
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
    next.set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a deadline");
    for stream in &mut busy {
        stream.write_all(body.as_bytes()).expect("request");
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("shutdown");
        assert_eq!(statuses(&read_to_end(stream)), [200]);
    }
    let mut answer = vec![0; 4096];
    let count = next.read(&mut answer).expect("answer");
    assert_eq!(statuses(&answer[..count]), [200]);
}

/// Raises this process's limit of open files. Skips the test and returns `false` where the limit stays lower.
fn may_open(files: u64) -> bool {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("raise the limit");
    if hard < files {
        testing::skip(format!("needs {files} open files, {hard} are allowed"));
    }
    hard >= files
}

#[test]
fn ten_thousand_idle_connections_keep_no_new_one_waiting() {
    const CROWD: usize = 10_000;
    if !may_open(CROWD as u64 + 1000) {
        return;
    }
    let target = Target::start_as(|start| start.server("keep_alive_seconds", json!(600)));
    // The first requests cost memory that is not for connections, so they come before the measurement.
    drop((0..100).map(|_| idle(&target)).collect::<Vec<_>>());
    let before = target.private();
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| idle(&target)).collect();
    let each = (target.private() - before) / CROWD as u64;
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            let mut stream = target.connect();
            assert_eq!(ask(&mut stream), Some(200));
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "{CROWD} idle connections: {each} bytes of private memory each; a new one connects and is answered in \
         {:?} (median), {:?} (slowest of 200)",
        times[100], times[199]
    );
    assert!(each < 64 * 1024, "{each} bytes each");
    // A generous limit, because the machine runs other tests at the same time.
    assert!(times[100] < Duration::from_millis(100), "{:?}", times[100]);
    assert!(
        crowd
            .iter_mut()
            .step_by(500)
            .all(|stream| ask(stream) == Some(200))
    );
    target.is_well("ten thousand idle connections");
}

/// A stream that has begun.
fn stream(target: &Target) -> TcpStream {
    let mut stream = target.connect();
    let get = "GET /sse/environments/test/stream HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(get.as_bytes()).expect("request");
    let mut begin = Vec::new();
    while !begin.ends_with(b"\n\n\r\n") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).expect("answer");
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&begin));
        begin.extend_from_slice(&bytes[..count]);
    }
    stream
}

#[test]
fn thousands_of_streams_take_little_memory_and_keep_no_request_waiting() {
    const CROWD: usize = 8_000;
    if !may_open(2 * CROWD as u64 + 1000) {
        return;
    }
    let target = Target::start_as(|start| {
        let start = start.set("realtime", json!({"stream_seconds": 600}));
        start.server("max_connections", json!(8))
    });
    drop((0..100).map(|_| stream(&target)).collect::<Vec<_>>());
    let before = target.private();
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| stream(&target)).collect();
    let each = (target.private() - before) / CROWD as u64;
    println!("{CROWD} streams: {each} bytes of private memory each");
    assert!(each < 10 * 1024, "{each} bytes each");
    target.is_well("thousands of streams");
    assert!(!crowd.iter_mut().any(is_closed));
}

#[test]
fn a_crowd_beyond_the_limit_is_served_one_after_the_other() {
    let target = Target::start_as(|start| start.server("max_connections", json!(200)));
    if !may_open(3000) {
        return;
    }
    let begun = Instant::now();
    let mut crowd: Vec<TcpStream> = (0..2000).map(|_| idle(&target)).collect();
    println!(
        "2000 connections where 200 are allowed: {:?} to answer each",
        begun.elapsed() / 2000
    );
    let open = || {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", target.workers[0]));
        descriptors.expect("its descriptors").count()
    };
    assert!(open() < 200 + 64, "{} descriptors", open());
    assert_eq!(ask(crowd.last_mut().expect("the last")), Some(200));
    target.is_well("a crowd");
}

#[test]
fn few_descriptors_mean_few_connections_and_that_is_told() {
    let target = Target::start_as(|start| start.files(128));
    let warning = "each worker holds at most 32 connections and 16 streams, 32 together, and not \
        the 16384 of server.max_connections and the 8192 of realtime.max_streams: its limit of open \
        files is 128";
    eventually("the warning", || target.proxy.log().contains(warning));
    let crowd: Vec<TcpStream> = (0..150).map(|_| idle(&target)).collect();
    target.is_well("150 connections for 32");
    assert!(
        !target.proxy.log().contains("accept a connection"),
        "{}",
        target.proxy.log()
    );
    drop(crowd);
}

#[test]
fn a_want_of_descriptors_is_told_once_and_idle_connections_make_room() {
    let target = Target::start();
    let pid = target.workers[0];
    let lowered = Command::new("prlimit")
        .args([format!("--pid={pid}"), "--nofile=40".to_owned()])
        .status();
    if !lowered.is_ok_and(|status| status.success()) {
        return testing::skip("there is no prlimit");
    }
    let crowd: Vec<TcpStream> = (0..120).map(|_| idle(&target)).collect();
    target.is_well("a want of descriptors");
    let log = target.proxy.log();
    let told = log.matches("accept a connection: ").count();
    assert_eq!(told, 1, "{log}");
    assert!(log.contains("Too many open files"), "{log}");
    drop(crowd);
}
