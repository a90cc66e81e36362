//! Both ends of a handover. The worker is this test binary again, running the ignored test below.

use std::env;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use contract::{Handover, Limits, Sockets, WorkerSettings};

/// The ports that the worker should find, as the supervisor knows them.
const PORTS: &str = "CONTRACT_TEST_PORTS";

#[test]
fn a_worker_finds_its_own_socket_and_its_neighbour_s_where_there_is_one() {
    for has_neighbour in [true, false] {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = Sockets {
            own: listen(),
            neighbour: has_neighbour.then(listen),
        };
        let mut command = Command::new(env::current_exe().unwrap());
        let test = "handover::takes_the_sockets_that_it_was_given";
        command
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(PORTS, ports(&sockets));
        sockets.give(&mut command);
        assert!(command.status().unwrap().success());
    }
}

#[test]
#[ignore = "a process of another test"]
fn takes_the_sockets_that_it_was_given() {
    let Ok(expected) = env::var(PORTS) else {
        return;
    };
    let sockets = Sockets::take().unwrap();
    assert_eq!(ports(&sockets), expected);
    for descriptor in ["0", "1"] {
        let path = PathBuf::from("/proc/self/fd").join(descriptor);
        assert_eq!(path.read_link().unwrap(), PathBuf::from("/dev/null"));
    }
}

fn ports(sockets: &Sockets) -> String {
    let port = |socket: &TcpListener| socket.local_addr().unwrap().port();
    format!(
        "{} {:?}",
        port(&sockets.own),
        sockets.neighbour.as_ref().map(port)
    )
}

#[test]
fn what_is_handed_over_in_writing_arrives_as_it_was() {
    let handover = Handover {
        directory: PathBuf::from("/var/lib/edge proxy"),
        slot: 3,
        supervisor: 1234,
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
        },
    };
    let text = handover.to_json().unwrap();
    let arrived = Handover::from_json(&text).unwrap();
    assert_eq!(format!("{arrived:?}"), format!("{handover:?}"));
    assert!(Handover::from_json("{}").is_err());
}
