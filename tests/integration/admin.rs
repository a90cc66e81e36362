//! The admin listener of the executable: what is there, who gets it, and until when.

use std::net::{SocketAddr, TcpListener};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Stub, document, eventually};

use crate::harness::slots::Slots;
use crate::harness::{Connection, Proxy, Start, accepts};
use crate::reload::{edit, reload};

const TOKEN: &str = "the-needle-of-the-admin";

fn upstream() -> Stub {
    Stub::start([("test", document("test", "hello"))])
}

/// Edits the configuration, has the proxy read it, and waits for these words of what it changes.
fn change(proxy: &Proxy, change: impl FnOnce(&mut Value), told: &str) {
    edit(proxy, change);
    let line = reload(proxy);
    assert!(line.contains(told), "{line:?} lacks {told:?}");
}

fn status(address: SocketAddr, path: &str, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let mut connection = Connection::open(address);
    connection.request("GET", path, &headers, b"").status
}

#[test]
fn is_at_an_address_of_its_own_and_answers_also_for_a_worker_that_is_gone() {
    let upstream = upstream();
    let start = Start::new(&upstream, &["test"]).workers(2).admin();
    let proxy = start.start();
    let slots = Slots::ready(&proxy);
    let list = proxy.get_admin("/endpoints");
    assert_eq!(list.status, 200);
    assert!(list.text().contains("/proxy/health/readiness"), "{list:?}");
    let ready = proxy.get_admin("/proxy/health/readiness");
    assert_eq!(ready.json()["status"], "ok");
    assert_eq!(proxy.get_admin("/api/v1/flags/").status, 404);
    // A worker that stands still: the other one takes its connections, after two seconds.
    let address = proxy.admin_address();
    let stopped = slots.signal(0, Signal::SIGSTOP);
    for _ in 0..16 {
        assert_eq!(status(address, "/", ""), 200);
    }
    nix::sys::signal::kill(stopped, Signal::SIGCONT).expect("go on");
}

#[test]
fn a_drain_ends_it_last() {
    let upstream = upstream();
    let start = Start::new(&upstream, &["test"]).workers(2).admin();
    let mut proxy = start.start();
    Slots::ready(&proxy);
    let address = proxy.admin_address();
    let mut scraper = Connection::open(address);
    assert_eq!(scraper.request("GET", "/", &[], b"").status, 200);
    let mut busy = proxy.connect();
    let head = "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: test\r\n\
        Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n";
    busy.send(head.as_bytes());
    assert_eq!(busy.response("POST").status, 100);
    proxy.signal(Signal::SIGTERM);
    // The worker that has nothing to do ends, and takes its sockets with it.
    eventually("the end of one worker", || proxy.workers().len() == 1);
    eventually("the end of public listening", || !accepts(proxy.address));
    for _ in 0..32 {
        assert_eq!(status(address, "/proxy/health/liveness", ""), 200);
        assert_eq!(
            status(address, "/proxy/health/readiness", ""),
            503,
            "it drains"
        );
    }
    busy.send(br#"{"identifier":"bob"}"#);
    assert_eq!(busy.response("POST").status, 200);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(!accepts(address));
    assert!(!proxy.log().contains("cut"), "{}", proxy.log());
}

#[test]
fn hup_moves_it_and_turns_it_off_and_on_while_the_public_listener_stays() {
    let upstream = upstream();
    let start = Start::new(&upstream, &["test"]).workers(2).admin();
    let proxy = start.start();
    Slots::ready(&proxy);
    let mut kept = proxy.connect();
    let flags = |connection: &mut Connection| {
        let headers = [("X-Environment-Key", "test")];
        connection.request("GET", "/api/v1/flags/", &headers, b"")
    };
    assert_eq!(flags(&mut kept).status, 200);
    let first = proxy.admin_address();

    change(
        &proxy,
        |config| config["admin"]["host"] = json!("127.0.0.2"),
        "admin listener on",
    );
    let second = proxy.admin_address();
    assert_eq!(second.ip().to_string(), "127.0.0.2");
    eventually("the first address is left", || !accepts(first));
    assert_eq!(status(second, "/", ""), 200);

    change(
        &proxy,
        |config| config["admin"]["port"] = json!(null),
        "no admin listener",
    );
    eventually("the second address is left", || !accepts(second));
    assert_eq!(proxy.get("/api/v1/flags/", "test").status, 200);

    change(
        &proxy,
        |config| config["admin"] = json!({"port": 0}),
        "admin listener on",
    );
    assert_eq!(proxy.get_admin("/").status, 200);
    assert_eq!(proxy.log().matches("listening on http").count(), 1);
}

#[test]
fn a_token_opens_it_and_is_shown_nowhere() {
    let upstream = upstream();
    let admin = json!({"port": 0, "token": TOKEN});
    let start = Start::new(&upstream, &["test"]).set("admin", admin);
    let proxy = start.log("trace").start();
    proxy.wait_until_ready();
    let address = proxy.admin_address();
    assert_eq!(status(address, "/status", TOKEN), 200);
    assert_eq!(status(address, "/status", "another"), 401);
    assert_eq!(status(address, "/proxy/health/readiness", ""), 200);
    let other = "the-other-needle-of-the-admin";
    change(
        &proxy,
        |config| config["admin"]["token"] = json!(other),
        "1 worker rolled",
    );
    eventually("the end of the previous worker", || {
        proxy.workers().len() == 1
    });
    assert_eq!(status(address, "/status", TOKEN), 401);
    assert_eq!(status(address, "/status", other), 200);
    for process in proxy.workers().into_iter().chain([proxy.pid()]) {
        let command = std::fs::read_to_string(format!("/proc/{process}/cmdline"));
        let command = command.expect("a command line");
        assert!(
            !command.contains("needle") && !command.contains('{'),
            "{command}"
        );
    }
    assert!(!proxy.log().contains("needle"), "{}", proxy.log());
}

#[test]
fn a_port_in_use_is_an_error_with_the_name_of_the_setting_and_the_default_one_a_warning() {
    let upstream = upstream();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.json");
    let config = json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": upstream.api_url(),
        "server": {"host": "127.0.0.1", "port": 0},
        "admin": {"port": port},
        "snapshot": {"directory": directory.path().join("state")}
    });
    std::fs::write(&path, config.to_string()).expect("write the configuration");
    let mut command = crate::harness::executable();
    let (code, _, stderr) = crate::harness::run(command.arg("--config").arg(&path));
    assert_eq!(code, Some(1), "{stderr}");
    let expected = format!("edge-proxy: listen on 127.0.0.1:{port} (admin.host, admin.port): ");
    assert!(stderr.contains(&expected), "{stderr}");

    // An address that nobody else uses.
    let taken = TcpListener::bind("127.0.0.7:8001").expect("a port");
    let admin = json!({"host": "127.0.0.7"});
    let start = Start::new(&upstream, &["test"]).set("admin", admin);
    let proxy = start.start();
    proxy.wait_until_ready();
    let warning = "no admin listener: 127.0.0.7:8001 is in use";
    assert!(proxy.log().contains(warning), "{}", proxy.log());
    // The next reload finds it free.
    drop(taken);
    change(&proxy, |_| {}, "admin listener on http://127.0.0.7:8001");
    assert_eq!(proxy.get_admin("/").status, 200);
}
