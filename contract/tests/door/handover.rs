//! What a worker is given. That it takes the sockets is tested with the executable.

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use contract::{Handover, Limits, Sockets, WorkerSettings};

#[test]
fn a_worker_s_stdin_is_its_own_socket_and_its_stdout_its_neighbour_s() {
    for has_neighbour in [true, false] {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = Sockets {
            own: listen(),
            neighbour: has_neighbour.then(listen),
        };
        let own = name(&sockets.own);
        let neighbour = sockets.neighbour.as_ref().map(name);
        let neighbour = neighbour.unwrap_or("/dev/null".to_owned());
        let mut worker = Command::new("sh");
        let script = r#"links=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); echo "$links" >&2"#;
        worker.args(["-c", script]);
        sockets.give(&mut worker);
        let output = worker.stderr(Stdio::piped()).output().unwrap();
        let found = String::from_utf8(output.stderr).unwrap();
        assert_eq!(found, format!("{own}\n{neighbour}\n"));
    }
}

/// What the kernel calls a socket.
fn name(socket: &TcpListener) -> String {
    let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
    fs::read_link(link).unwrap().display().to_string()
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
