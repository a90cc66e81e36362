//! The whole supervisor, with workers that only sleep.

use std::fs;
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use contract::ServerSideKey;

use crate::stub::eventually;
use crate::*;

fn settings(directory: PathBuf, documents: usize) -> Settings {
    let started = directory.join("started");
    let document =
        r#"{"api_key":"public","name":null,"project":{"segments":[]},"feature_states":[]}"#;
    Settings {
        environments: vec![KeyPair {
            server_side_key: ServerSideKey::new("ser.secret"),
            client_side_key: "public".to_owned(),
        }],
        source: Source::Embedded(vec![document.into(); documents]),
        poll_interval: Duration::from_secs(10),
        stale_after: None,
        directory: directory.join("state"),
        host: "127.0.0.1".to_owned(),
        port: 0,
        workers: NonZeroUsize::MIN,
        drain_delay: Duration::ZERO,
        drain_timeout: Duration::from_secs(3600),
        worker: Rc::new(move |_| {
            let mut command = Command::new("sh");
            command
                .args(["-c", "echo $$ >$started; exec sleep 60"])
                .env("started", &started);
            command
        }),
    }
}

#[test]
fn serves_until_it_is_told_to_stop_and_leaves_no_worker() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let running = thread::spawn(move || run(settings(path, 1), None));
    let started = directory.path().join("started");
    let process = || fs::read_to_string(&started).ok()?.trim().parse().ok();
    eventually("a worker", || process().is_some());

    // Only after the first worker: until there is a handler, it would end the tests.
    kill(Pid::this(), Signal::SIGTERM).unwrap();
    eventually("the end", || running.is_finished());
    running.join().unwrap().unwrap();
    assert!(kill(Pid::from_raw(process().unwrap()), None).is_err());
}

#[test]
fn every_environment_needs_its_embedded_document() {
    let directory = tempfile::tempdir().unwrap();
    let error = run(settings(directory.path().to_owned(), 2), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "serve 1 environments from 2 embedded documents"
    );
}

#[test]
fn settings_show_no_secret() {
    let shown = format!("{:?}", settings(PathBuf::new(), 1));
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("public"), "{shown}");
}
