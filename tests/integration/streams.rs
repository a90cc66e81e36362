//! Streams of the real executable: clients are told of every change, whichever process dies meanwhile.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

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
        slots.signal(random.usize(..2), Signal::SIGKILL);
        all_see(&followers, &value);
        slots.wait_until_ready();
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

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("its address").port()
}
