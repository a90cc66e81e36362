//! The state directory: it must belong to this user alone, and one supervisor holds it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};

use testing::{Stub, document};

use super::{Site, greeting, lines_with, stop};
use crate::harness::run;

fn site() -> (Stub, Site) {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let site = Site::new(&upstream, &["test"]);
    fs::create_dir(site.state()).unwrap();
    (upstream, site)
}

/// Expects a start to fail and to name a command; runs that, and expects the next start to succeed.
#[track_caller]
fn check_mended(site: &Site, expected: &str) {
    let (code, _, stderr) = run(&mut site.command());
    assert_eq!(code, Some(1), "{stderr}");
    let line = stderr.lines().last().unwrap();
    assert!(
        line.starts_with("edge-proxy: use state directory "),
        "{stderr}"
    );
    let (_, rest) = line.split_once('`').unwrap();
    let (command, _) = rest.split_once('`').unwrap();
    assert_eq!(command, expected);
    let mended = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(mended.success());
    let mut proxy = site.start();
    proxy.wait_until_ready();
    stop(&mut proxy);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused_with_the_command_that_mends_it() {
    for mode in [0o777, 0o1777, 0o770, 0o720, 0o702] {
        let (_upstream, site) = site();
        fs::set_permissions(site.state(), Permissions::from_mode(mode)).unwrap();
        check_mended(&site, &format!("chmod 700 {}", site.state().display()));
    }
}

#[test]
fn a_directory_of_another_user_is_refused_with_the_command_that_mends_it() {
    let (_upstream, site) = site();
    if let Err(error) = chown(site.state(), Some(12345), None) {
        return testing::skip(format!("only root can give a directory away: {error}"));
    }
    check_mended(&site, &format!("chown 0 {}", site.state().display()));
}

#[test]
fn a_link_of_another_user_is_refused() {
    let (_upstream, site) = site();
    let target = site.state().with_extension("target");
    fs::rename(site.state(), &target).unwrap();
    symlink(&target, site.state()).unwrap();
    if let Err(error) = std::os::unix::fs::lchown(site.state(), Some(12345), None) {
        return testing::skip(format!("only root can give a link away: {error}"));
    }
    let (code, _, stderr) = run(&mut site.command());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("user 12345"), "{stderr}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn a_directory_that_others_may_read_is_closed_to_them() {
    let (_upstream, site) = site();
    fs::set_permissions(site.state(), Permissions::from_mode(0o755)).unwrap();
    let proxy = site.start();
    proxy.wait_until_ready();
    let mode = fs::metadata(site.state()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
}

#[test]
fn a_directory_that_anybody_may_move_is_used_with_a_warning() {
    let (_upstream, site) = site();
    let parent = site.state().with_extension("open");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, Permissions::from_mode(0o777)).unwrap();
    let site = site.publishing_in(&parent.join("state"));
    let command = format!("`chmod +t {}`", parent.display());
    let mut proxy = site.start();
    proxy.wait_until_ready();
    proxy.wait_for("the warning", |proxy| {
        lines_with(proxy, &["WARN", "anybody may move it", &command]) == 1
    });
    stop(&mut proxy);
    fs::set_permissions(&parent, Permissions::from_mode(0o1777)).unwrap();
    let proxy = site.start();
    proxy.wait_until_ready();
    assert_eq!(lines_with(&proxy, &["anybody"]), 0);
}

#[test]
fn a_second_supervisor_says_who_holds_the_directory() {
    let (_upstream, site) = site();
    let proxy = site.start();
    proxy.wait_until_ready();
    let lock = site.state().join("lock");
    for who in [
        format!("process {}", proxy.pid()),
        "another process".to_owned(),
    ] {
        let (code, _, stderr) = run(site.command().stdout(Stdio::null()));
        assert_eq!(code, Some(1), "{stderr}");
        let expected = format!(
            "edge-proxy: lock state directory {}: {who} publishes there",
            site.state().display()
        );
        assert_eq!(stderr.lines().last(), Some(expected.as_str()));
        // Without the file that names the holder the message is shorter, but the directory is still held.
        fs::write(&lock, "who knows").unwrap();
    }
    assert_eq!(greeting(&proxy), "\"hello\"");
}
