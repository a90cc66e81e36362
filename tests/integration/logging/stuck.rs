//! Nobody reads the log: a collector that hangs. No request fails or waits for it, nor does the supervisor.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::json;
use testing::{Stub, document, eventually, scale};

use super::count;
use crate::harness::{Proxy, Start};

/// Longer than any answer takes, also on a busy machine.
const LONG: Duration = Duration::from_secs(10);

fn start(upstream: &Stub) -> Proxy {
    let logging = json!({"enable_access_log": true});
    let proxy = Start::new(upstream, &["one"])
        .set("logging", logging)
        .start();
    proxy.wait_until_ready();
    proxy
}

/// Asks so often that the pipe and the queue are full. Returns how often.
fn fill(proxy: &Proxy) -> usize {
    let requests = 2000 * scale();
    let path = format!("/nowhere?{}", "x".repeat(1500));
    let mut connection = proxy.connect();
    for _ in 0..requests {
        let begun = Instant::now();
        let answer = connection.request("GET", &path, &[], b"");
        assert_eq!(answer.status, 404);
        assert!(begun.elapsed() < LONG, "a request waits for the log");
    }
    requests
}

/// How many lines were dropped, by the log's own word.
fn dropped(proxy: &Proxy) -> usize {
    let log = proxy.log();
    let told = log.lines().filter_map(|line| {
        let (before, _) = line.split_once(" lines of the log dropped")?;
        before.rsplit_once(' ')?.1.parse::<usize>().ok()
    });
    told.sum()
}

#[test]
fn requests_are_answered_and_the_lines_that_are_dropped_are_counted() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let proxy = start(&upstream);
    let unread = proxy.unread_log();
    let requests = fill(&proxy);
    drop(unread);
    let told = proxy.wait_for("the number of dropped lines", |proxy| {
        let dropped = dropped(proxy);
        (count(proxy, "GET /nowhere") + dropped == requests).then_some(dropped)
    });
    assert!(told > requests / 10, "{told} of {requests}");
    for line in proxy.log().lines().filter(|line| line.contains("/nowhere")) {
        assert!(
            line.starts_with('[') && line.ends_with(" µs, \"\""),
            "{line}"
        );
    }
}

#[test]
fn workers_are_replaced_and_the_proxy_ends() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let mut proxy = start(&upstream);
    {
        let _unread = proxy.unread_log();
        fill(&proxy);
        for _ in 0..3 {
            let workers = proxy.workers();
            kill(workers[0], Signal::SIGKILL).unwrap();
            eventually("a replacement", || {
                proxy
                    .workers()
                    .first()
                    .is_some_and(|pid| !workers.contains(pid))
            });
            assert_eq!(proxy.get("/nowhere", "").status, 404);
        }
        fill(&proxy);
        proxy.signal(Signal::SIGTERM);
        let stat = format!("/proc/{}/stat", proxy.pid());
        // Nobody has waited for the process yet.
        eventually("the end", || {
            std::fs::read_to_string(&stat).unwrap().contains(") Z ")
        });
    }
    assert!(proxy.wait().success());
}
