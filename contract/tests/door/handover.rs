//! What a worker is given, between two real processes: the worker is this very test, started again.

use std::ffi::OsString;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use contract::{
    Handover, HandoverError, Limits, MetricsSettings, Paths, SlotSockets, Sockets, Token, Traits,
    WorkerSettings,
};

/// In the process of a worker: what it is to do with its standard input.
const WORKER: &str = "WORKER_OF_THE_TEST";

fn handover() -> Handover {
    Handover {
        directory: OsString::from_vec(b"/var/lib/edge \xff proxy".to_vec()).into(),
        slot: 3,
        supervisor: 1234,
        admin_token: Some(Token::of("secret")),
        sse_authentication_token: Some(Token::of("another")),
        ring: Some(u64::MAX),
        accepts_events: true,
        reports_usage: true,
        settings: WorkerSettings {
            allow_origins: vec!["*".to_owned()],
            limits: Limits {
                max_connections: 1,
                max_body_bytes: 2,
                header_timeout: Duration::from_secs(3),
                body_timeout: Duration::from_secs(4),
                keep_alive: Duration::from_secs(5),
                shutdown_timeout: Duration::from_millis(1500),
            },
            traits: Traits { forward: true },
            metrics: MetricsSettings {
                max_environments: 6,
            },
            paths: Paths {
                base_path: Some("/flagsmith".to_owned()),
            },
            ..WorkerSettings::default()
        },
    }
}

fn listen(count: usize) -> Vec<TcpListener> {
    (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect()
}

/// Runs `test` of this file again, as a worker that has this standard input.
fn worker(test: &str, stdin: Stdio) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("handover::{test}"), "--nocapture"])
        .env(WORKER, "1")
        .stdin(stdin);
    command.output().unwrap()
}

fn is_worker() -> bool {
    std::env::var_os(WORKER).is_some()
}

/// The worker connects to each socket that it was given, and accepts there.
fn ports(sockets: &[TcpListener]) -> Vec<u16> {
    let port = |socket: &TcpListener| {
        let address = socket.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (_, peer) = socket.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        address.port()
    };
    sockets.iter().map(port).collect()
}

#[test]
fn a_worker_takes_what_it_was_given_in_writing_and_every_socket_in_its_place() {
    if is_worker() {
        let (taken, sockets) = Handover::take().unwrap();
        assert_eq!(taken, handover());
        let slot = |slot: &SlotSockets| (ports(&slot.public), ports(&slot.admin));
        println!(
            "{:?}",
            (slot(&sockets.own), sockets.neighbour.as_ref().map(slot))
        );
        // Standard input is `/dev/null`: the socket of the handover is closed.
        assert_eq!(std::io::stdin().lines().count(), 0);
        return;
    }
    // Three hundred do not fit into one message.
    for (own, neighbour) in [
        ((1, 0), None),
        ((2, 1), Some((2, 1))),
        ((2, 1), Some((1, 0))),
        ((300, 2), Some((270, 1))),
    ] {
        let open = |(public, admin)| SlotSockets {
            public: listen(public),
            admin: listen(admin),
        };
        let sockets = Sockets {
            own: open(own),
            neighbour: neighbour.map(open),
        };
        let stdin = handover().give(&sockets).unwrap();
        let slot = |slot: &SlotSockets| (ports(&slot.public), ports(&slot.admin));
        let expected = format!(
            "{:?}",
            (slot(&sockets.own), sockets.neighbour.as_ref().map(slot))
        );
        drop(sockets);
        let name = "a_worker_takes_what_it_was_given_in_writing_and_every_socket_in_its_place";
        let output = worker(name, stdin.into());
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(found.contains(&expected), "{found} lacks {expected}");
        assert!(output.status.success());
    }
}

#[test]
fn a_worker_that_nobody_gave_anything_says_so() {
    const NAME: &str = "a_worker_that_nobody_gave_anything_says_so";
    if is_worker() {
        let error = Handover::take().unwrap_err();
        println!(
            "found: {error}: {:?}",
            std::error::Error::source(&error).map(ToString::to_string)
        );
        return;
    }
    let found = |stdin: Stdio| String::from_utf8(worker(NAME, stdin).stdout).unwrap();
    let no_socket = found(Stdio::null());
    assert!(
        no_socket
            .contains("found: take the handover from standard input, where a supervisor puts it"),
        "{no_socket}"
    );
    assert!(no_socket.contains("non-socket"), "{no_socket}");
    let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    near.write_all(b"{}").unwrap();
    // Nobody closes this one, and nobody waits for it either.
    let far_too = far.try_clone().unwrap();
    let endless = found(Stdio::from(std::os::fd::OwnedFd::from(far_too)));
    assert!(endless.contains("temporarily unavailable"), "{endless}");
    near.write_all(b"{}").unwrap();
    drop(near);
    let foreign = found(Stdio::from(std::os::fd::OwnedFd::from(far)));
    assert!(foreign.contains("found: read the handover"), "{foreign}");
}

#[test]
fn sockets_that_did_not_arrive_are_missed() {
    const NAME: &str = "sockets_that_did_not_arrive_are_missed";
    if is_worker() {
        let error = Handover::take().unwrap_err();
        assert!(
            matches!(
                error,
                HandoverError::Count {
                    found: 0,
                    expected: 1
                }
            ),
            "{error}"
        );
        println!("missed");
        return;
    }
    let sockets = Sockets {
        own: SlotSockets {
            public: listen(1),
            admin: Vec::new(),
        },
        neighbour: None,
    };
    let given = std::os::unix::net::UnixStream::from(handover().give(&sockets).unwrap());
    // Whoever reads it as a stream loses what came with it.
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut &given, &mut text).unwrap();
    let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    near.write_all(&text).unwrap();
    drop(near);
    let output = worker(NAME, Stdio::from(std::os::fd::OwnedFd::from(far)));
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(found.contains("missed"), "{found}");
}

#[test]
fn a_handover_that_is_too_long_is_refused_and_nobody_waits() {
    let mut handover = handover();
    handover.settings.allow_origins = vec!["https://app.example.com".to_owned(); 1_000_000];
    let sockets = Sockets {
        own: SlotSockets {
            public: listen(1),
            admin: Vec::new(),
        },
        neighbour: None,
    };
    assert!(handover.give(&sockets).is_err());
}

#[test]
fn a_handover_shows_no_token() {
    let handover = handover();
    let shown = format!("{handover:?} {}", serde_json::to_string(&handover).unwrap());
    assert!(!shown.contains("secret"), "{shown}");
    let token = handover.admin_token.unwrap();
    assert!(token.is(b"secret") && !token.is(b"Secret") && !token.is(b""));
}
