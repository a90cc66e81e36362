//! A proxy that is told to stop: readiness fails first, no request in progress is cut, and the drain ends in time.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use testing::{Stub, document, eventually};

use crate::harness::exchange::{self, exchange, is_closed, read_answer};
use crate::harness::load::{Load, asks};
use crate::harness::slots::Slots;
use crate::harness::{Proxy, Start, accepts};

/// How many proxies are drained under load in a usual run.
const DRAINS: usize = 4;

/// A proxy with two workers and these settings in the section `server`.
fn proxy(settings: serde_json::Value) -> (Stub, Proxy, Slots) {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let mut server = json!({"host": "127.0.0.1", "port": 0});
    for (name, value) in settings.as_object().expect("settings") {
        server[name] = value.clone();
    }
    let start = Start::new(&upstream, &["test"]).workers(2);
    let proxy = start.set("server", server).start();
    let slots = Slots::ready(&proxy);
    (upstream, proxy, slots)
}

fn connect(proxy: &Proxy) -> TcpStream {
    exchange::connect(proxy.address).expect("connect to the proxy")
}

fn is_logged(proxy: &Proxy, words: &str) -> bool {
    proxy.log().contains(words)
}

/// Sends the head of a request whose body never comes.
fn hang(proxy: &Proxy) -> TcpStream {
    let mut stream = connect(proxy);
    let head = "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: test\r\n\
        Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("send a head");
    // The worker answers 100 when it has begun the request.
    assert_eq!(read_answer(&mut stream).expect("an answer").status, 100);
    stream
}

#[test]
fn nothing_that_was_begun_is_cut_under_constant_load() {
    let drains = DRAINS * testing::scale();
    let mut answered = 0;
    for drain in 0..drains {
        let delay = if drain % 2 == 0 { 0.0 } else { 0.3 };
        let (_upstream, mut proxy, _) = proxy(json!({"shutdown_delay_seconds": delay}));
        let asks = asks(proxy.address, "test");
        let load = Load::start(proxy.address, 6, 6, &asks);
        let connections = (0..4).map(|_| connect(&proxy));
        let mut idle: Vec<TcpStream> = connections.collect();
        for stream in &mut idle {
            assert!(exchange(stream, &asks[0].request).unwrap().kept);
        }
        proxy.signal(Signal::SIGTERM);
        eventually("the end of listening", || load.is_over());
        let tally = load.stop();
        assert_eq!(proxy.wait().code(), Some(0));
        assert_eq!(
            (tally.wrong, &tally.broken),
            (0, &Vec::new()),
            "drain {drain}"
        );
        assert_eq!(tally.refused, 12, "each client ended with a refusal");
        assert!(idle.iter().all(is_closed));
        answered += tally.answered;
    }
    println!("{drains} drains: {answered} requests answered, none cut, none wrong");
}

#[test]
fn readiness_fails_first_and_serving_goes_on_for_the_delay() {
    let (_upstream, mut proxy, _) = proxy(json!({"shutdown_delay_seconds": 1.5}));
    let ask = &asks(proxy.address, "test")[0];
    let mut kept = connect(&proxy);
    let told = Instant::now();
    proxy.signal(Signal::SIGTERM);
    let health = proxy.wait_for("failing readiness", |proxy| {
        let health = proxy.get("/proxy/health/readiness", "");
        (health.status == 503).then_some(health)
    });
    assert_eq!(health.json()["reason"], "draining.");
    assert_eq!(proxy.get("/proxy/health/liveness", "").status, 200);
    // Requests are answered as before, on new connections and on kept ones.
    for mut stream in [connect(&proxy), connect(&proxy)] {
        assert!(exchange(&mut stream, &ask.request).unwrap().kept);
    }
    assert!(exchange(&mut kept, &ask.request).unwrap().kept);
    assert!(
        told.elapsed() < Duration::from_millis(1500),
        "too slow to tell"
    );
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(told.elapsed() >= Duration::from_millis(1500));
}

#[test]
fn a_kept_connection_is_told_with_an_answer_that_it_closes() {
    let (_upstream, mut proxy, _) = proxy(json!({}));
    let ask = &asks(proxy.address, "test")[0];
    let mut kept = connect(&proxy);
    assert!(exchange(&mut kept, &ask.request).unwrap().kept);
    proxy.signal(Signal::SIGTERM);
    loop {
        let answer = exchange(&mut kept, &ask.request).expect("an answer");
        assert!(answer.status == 200 && answer.body == ask.body);
        if !answer.kept {
            break;
        }
    }
    eventually("the end of the connection", || is_closed(&kept));
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn what_is_in_sockets_and_queues_when_draining_begins_is_answered() {
    let (_upstream, mut proxy, slots) = proxy(json!({}));
    let ask = &asks(proxy.address, "test")[0];
    let mut waiting: Vec<_> = (0..6).map(|_| connect(&proxy)).collect();
    for stream in &mut waiting {
        assert!(exchange(stream, &ask.request).unwrap().kept);
    }
    // The workers are stopped, so that all connections are there before they notice the drain.
    for slot in 0..2 {
        slots.signal(slot, Signal::SIGSTOP);
    }
    waiting.extend((0..12).map(|_| connect(&proxy)));
    for stream in &mut waiting {
        stream.write_all(&ask.request).unwrap();
    }
    // This client sends its request only after it was accepted.
    let mut late = connect(&proxy);
    proxy.signal(Signal::SIGTERM);
    eventually("the drain", || is_logged(&proxy, "draining 2 workers"));
    for slot in 0..2 {
        slots.signal(slot, Signal::SIGCONT);
    }
    for stream in &mut waiting {
        let answer = read_answer(stream).expect("an answer");
        assert!(answer.status == 200 && answer.body == ask.body);
    }
    let answer = exchange(&mut late, &ask.request).expect("an answer");
    assert!(answer.status == 200 && answer.body == ask.body);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_worker_that_dies_while_draining_leaves_its_queue_to_its_neighbour() {
    let (_upstream, mut proxy, slots) = proxy(json!({}));
    let ask = &asks(proxy.address, "test")[0];
    for slot in 0..2 {
        slots.signal(slot, Signal::SIGSTOP);
    }
    let mut waiting: Vec<_> = (0..16).map(|_| connect(&proxy)).collect();
    for stream in &mut waiting {
        stream.write_all(&ask.request).unwrap();
    }
    proxy.signal(Signal::SIGTERM);
    eventually("the drain", || is_logged(&proxy, "draining 2 workers"));
    slots.signal(0, Signal::SIGKILL);
    slots.signal(1, Signal::SIGCONT);
    for stream in &mut waiting {
        let answer = read_answer(stream).expect("an answer");
        assert!(answer.status == 200 && answer.body == ask.body);
    }
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_drain_ends_when_its_time_is_over() {
    let (_upstream, mut proxy, _) = proxy(json!({"shutdown_timeout_seconds": 1}));
    let _hanging = hang(&proxy);
    let told = Instant::now();
    proxy.signal(Signal::SIGTERM);
    assert_eq!(proxy.wait().code(), Some(0));
    let took = told.elapsed();
    assert!((1..15).contains(&took.as_secs()), "{took:?}");
    let log = proxy.log();
    assert!(
        log.contains("drain timeout: 1 connection cut") || log.contains("shutdown timeout"),
        "{log}"
    );
}

/// `docker stop` kills after ten seconds.
#[test]
fn a_drain_with_the_default_settings_is_over_within_ten_seconds() {
    let settings = json!({"body_timeout_seconds": 600, "keep_alive_seconds": 600});
    let (_upstream, mut proxy, _) = proxy(settings);
    let _hanging = hang(&proxy);
    let told = Instant::now();
    proxy.signal(Signal::SIGTERM);
    assert_eq!(proxy.wait().code(), Some(0));
    let took = told.elapsed();
    assert!((8..10).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn a_second_signal_does_not_wait() {
    for (settings, waiting) in [
        (json!({"body_timeout_seconds": 60}), "draining 2 workers"),
        (json!({"shutdown_delay_seconds": 60}), "accepting stops in"),
    ] {
        let (_upstream, mut proxy, _) = proxy(settings);
        let hanging = hang(&proxy);
        let workers = proxy.workers();
        let told = Instant::now();
        proxy.signal(Signal::SIGTERM);
        eventually(waiting, || is_logged(&proxy, waiting));
        assert!(!is_closed(&hanging));
        proxy.signal(Signal::SIGTERM);
        assert_eq!(proxy.wait().code(), Some(0));
        assert!(
            told.elapsed() < Duration::from_secs(20),
            "{:?}",
            told.elapsed()
        );
        let log = proxy.log();
        // The worker without a request in progress may have ended before.
        assert!(
            log.contains("killing 2 workers: asked to stop again")
                || log.contains("killing 1 worker: asked to stop again"),
            "{log}"
        );
        assert!(is_closed(&hanging) && !accepts(proxy.address));
        assert!(
            workers
                .iter()
                .all(|worker| nix::sys::signal::kill(*worker, None).is_err())
        );
    }
}
