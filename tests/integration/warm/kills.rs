//! Proxies are killed while they publish. Each next one serves what was published.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use testing::{Answer, Stub, document};

use super::{Site, greeting};

/// The value of an edition. Every third is so large that it is compressed after it is published.
fn value(edition: usize) -> String {
    format!("{edition:0>6} {}", "x".repeat(40_000 * (edition % 3)))
}

/// The edition that is served. Fails if it is not whole.
#[track_caller]
fn served(proxy: &crate::harness::Proxy) -> usize {
    let greeting = greeting(proxy);
    let edition = greeting[1..7].parse().unwrap();
    assert_eq!(greeting, format!("\"{}\"", value(edition)));
    edition
}

struct EndAtEnd<'flag>(&'flag AtomicBool);

impl Drop for EndAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each proxy is killed at a moment of its own.
#[test]
fn a_proxy_that_is_killed_is_followed_by_one_that_serves_old_or_new() {
    let kills = 12 * testing::scale();
    let upstream = Stub::start([("test", document("test", &value(0)))]);
    let mut site = Site::new(&upstream, &["test"]);
    site.set("api_poll_frequency_seconds", json!(0.005));
    site.leave_behind();
    site.set("api_url", json!(upstream.api_url()));
    let offered = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let (mut newest, mut ahead) = (0, 0);
    std::thread::scope(|scope| {
        let _end = EndAtEnd(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // The edition is counted before it can be served.
                let edition = offered.fetch_add(1, Ordering::SeqCst) + 1;
                upstream.set("test", Answer::Document(document("test", &value(edition))));
                let asked = upstream.count("test");
                while upstream.count("test") == asked && !done.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            }
        });
        for kill in 0..kills {
            let mut proxy = site.start();
            let first = served(&proxy);
            assert!(first >= newest, "{first} after {newest}");
            ahead += usize::from(first > newest);
            let moment = Instant::now() + Duration::from_micros(2_170 * (kill as u64 % 23));
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            newest = served(&proxy);
            assert!(newest >= first && newest <= offered.load(Ordering::SeqCst));
            proxy.signal(Signal::SIGKILL);
            proxy.wait();
        }
    });
    eprintln!(
        "{kills} proxies killed while they published; {ahead} successors served what was newer than seen before"
    );
}
