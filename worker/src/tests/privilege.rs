//! What a process can still do after it has given up its privileges. Landlock restricts threads, so each test uses a
//! thread of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::{StubSupervisor, document};
use crate::process::privilege;

/// Runs `attempt` in a thread without privileges, or not at all if the kernel has no Landlock.
fn without_privileges(
    supervisor: &StubSupervisor,
    attempt: impl FnOnce(&str, &StubSupervisor) + Send,
) {
    let state = supervisor.directory.path().join("state");
    thread::scope(|scope| {
        scope.spawn(move || {
            let dropped = privilege::drop(&state).to_string();
            println!("{dropped}");
            assert!(nix::sys::prctl::get_no_new_privs().expect("attribute"));
            assert!(dropped.starts_with("no new privileges; "), "{dropped}");
            if dropped.contains("files and network not restricted") {
                testing::skip("the kernel does not restrict files");
            } else {
                attempt(&dropped, supervisor);
            }
        });
    });
}

fn one_environment() -> StubSupervisor {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document("one", 0, &[(1, "first", true, "1")]));
    supervisor
}

#[test]
fn a_worker_reads_snapshots_that_are_there_and_that_come_later() {
    let mut supervisor = one_environment();
    let state = supervisor.directory.path().join("state");
    let (give, generations) = std::sync::mpsc::channel();
    let (map, mapped) = std::sync::mpsc::channel();
    let reader = supervisor.reader();
    let worker = thread::spawn(move || {
        println!("{}", privilege::drop(&state));
        for generation in generations {
            let snapshot = reader.map::<engine::Environment>("one", generation);
            map.send(snapshot.map(drop)).expect("test");
        }
    });
    let read = |generation: u64| {
        give.send(generation).expect("worker");
        // Publishing removes the snapshot before, so the worker has to be waited for.
        mapped.recv().expect("worker").expect("snapshot");
    };
    let first = supervisor.board().row_generation(0);
    read(first);
    let next = supervisor.publish("one", &document("one", 1, &[(1, "first", true, "2")]));
    assert_ne!(first, next);
    read(next);
    drop(give);
    worker.join().expect("worker");
}

#[test]
fn a_worker_opens_no_other_file_and_writes_none() {
    let supervisor = one_environment();
    without_privileges(&supervisor, |_, supervisor| {
        let state = supervisor.directory.path().join("state");
        let denied = |outcome: std::io::Result<()>, what: &str| {
            let error = outcome.expect_err(what);
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}");
        };
        denied(fs::read("/etc/passwd").map(drop), "read a file");
        denied(fs::read_dir("/").map(drop), "read a directory");
        denied(fs::write(state.join("new"), "x"), "create a file");
        denied(fs::write(state.join("board"), "x"), "write the board");
        denied(fs::remove_file(state.join("board")), "remove the board");
        denied(fs::rename(state.join("board"), state.join("b")), "rename");
        let elsewhere = state.parent().expect("parent").join("new");
        denied(fs::write(elsewhere, "x"), "create a file elsewhere");
        let ran = std::process::Command::new("/bin/true").status();
        denied(ran.map(drop), "run a program");
        fs::read_dir(state.join("environments")).expect("the snapshots");
    });
}

#[test]
fn a_worker_makes_no_connection_but_accepts_them() {
    let supervisor = one_environment();
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let address = listener.local_addr().expect("address");
    let client = TcpStream::connect(address).expect("connection");
    without_privileges(&supervisor, |dropped, _| {
        if dropped.contains("the network is not restricted") {
            return testing::skip("the kernel does not restrict connections");
        }
        let denied = |outcome: std::io::Result<()>, what: &str| {
            let error = outcome.expect_err(what);
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}");
        };
        denied(TcpStream::connect(address).map(drop), "connect");
        denied(TcpListener::bind("127.0.0.1:0").map(drop), "listen");
        listener.accept().expect("a connection that was made to it");
    });
    drop(client);
}
