//! `edge-proxy snapshot`: what is published, beside a running proxy, after its end, and in a damaged directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::Value;
use testing::{Answer, Stub, document, eventually};

use crate::harness::{Proxy, Start, executable, run};

fn show(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = executable();
    command
        .arg("snapshot")
        .arg("--directory")
        .arg(directory)
        .args(arguments);
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!(stderr, "");
    (code, stdout)
}

fn read(directory: &Path) -> (Option<i32>, Value) {
    let (code, text) = show(directory, &["--json"]);
    (code, serde_json::from_str(&text).expect("JSON"))
}

/// Two environments, one of which upstream does not know.
fn start(upstream: &Stub) -> Proxy {
    let proxy = Start::new(upstream, &["first_environment", "missing"])
        .workers(2)
        .start();
    proxy.wait_for("the first document", |proxy| {
        proxy.get("/api/v1/flags/", "first_environment").status == 200
    });
    proxy
}

fn upstream() -> Stub {
    let document = document("first_environment", "good");
    Stub::start([("first_environment", document)])
}

fn snapshots(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.join("environments")).expect("the directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn what_is_published_is_shown_beside_a_running_proxy_and_after_its_end() {
    let upstream = upstream();
    let mut proxy = start(&upstream);
    let state = proxy.state().to_owned();
    let (code, shown) = read(&state);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown["is_in_use"], true);
    assert_eq!(shown["process"], proxy.pid().as_raw());
    assert_eq!(shown["problems"], Value::Array(Vec::new()));
    let environments = shown["environments"].as_array().expect("a list");
    assert_eq!(environments.len(), 2);
    let (first, missing) = (&environments[0], &environments[1]);
    assert_eq!(first["key"], "firs…");
    assert!(
        first["fetched_seconds_ago"].as_f64() < Some(30.0),
        "{first}"
    );
    let snapshot = &first["snapshot"];
    let length = document("first_environment", "good").len();
    assert_eq!(snapshot["name"], "Test");
    assert_eq!(snapshot["document_bytes"], length);
    assert_eq!(snapshot["updated_at"], "2026-01-15T10:30:00.123456+00:00");
    for (name, expected) in [
        ("features", 2),
        ("segments", 1),
        ("identity_overrides", 1),
        ("warnings", 0),
    ] {
        assert_eq!(snapshot[name], expected, "{name}");
    }
    assert_eq!(
        (&missing["snapshot"], &missing["fetched_seconds_ago"]),
        (&Value::Null, &Value::Null)
    );

    let (code, text) = show(&state, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("in use by process {}\n", proxy.pid())),
        "{text}"
    );
    assert!(text.contains("2 environments, stale after "), "{text}");
    assert!(text.contains("Test         firs…"), "{text}");
    assert!(
        !text.contains("ser.") && !text.contains("first_environment"),
        "{text}"
    );

    proxy.signal(Signal::SIGTERM);
    proxy.wait();
    let (code, after) = read(&state);
    assert_eq!(code, Some(0), "{after}");
    assert_eq!(after["is_in_use"], false);
    assert_eq!(
        after["environments"][0]["snapshot"]["generation"],
        snapshot["generation"]
    );
}

#[test]
fn the_directory_is_that_of_the_configuration() {
    let upstream = upstream();
    let proxy = start(&upstream);
    let config = proxy.state().with_file_name("config.json");
    let (code, text, _) = run(executable().arg("snapshot").env("CONFIG_PATH", config));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Test  "), "{text}");
}

#[test]
fn a_proxy_is_not_disturbed_by_being_looked_at() {
    let upstream = upstream();
    let proxy = start(&upstream);
    for number in 0..20 {
        let document = document("first_environment", &number.to_string());
        upstream.set("first_environment", Answer::Document(document));
        let (code, text) = show(proxy.state(), &[]);
        assert_eq!(code, Some(0), "{text}");
    }
    let log = proxy.log();
    let mut warnings = log.lines().filter(|line| line.contains("WARN"));
    assert!(
        warnings.all(|line| line.contains("environment missing not updated")),
        "{log}"
    );
    assert_eq!(proxy.workers().len(), 2);
}

#[test]
fn what_is_damaged_or_foreign_is_named_and_does_not_hide_the_rest() {
    let second = document("second", "good");
    let upstream = upstream();
    upstream.set("second", Answer::Document(second));
    let mut proxy = Start::new(&upstream, &["first_environment", "second"]).start();
    proxy.wait_until_ready();
    let state = proxy.state().to_owned();
    let settled = || snapshots(&state).len() == 2;
    eventually("settled snapshots", settled);
    proxy.signal(Signal::SIGTERM);
    proxy.wait();

    // One byte of one snapshot changes, and strangers lie beside it.
    let of_first = read(&state).1["environments"][0]["snapshot"]["generation"].to_string();
    let files = snapshots(&state);
    let damaged = files
        .iter()
        .find(|path| path.extension().is_some_and(|found| *found == *of_first));
    let damaged = damaged.expect("the snapshot of the first environment");
    let mut bytes = fs::read(damaged).expect("read it");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(damaged, bytes).expect("damage it");
    fs::write(state.join("environments/notes.txt"), "mine").expect("write");
    symlink("/etc/passwd", state.join("environments/link")).expect("link");
    let (code, text) = show(&state, &[]);
    assert_eq!(code, Some(1), "{text}");
    let name = damaged
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let says = |parts: &[&str]| {
        text.lines()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    };
    assert!(says(&[name, "checksum"]), "{text}");
    assert!(
        says(&["notes.txt: foreign"]) && says(&["link: foreign"]),
        "{text}"
    );
    assert!(
        says(&["Test", "seco"]) || says(&["Test", "s…"]),
        "the rest is shown: {text}"
    );

    // Without an index, snapshots are found by their names.
    fs::write(state.join("board"), "garbage").expect("write");
    let (code, text) = show(&state, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("no index, snapshots of 1 environment\n"),
        "{text}"
    );
    assert!(text.contains("board: truncated"), "{text}");
    assert!(text.contains("Test         s…"), "{text}");
}

#[test]
fn what_is_no_state_directory_is_said_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let refused = |path: &Path, reason: &str| {
        let (code, stdout, stderr) = run(executable().arg("snapshot").arg("--directory").arg(path));
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(reason), "{stderr:?} lacks {reason:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    };
    refused(&directory.path().join("nowhere"), "No such file");
    let open = directory.path().join("open");
    fs::create_dir(&open).expect("a directory");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("open it");
    refused(&open, "lets other users in");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o700)).expect("close it");
    refused(&empty, "No such file");
    let (code, ..) = run(executable().args(["snapshot", "--config", "/nowhere/config.json"]));
    assert_eq!(code, Some(78));
}
