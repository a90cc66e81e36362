//! Reloads that roll the workers, on the same sockets or on others.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::{Signal, kill};
use serde_json::json;
use testing::eventually;

use super::{
    FLAGS, READINESS, clients, edit, pair, proxy, reloaded, served, some_requests, told, upstream,
    workers,
};
use crate::harness::Clients;

#[test]
fn new_settings_roll_the_workers_and_no_request_is_dropped() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let allowed = || {
        ["https://a.test", "https://b.test"].map(|origin| {
            let headers = [("X-Environment-Key", "stays"), ("Origin", origin)];
            let response = proxy.connect().request("GET", FLAGS, &headers, b"");
            response
                .headers
                .get("access-control-allow-origin")
                .is_some_and(|allowed| allowed == origin)
        })
    };
    assert_eq!(allowed(), [true, true]);
    let clients = clients(&proxy, &[]);
    for round in 1..=3 {
        let before = workers(&proxy);
        edit(&proxy, |config| {
            config["allow_origins"] = json!(["https://a.test", format!("https://{round}.test")]);
            config["server"]["keep_alive_seconds"] = json!(60 + round);
            config["server"]["shutdown_timeout_seconds"] = json!(10 + round);
        });
        reloaded(&proxy, "2 workers rolled");
        let after = eventually("the old workers are gone", || {
            let after = workers(&proxy);
            (after.len() == 2 && before.iter().all(|old| !after.contains(old))).then_some(after)
        });
        assert_eq!(allowed(), [true, false]);
        // The replacement of a killed worker has the new settings, and the same socket.
        kill(after[0], Signal::SIGKILL).unwrap();
        eventually("a successor", || {
            let now = workers(&proxy);
            now.len() == 2 && !now.contains(&after[0])
        });
        assert_eq!(allowed(), [true, false]);
        if round == 1 {
            assert_eq!(upstream.count("stays"), 1);
        }
    }
    drop(clients);
}

#[test]
fn many_requests_to_reload_are_few_reloads_and_the_last_file_counts() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    for round in 1..=20 {
        edit(&proxy, |config| {
            config["allow_origins"] = json!([format!("https://{round}.test")]);
        });
        proxy.signal(Signal::SIGHUP);
    }
    proxy.wait_for("the last file", |proxy| {
        let headers = [
            ("X-Environment-Key", "stays"),
            ("Origin", "https://20.test"),
        ];
        let allowed = || {
            let response = proxy.connect().request("GET", FLAGS, &headers, b"");
            response.headers.contains_key("access-control-allow-origin")
        };
        (0..16).all(|_| allowed())
    });
    proxy.wait_for("two workers", |proxy| workers(proxy).len() == 2);
    let lines = told(&proxy);
    assert!((1..=20).contains(&lines.len()), "{lines:?}");
    assert!(
        lines.iter().all(|line| !line.contains("ERROR")),
        "{lines:?}"
    );
}

#[test]
fn another_port_is_opened_before_the_old_one_is_left() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let next = free.local_addr().unwrap();
    drop(free);
    let clients = Clients::start(
        proxy.address,
        Some(next),
        &[
            (FLAGS, "stays", served("hello from stays")),
            (READINESS, "", served("\"ok\"")),
        ],
    );
    some_requests(&clients);
    edit(&proxy, |config| {
        config["server"]["port"] = json!(next.port())
    });
    reloaded(
        &proxy,
        &format!("listening on http://{next}, 2 workers rolled"),
    );
    eventually("the old port is left", || {
        !crate::harness::accepts(proxy.address)
    });
    some_requests(&clients);
    let tally = clients.stop("another port");
    assert_eq!(tally.moved, 4, "each client has found the new port");
    // Another address with the same port can be opened while the old one is open.
    edit(&proxy, |config| config["server"]["host"] = json!("0.0.0.0"));
    let everywhere = format!("0.0.0.0:{}", next.port());
    reloaded(
        &proxy,
        &format!("listening on http://{everywhere}, 2 workers rolled"),
    );
    assert!(crate::harness::accepts(SocketAddr::from((
        [127, 0, 0, 2],
        next.port()
    ))));
}

#[test]
fn workers_that_cannot_boot_in_the_new_way_leave_the_old_ones_in_peace() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let before = workers(&proxy);
    let clients = clients(&proxy, &[]);
    // A worker does not boot when other users can write to the state directory.
    fs::set_permissions(proxy.state(), Permissions::from_mode(0o777)).unwrap();
    edit(&proxy, |config| {
        config["server"]["max_connections"] = json!(100)
    });
    reloaded(&proxy, "0 of 2 workers rolled");
    let log = proxy.log();
    assert!(
        log.contains(
            "new worker 0 could not boot: 0 of 2 workers rolled, the others serve as before"
        ),
        "{log}"
    );
    some_requests(&clients);
    assert_eq!(workers(&proxy), before);
    fs::set_permissions(proxy.state(), Permissions::from_mode(0o700)).unwrap();
    reloaded(&proxy, "2 workers rolled");
    some_requests(&clients);
    clients.stop("workers that cannot boot");
}

#[test]
fn hup_during_a_drain_does_not_keep_it_from_ending() {
    let upstream = upstream(&["stays"]);
    let mut proxy = proxy(&upstream, &["stays"]);
    let mut busy = proxy.connect();
    let head = "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: stays\r\n\
        Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n";
    busy.send(head.as_bytes());
    assert_eq!(busy.response("POST").status, 100);
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([pair("other", "ser.other")])
    });
    proxy.signal(Signal::SIGTERM);
    proxy.wait_for("the drain", |proxy| proxy.log().contains("draining"));
    proxy.signal(Signal::SIGHUP);
    busy.send(br#"{"identifier":"bob"}"#);
    assert_eq!(busy.response("POST").status, 200);
    assert_eq!(proxy.wait().code(), Some(0));
    assert_eq!(told(&proxy), Vec::<String>::new());
}
