//! Full and read-only disks, and a state directory that is gone. Serving goes on, the log has one line when the outage
//! begins and one when it ends, and then everything is published.

use std::fs;

use nix::mount::MsFlags;
use testing::{Answer, Stub, document};

use super::{Site, greeting, lines_with, stop, wait_for_greeting};
use crate::harness::{Proxy, Volume, executable};

const KEYS: [&str; 2] = ["test", "other"];
const AGAIN: &str = "publishing again after";

fn polls(upstream: &Stub) -> usize {
    KEYS.map(|key| upstream.count(key))
        .into_iter()
        .min()
        .unwrap()
}

/// Waits until the proxy is ready and requests each document, so that all are mapped before the disk fails.
fn wait_until_held(proxy: &Proxy) {
    proxy.wait_until_ready();
    for key in KEYS {
        assert_eq!(proxy.get("/api/v1/flags/", key).status, 200);
    }
}

/// Changes both documents while nothing can be published. Expects the old ones to be served, and one line with these
/// words. Returns after several polls.
#[track_caller]
fn check_outage(proxy: &Proxy, upstream: &Stub, words: &[&str], outages: usize) {
    let before = greeting(proxy);
    for key in KEYS {
        let new = document(key, &format!("after outage {outages}"));
        upstream.set(key, Answer::Document(new));
    }
    proxy.wait_for("the line that tells it", |proxy| {
        lines_with(proxy, &["not updated"]) == outages
    });
    let asked = polls(upstream);
    proxy.wait_for("more polls", |_| polls(upstream) >= asked + 5);
    assert_eq!(greeting(proxy), before);
    assert_eq!(
        proxy
            .get("/api/v1/identities/?identifier=alice", "other")
            .status,
        200
    );
    let log = proxy.log();
    assert_eq!(lines_with(proxy, words), outages, "{log}");
    assert_eq!(lines_with(proxy, &["not updated"]), outages, "{log}");
    assert_eq!(lines_with(proxy, &[AGAIN]), outages - 1, "{log}");
}

/// Expects both changed documents to be served, and one line that tells the end of the outage.
#[track_caller]
fn check_end(proxy: &Proxy, outages: usize) {
    wait_for_greeting(proxy, &format!("after outage {outages}"));
    proxy.wait_for("the line that tells it", |proxy| {
        lines_with(proxy, &[AGAIN]) == outages
    });
    proxy.wait_for("readiness", |proxy| {
        proxy.get("/proxy/health/readiness", "").status == 200
    });
}

#[test]
fn a_full_disk_is_told_once_and_changes_nothing_that_is_served() {
    let place = tempfile::tempdir().unwrap();
    let Some(volume) = Volume::mount(place.path(), MsFlags::empty(), "size=16m,mode=700") else {
        return;
    };
    let upstream = Stub::start(KEYS.map(|key| (key, document(key, "first"))));
    let site = Site::new(&upstream, &KEYS).publishing_in(&place.path().join("state"));
    let mut proxy = site.start();
    proxy.wait_until_ready();
    for outage in [1, 2] {
        volume.fill();
        check_outage(&proxy, &upstream, &["No space left on device"], outage);
        volume.empty();
        check_end(&proxy, outage);
    }
    stop(&mut proxy);
}

#[test]
fn a_read_only_disk_is_told_once_and_changes_nothing_that_is_served() {
    let upstream = Stub::start(KEYS.map(|key| (key, document(key, "first"))));
    let site = Site::new(&upstream, &KEYS);
    let mut proxy = site.start();
    wait_until_held(&proxy);
    // A file system with a mapped board cannot be remounted read-only, so another one is mounted over it.
    let flags = MsFlags::MS_RDONLY;
    let Some(volume) = Volume::mount(site.state(), flags, "mode=700") else {
        return;
    };
    check_outage(&proxy, &upstream, &["Read-only file system"], 1);
    drop(volume);
    check_end(&proxy, 1);
    stop(&mut proxy);
}

/// A limit on the size of files is like a full disk, and needs no root. Its signal would end the supervisor.
#[test]
fn a_limit_on_the_size_of_files_is_as_a_full_disk() {
    let upstream = Stub::start([("test", document("test", "first"))]);
    let site = Site::new(&upstream, &["test"]);
    let proxy = site.command();
    let mut command = std::process::Command::new("sh");
    // The limit is 4096 blocks of 512 bytes; the board has half of that.
    command
        .args(["-c", "ulimit -f 4096 && exec \"$0\" \"$@\""])
        .arg(executable().get_program())
        .args(proxy.get_args());
    let mut proxy = Proxy::spawn(command, site.state().to_owned(), None);
    proxy.wait_until_ready();
    let large = document("test", &"x".repeat(3_000_000));
    upstream.set("test", Answer::Document(large));
    proxy.wait_for("the line that tells it", |proxy| {
        lines_with(proxy, &["not updated", "File too large"]) == 1
    });
    let asked = upstream.count("test");
    proxy.wait_for("more polls", |_| upstream.count("test") >= asked + 5);
    assert_eq!(greeting(&proxy), "\"first\"");
    assert_eq!(lines_with(&proxy, &["not updated"]), 1, "{}", proxy.log());
    upstream.set("test", Answer::Document(document("test", "smaller")));
    wait_for_greeting(&proxy, "smaller");
    proxy.wait_for("the line that tells it", |proxy| {
        lines_with(proxy, &[AGAIN]) == 1
    });
    stop(&mut proxy);
}

#[test]
fn a_state_directory_that_is_gone_is_told_once_and_serving_goes_on() {
    let upstream = Stub::start(KEYS.map(|key| (key, document(key, "first"))));
    let site = Site::new(&upstream, &KEYS);
    let mut proxy = site.start();
    wait_until_held(&proxy);
    let elsewhere = site.state().with_extension("elsewhere");
    fs::rename(site.state(), &elsewhere).unwrap();
    // The supervisor notices it although no document changes.
    proxy.wait_for("the line that tells it", |proxy| {
        lines_with(proxy, &["gone from the state directory"]) == 1
    });
    check_outage(&proxy, &upstream, &["gone from the state directory"], 1);
    fs::rename(&elsewhere, site.state()).unwrap();
    check_end(&proxy, 1);

    fs::remove_dir_all(site.state()).unwrap();
    check_outage(&proxy, &upstream, &["serving what was published before"], 2);
    stop(&mut proxy);
}

#[test]
fn a_snapshot_that_somebody_removed_is_published_again() {
    let upstream = Stub::start([("test", document("test", "first"))]);
    let site = Site::new(&upstream, &["test"]);
    let mut proxy = site.start();
    proxy.wait_until_ready();
    let removed = site.snapshot();
    fs::remove_file(&removed).unwrap();
    proxy.wait_for("another one", |_| !site.snapshots().is_empty());
    assert_ne!(site.snapshot(), removed);
    assert_eq!(greeting(&proxy), "\"first\"");
    stop(&mut proxy);
    let mut proxy = site.start();
    assert_eq!(greeting(&proxy), "\"first\"");
    stop(&mut proxy);
}
