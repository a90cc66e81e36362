//! When the next fetch is due: later after each failure, at the time that `Retry-After` gives, and as usual after a
//! success.

use std::time::Duration;

use testing::{Answer, Stub, document};

use super::{wait_for_failure, wait_for_recovery};
use crate::harness::Start;

fn failing(upstream: &Stub, environment: &str, headers: &[&str]) {
    let head = [&["503 Service Unavailable", "Content-Length: 0"], headers].concat();
    upstream.set(environment, Answer::raw(&head, ""));
}

/// The times between the last requests.
fn gaps(upstream: &Stub, environment: &str, last: usize) -> Vec<Duration> {
    let times = upstream.times(environment);
    let times = &times[times.len() - last - 1..];
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn failures_back_off_and_the_first_success_ends_it() {
    let upstream = Stub::start([("test", document("test", "good"))]);
    let proxy = Start::new(&upstream, &["test"]).start();
    proxy.wait_until_ready();
    failing(&upstream, "test", &[]);
    let asked = upstream.count("test");
    proxy.wait_for("five failures", |_| upstream.count("test") >= asked + 5);
    // The schedule waits 0.2, 0.4, 0.8 s, and at most six intervals, each spread by a tenth. A busy machine adds to it.
    for (gap, least) in gaps(&upstream, "test", 4).iter().zip([180, 360, 720, 980]) {
        assert!(*gap >= Duration::from_millis(least - 10), "{gap:?}");
    }
    upstream.set("test", Answer::Document(document("test", "good")));
    wait_for_recovery(&proxy, "test");
    let asked = upstream.count("test");
    proxy.wait_for("seven more fetches", |_| {
        upstream.count("test") >= asked + 7
    });
    let mut gaps = gaps(&upstream, "test", 6);
    println!("after the recovery: {gaps:?}");
    gaps.sort();
    // The schedule waits 0.2 s. Only half of the times are checked, because the machine may be busy for a while.
    assert!(gaps[2] < Duration::from_millis(700), "{gaps:?}");
}

#[test]
fn retry_after_is_honoured_whether_seconds_or_a_date() {
    let environments = ["seconds", "date", "nonsense"];
    let upstream = Stub::start(environments.map(|name| (name, document(name, "good"))));
    let proxy = Start::new(&upstream, &environments).start();
    proxy.wait_until_ready();
    failing(&upstream, "seconds", &["Retry-After: 3"]);
    let date = [
        "Date: Mon, 02 Feb 2026 12:00:00 GMT",
        "Retry-After: Mon, 02 Feb 2026 12:00:03 GMT",
    ];
    failing(&upstream, "date", &date);
    failing(&upstream, "nonsense", &["Retry-After: soon"]);
    for environment in ["seconds", "date"] {
        let next = wait_for_failure(&proxy, environment, "upstream answered 503");
        assert!((3.0..=3.4).contains(&next), "{environment}: {next}");
    }
    let next = wait_for_failure(&proxy, "nonsense", "upstream answered 503");
    assert!((0.1..=0.3).contains(&next), "{next}");
    for environment in ["seconds", "date"] {
        let told = format!("environment {environment} not updated");
        proxy.wait_for("a second failure", |proxy| {
            proxy.log().matches(&told).count() >= 2
        });
        let gap = gaps(&upstream, environment, 1)[0];
        assert!(gap >= Duration::from_secs(3), "{environment}: {gap:?}");
        upstream.set(environment, Answer::Document(document(environment, "good")));
        wait_for_recovery(&proxy, environment);
    }
}
