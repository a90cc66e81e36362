//! The pool: workers that die are replaced, the supervisor ends last, and a state directory has one supervisor.

use std::fs::Permissions;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testing::{Stub, document, eventually};

use crate::harness::exchange::exchange;
use crate::harness::load::asks;
use crate::harness::slots::Slots;
use crate::harness::{Proxy, Start, accepts, executable};

fn four_workers() -> (Stub, Proxy) {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Start::new(&upstream, &["test"]).workers(4).start();
    proxy.wait_until_ready();
    let proxy_workers = || proxy.workers().len() == 4;
    eventually("four workers", proxy_workers);
    (upstream, proxy)
}

#[test]
fn a_killed_worker_is_replaced_while_the_others_answer() {
    let (_upstream, proxy) = four_workers();
    let before = proxy.workers();
    kill(before[1], Signal::SIGKILL).unwrap();
    // Clients that connect meanwhile are answered, by another worker or by the replacement on the same socket.
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
        let upstream = Stub::start([("test", document("test", "hello"))]);
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
        // The worker answers 100 when it has begun the request.
        assert_eq!(busy.response("POST").status, 100);
        busy.send(&body[..10]);
        proxy.signal(signal);
        eventually("the end of listening", || !accepts(proxy.address));
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
fn workers_do_not_outlive_their_supervisor_and_a_new_start_succeeds_at_once() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let mut proxy = Start::new(&upstream, &["test"]).workers(4).start();
    proxy.wait_until_ready();
    Slots::of(&proxy).wait_until_ready();
    let ask = &asks(proxy.address, "test")[0];
    // There are kept connections, and a request that a drain would wait for.
    let mut kept: Vec<_> = (0..8)
        .map(|_| TcpStream::connect(proxy.address).unwrap())
        .collect();
    for stream in &mut kept {
        assert!(exchange(stream, &ask.request).unwrap().kept);
    }
    kept[0].write_all(&ask.request[..20]).unwrap();
    let workers = proxy.workers();
    assert_eq!(workers.len(), 4);
    let config = proxy.state().with_file_name("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let mut same: serde_json::Value = serde_json::from_str(&text).unwrap();
    same["server"]["port"] = proxy.address.port().into();
    std::fs::write(&config, same.to_string()).unwrap();

    let killed = Instant::now();
    proxy.signal(Signal::SIGKILL);
    eventually("its end", || is_gone(&proxy.pid()));
    // The next supervisor starts at once, with the same state directory.
    let mut command = executable();
    command.arg("--config").arg(&config);
    let next = Proxy::spawn(command, proxy.state().to_owned(), None);
    assert_eq!(next.address, proxy.address);
    let listening = killed.elapsed();
    eventually("the end of the workers", || workers.iter().all(is_gone));
    proxy.wait();
    println!(
        "supervisor killed: the next one listened after {listening:?}, the last worker was seen gone after {:?}",
        killed.elapsed()
    );
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "a second, on a machine of its own"
    );
    next.wait_until_ready();
    assert_eq!(next.get("/api/v1/flags/", "test").status, 200);
}

fn is_gone(process: &Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // In a container nobody may reap orphans, so a zombie counts as gone.
    status.is_empty() || status.contains(") Z ")
}

#[test]
fn a_replacement_that_cannot_boot_ends_the_proxy_with_its_reason() {
    for (fault, reason) in [
        (
            put_garbage_for_the_board as fn(&Path),
            "not written by a publisher",
        ),
        (take_away, "No such file"),
    ] {
        let upstream = Stub::start([("test", document("test", "hello"))]);
        let mut proxy = Start::new(&upstream, &["test"]).workers(2).start();
        proxy.wait_until_ready();
        let slots = Slots::of(&proxy);
        slots.wait_until_ready();
        fault(proxy.state());
        slots.signal(0, Signal::SIGKILL);
        assert_eq!(proxy.wait().code(), Some(1));
        let log = proxy.log();
        let last: Vec<_> = log
            .lines()
            .filter(|line| line.starts_with("edge-proxy: "))
            .collect();
        assert_eq!(last.len(), 2, "{log}");
        assert!(
            last[0].contains("open the state directory") && last[0].contains(reason),
            "{log}"
        );
        assert_eq!(last[1], "edge-proxy: worker 0 could not boot");
        assert!(!accepts(proxy.address));
    }
}

fn put_garbage_for_the_board(state: &Path) {
    // The file is replaced, not overwritten: running workers have it mapped.
    let new = state.join("garbage");
    std::fs::write(&new, vec![b'x'; 8192]).expect("write garbage");
    std::fs::set_permissions(&new, Permissions::from_mode(0o600)).expect("make it private");
    std::fs::rename(new, state.join("board")).expect("replace the board");
}

fn take_away(state: &Path) {
    std::fs::rename(state, state.with_extension("gone")).expect("move the state directory");
}

#[test]
fn as_the_first_process_of_a_container_it_reaps_orphans_and_stops_when_told() {
    let namespace =
        |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = namespace(Command::new("unshare").args(["--pid", "--fork", "true"]));
    if !works.is_ok_and(|status| status.success()) {
        return testing::skip("this user may not make a process namespace");
    }
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let config = directory.path().join("config.json");
    let text = serde_json::json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": upstream.api_url(), "server": {"host": "127.0.0.1", "port": 0},
        "admin": {"port": null},
        "snapshot": {"directory": state}
    });
    std::fs::write(&config, text.to_string()).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]);
    command
        .arg(executable().get_program())
        .arg("--config")
        .arg(&config);
    command.env("WEB_CONCURRENCY", "2");
    let mut proxy = Proxy::spawn(command, state, Some(directory));
    proxy.wait_until_ready();
    let [supervisor] = children(proxy.pid())[..] else {
        panic!("one supervisor");
    };
    let workers = children(supervisor);
    assert_eq!(workers.len(), 2);

    let mut enter = Command::new("nsenter");
    enter
        .args(["--pid", "--target"])
        .arg(supervisor.to_string());
    enter.args([
        "sh",
        "-c",
        "for orphan in 1 2 3 4 5 6 7 8; do sleep 1 & done",
    ]);
    assert!(namespace(&mut enter).unwrap().success());
    eventually("orphans in its care", || children(supervisor).len() == 10);
    eventually("no orphans, not even dead ones", || {
        children(supervisor) == workers
    });
    kill(supervisor, Signal::SIGTERM).unwrap();
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(workers.iter().all(is_gone));
}

/// The children of a process, with those that are dead and not reaped.
fn children(process: Pid) -> Vec<Pid> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    let numbers = children.split_whitespace().map(|number| number.parse());
    numbers
        .map(|number| Pid::from_raw(number.expect("a number")))
        .collect()
}

#[test]
fn a_second_supervisor_leaves_the_first_alone() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    let text = serde_json::json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": upstream.api_url(), "server": {"host": "127.0.0.1", "port": 0},
        "admin": {"port": null},
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
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    let text = serde_json::json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": upstream.api_url(), "server": {"host": "127.0.0.1", "port": port},
        "admin": {"port": null},
        "snapshot": {"directory": directory.path().join("state")}
    });
    std::fs::write(&config, text.to_string()).unwrap();
    let (code, _, stderr) = crate::harness::run(executable().arg("--config").arg(&config));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("127.0.0.1:{port}")), "{stderr}");
}
