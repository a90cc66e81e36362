//! Workers die, drain and are replaced; the supervisor is one and the last.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};

use crate::harness::{Proxy, Start, Upstream, accepts, document, eventually, executable};

fn four_workers() -> (Upstream, Proxy) {
    let upstream = Upstream::start([("test", document("test", "hello"))]);
    let proxy = Start::new(&upstream, &["test"]).workers(4).start();
    proxy.wait_until_ready();
    let proxy_workers = || (proxy.workers().len() == 4).then_some(());
    eventually("four workers", proxy_workers);
    (upstream, proxy)
}

#[test]
fn a_killed_worker_is_replaced_while_the_others_answer() {
    let (_upstream, proxy) = four_workers();
    let before = proxy.workers();
    kill(before[1], Signal::SIGKILL).unwrap();
    // Whoever connects meanwhile is answered, by another worker or by the successor on the same socket.
    for _ in 0..64 {
        assert_eq!(proxy.get("/api/v1/flags/", "test").status, 200);
    }
    let after = proxy.wait_for("the successor", |proxy| {
        let workers = proxy.workers();
        (workers.len() == 4 && !workers.contains(&before[1])).then_some(workers)
    });
    for survivor in before.iter().filter(|pid| **pid != before[1]) {
        assert!(after.contains(survivor), "{after:?} lacks {survivor}");
    }
    let log = proxy.log();
    assert!(log.contains("signal 9"), "{log}");
    assert!(!log.contains("worker 0 exited"), "{log}");
}

#[test]
fn term_finishes_the_requests_in_hand() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let upstream = Upstream::start([("test", document("test", "hello"))]);
        let mut proxy = Proxy::ready(&upstream, "test");
        let mut idle = proxy.connect();
        assert_eq!(
            idle.request(
                "GET",
                "/api/v1/flags/",
                &[("X-Environment-Key", "test")],
                b""
            )
            .status,
            200
        );
        let mut busy = proxy.connect();
        let body = br#"{"identifier":"bob"}"#;
        let head = "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: test\r\n\
            Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n";
        busy.send(head.as_bytes());
        // The worker says this when it has the request in hand.
        assert_eq!(busy.response("POST").status, 100);
        busy.send(&body[..10]);
        proxy.signal(signal);
        eventually("the end of listening", || {
            (!accepts(proxy.address)).then_some(())
        });
        assert!(idle.is_closed());
        busy.send(&body[10..]);
        let response = busy.response("POST");
        assert_eq!(
            (response.status, &response.json()["identifier"]),
            (200, &"bob".into())
        );
        assert!(busy.is_closed());
        assert_eq!(proxy.wait().code(), Some(0));
    }
}

#[test]
fn workers_do_not_outlive_their_supervisor() {
    let (_upstream, mut proxy) = four_workers();
    let workers = proxy.workers();
    proxy.signal(Signal::SIGKILL);
    proxy.wait();
    eventually("the end of the workers", || {
        let gone = |pid: &nix::unistd::Pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Nobody may be there to reap an orphan in a container: a zombie is gone too.
            status.is_empty() || status.contains(") Z ")
        };
        workers.iter().all(gone).then_some(())
    });
}

#[test]
fn a_second_supervisor_leaves_the_first_alone() {
    let upstream = Upstream::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    let text = serde_json::json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": upstream.api_url(), "server": {"host": "127.0.0.1", "port": 0},
        "snapshot": {"directory": proxy.state()}
    });
    std::fs::write(&config, text.to_string()).unwrap();
    let (code, _, stderr) = crate::harness::run(
        executable()
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::null()),
    );
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains(&proxy.state().display().to_string()),
        "{stderr}"
    );
    assert_eq!(proxy.get("/api/v1/flags/", "test").status, 200);
}

#[test]
fn an_address_in_use_is_named() {
    let upstream = Upstream::start([("test", document("test", "hello"))]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    let text = serde_json::json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": upstream.api_url(), "server": {"host": "127.0.0.1", "port": port},
        "snapshot": {"directory": directory.path().join("state")}
    });
    std::fs::write(&config, text.to_string()).unwrap();
    let (code, _, stderr) = crate::harness::run(executable().arg("--config").arg(&config));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("127.0.0.1:{port}")), "{stderr}");
}
