//! Streams of the real executable: clients are told of every change, whichever process dies meanwhile.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use testing::{Answer, Stub, document, eventually};

use crate::harness::slots::Slots;
use crate::harness::{Follower, Proxy, Start};
use crate::reload::{edit, reload};

/// How many edits are followed while workers are killed, in a usual run.
const EDITS: usize = 12;

fn start(upstream: &Stub, environments: &[&str], port: u16) -> Proxy {
    let server = json!({"host": "127.0.0.1", "port": port});
    let start = Start::new(upstream, environments).workers(2);
    let start = start.set("server", server);
    let proxy = start.set("api_poll_frequency_seconds", json!(0.05)).start();
    proxy.wait_until_ready();
    proxy
}

/// Clients of both workers: the kernel spreads connections by their ports.
fn followers(address: SocketAddr) -> Vec<Follower> {
    let followers: Vec<_> = (0..8).map(|_| Follower::start(address, "test")).collect();
    eventually("streams", || {
        followers.iter().all(|follower| follower.seen().begun > 0)
    });
    followers
}

#[track_caller]
fn all_see(followers: &[Follower], value: &str) {
    eventually("every client to be told", || {
        let sees = |follower: &Follower| follower.seen().flags.contains(value);
        followers.iter().all(sees)
    });
}

fn set(upstream: &Stub, value: &str) {
    upstream.set("test", Answer::Document(document("test", value)));
}

#[test]
fn nothing_is_missed_when_workers_are_killed() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = start(&upstream, &["test"], 0);
    let slots = Slots::ready(&proxy);
    let followers = followers(proxy.address);
    let mut random = fastrand::Rng::with_seed(7);
    for edit in 0..EDITS * testing::scale() {
        let value = format!("edit {edit}.");
        set(&upstream, &value);
        std::thread::sleep(Duration::from_millis(random.u64(0..100)));
        let slot = random.usize(..2);
        let victim = slots.signal(slot, Signal::SIGKILL);
        all_see(&followers, &value);
        eventually("a successor", || {
            slots.process(slot) != victim && slots.is_ready(slot)
        });
    }
    let broken: usize = followers
        .iter()
        .map(|follower| follower.seen().broken)
        .sum();
    assert!(broken > 0);
}

#[test]
fn an_edit_while_the_proxy_is_restarted_is_told_afterwards() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let port = free_port();
    let mut proxy = start(&upstream, &["test"], port);
    let followers = followers(proxy.address);
    set(&upstream, "before");
    all_see(&followers, "before");
    proxy.signal(Signal::SIGTERM);
    assert!(proxy.wait().success());
    set(&upstream, "meanwhile");
    let ended: usize = followers.iter().map(|follower| follower.seen().ended).sum();
    assert_eq!(ended, followers.len(), "streams that did not end cleanly");
    // Another state directory: this could be another host.
    let _restarted = start(&upstream, &["test"], port);
    all_see(&followers, "meanwhile");
}

#[test]
fn a_reload_that_removes_an_environment_ends_its_streams_and_no_others() {
    let upstream = Stub::start([
        ("test", document("test", "hello")),
        ("other", document("other", "hello")),
    ]);
    let proxy = start(&upstream, &["test", "other"], 0);
    let stays = followers(proxy.address);
    let removed = Follower::start(proxy.address, "other");
    eventually("its stream", || removed.seen().begun == 1);
    edit(&proxy, |config| {
        let pairs = config["environment_key_pairs"].as_array_mut();
        pairs.expect("a list").pop();
    });
    reload(&proxy);
    eventually("the end of its stream", || removed.seen().ended == 1);
    set(&upstream, "later");
    all_see(&stays, "later");
    assert!(stays.iter().all(|follower| follower.seen().ended == 0));
}

#[test]
fn a_reload_that_rolls_the_workers_ends_streams_cleanly_and_loses_no_change() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = start(&upstream, &["test"], 0);
    let followers = followers(proxy.address);
    edit(&proxy, |config| {
        config["realtime"] = json!({"stream_seconds": 20});
    });
    set(&upstream, "during the roll");
    reload(&proxy);
    all_see(&followers, "during the roll");
    eventually("the end of the first streams", || {
        followers.iter().all(|follower| follower.seen().ended > 0)
    });
    assert!(followers.iter().all(|follower| follower.seen().broken == 0));
}

#[test]
fn flagsmith_can_have_a_document_fetched_at_once() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let start = Start::new(&upstream, &["test"]).workers(2);
    let start = start.set("api_poll_frequency_seconds", json!(3600));
    let proxy = start
        .set("sse_authentication_token", json!("sesame"))
        .start();
    proxy.wait_until_ready();
    let followers = followers(proxy.address);
    let path = "/sse/environments/test/queue-change";
    let ask = |token: &str| {
        let headers = [
            ("Authorization", token),
            ("Content-Type", "application/json"),
        ];
        let body = br#"{"updated_at": "2026-01-15T10:30:00+00:00"}"#;
        proxy.connect().request("POST", path, &headers, body).status
    };
    assert_eq!(ask("Token sesam"), 401);
    for edit in 0..10 {
        let value = format!("edit {edit}.");
        set(&upstream, &value);
        let asked = Instant::now();
        assert_eq!(ask("Token sesame"), 202);
        all_see(&followers, &value);
        let told = followers.iter().filter_map(|follower| follower.seen().told);
        println!(
            "the last client was told after {:?}",
            told.max().map(|told| told - asked)
        );
    }
    let log = proxy.log();
    assert!(!log.contains("sesam"), "{log}");
}

#[test]
fn without_a_token_nobody_can_have_a_document_fetched() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let answer = proxy.post("/sse/environments/test/queue-change", "test", "{}");
    assert_eq!(answer.status, 404);
}

#[test]
fn two_proxies_in_a_row_pass_a_change_on_at_once() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let first = Start::new(&upstream, &["test"]).workers(2);
    let first = first.set("api_poll_frequency_seconds", json!(3600));
    let first = first
        .set("sse_authentication_token", json!("sesame"))
        .start();
    first.wait_until_ready();
    let url = format!("http://{}", first.address);
    let second = Start::new(&upstream, &["test"]).workers(2);
    let second = second.set("api_url", json!(format!("{url}/api/v1")));
    let second = second.set("api_poll_frequency_seconds", json!(3600));
    let second = second.set(
        "realtime",
        json!({"url": url, "poll_frequency_seconds": 3600}),
    );
    let second = second.admin().start();
    second.wait_until_ready();
    let health = || second.get("/proxy/health", "").json();
    eventually("a connected stream", || {
        health()["realtime"]["connected"] == 1
    });
    let metrics = second.get_admin("/metrics").text();
    let metric = "edge_proxy_environments_realtime{state=\"connected\"} 1\n";
    assert!(metrics.contains(metric), "{metrics}");
    let near = Follower::start(first.address, "test");
    let far = Follower::start(second.address, "test");
    eventually("streams", || near.seen().begun * far.seen().begun > 0);
    let path = "/sse/environments/test/queue-change";
    let headers = [("Authorization", "Token sesame")];
    let mut hops = Vec::new();
    for edit in 0..10 {
        let value = format!("edit {edit}.");
        set(&upstream, &value);
        let asked = Instant::now();
        let answer = first.connect().request("POST", path, &headers, b"{}");
        assert_eq!(answer.status, 202);
        let told = [&near, &far].map(|follower| {
            eventually("the change", || {
                let seen = follower.seen();
                seen.flags.contains(&value).then_some(seen.told?)
            })
        });
        hops.push((told[0] - asked, told[1] - told[0]));
    }
    println!("from the hook to a client of the first proxy, and on to one of the second: {hops:?}");
    // Without it, the second proxy polls as before.
    drop(first);
    eventually("a stream that is not connected", || {
        health()["realtime"]["disconnected"] == 1
    });
    let log = second.log();
    assert!(log.contains(&format!("realtime from {url}/")), "{log}");
    assert!(log.contains("realtime is not connected"), "{log}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("its address").port()
}
