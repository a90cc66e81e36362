//! Damaged and foreign files in the state directory: the log names them, they are never served, and the proxy starts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;
use testing::{Answer, Stub, document};

use super::{Site, greeting, last_update, lines_with, stop, wait_for_greeting};

/// The name of the snapshots of environment `test`, without the generation.
const TEST: &str = "9f86d081884c7d65";

type Damage = fn(&Path) -> bool;

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> bool {
    let mut content = fs::read(path).unwrap();
    change(&mut content);
    fs::write(path, content).is_ok()
}

/// Ways to damage a snapshot, each with a word of the line that tells it. `false` means that this user may not.
const DAMAGES: [(&str, Damage); 15] = [
    ("foreign", |path| edit(path, |content| content[3] ^= 1)),
    ("header format", |path| {
        edit(path, |content| content[8] ^= 2)
    }),
    ("format", |path| edit(path, |content| content[12] += 1)),
    ("generation", |path| edit(path, |content| content[16] ^= 64)),
    ("another type", |path| {
        edit(path, |content| content[30] ^= 1)
    }),
    // The length, of which this bit is not set.
    ("truncated", |path| edit(path, |content| content[34] ^= 1)),
    ("checksum", |path| edit(path, |content| content[40] ^= 1)),
    ("checksum", |path| {
        edit(path, |content| {
            let middle = content.len() / 2;
            content[middle] ^= 16;
        })
    }),
    ("truncated", |path| edit(path, Vec::clear)),
    ("truncated", |path| {
        edit(path, |content| content.truncate(content.len() / 2))
    }),
    ("foreign", |path| edit(path, |content| content.fill(b'{'))),
    ("mode 644", |path| {
        fs::set_permissions(path, Permissions::from_mode(0o644)).is_ok()
    }),
    ("user 12345", |path| chown(path, Some(12345), None).is_ok()),
    ("symbolic link", |path| {
        let target = path.with_extension("target");
        fs::rename(path, &target)
            .and_then(|()| symlink(target, path))
            .is_ok()
    }),
    ("FIFO", |path| {
        fs::remove_file(path).unwrap();
        mkfifo(path, Mode::S_IRWXU).is_ok()
    }),
];

#[test]
fn a_damaged_snapshot_is_told_by_name_never_served_and_fetched_again() {
    let upstream = Stub::start(["test", "whole"].map(|key| (key, document(key, "last"))));
    let mut site = Site::new(&upstream, &["test", "whole"]);
    for (number, (word, damage)) in DAMAGES.iter().enumerate() {
        site.set("api_url", json!(upstream.api_url()));
        site.leave_behind();
        let snapshots = site.snapshots();
        let is_damaged = |path: &&PathBuf| path.file_stem().is_some_and(|stem| stem == TEST);
        let damaged = snapshots.iter().find(is_damaged).unwrap();
        if !damage(damaged) {
            testing::skip(format!("this user cannot make {word}"));
            continue;
        }
        // Upstream is out of reach, so nothing is served instead.
        let mut proxy = site.start();
        let named = [damaged.to_str().unwrap(), word];
        assert_eq!(greeting(&proxy), "503", "{number}: {word}");
        assert_eq!(proxy.get("/api/v1/flags/", "whole").status, 200);
        assert_eq!(proxy.get("/proxy/health/readiness", "").status, 503);
        // The log is written beside what it tells of.
        proxy.wait_for("the line after the snapshots", |proxy| {
            lines_with(proxy, &["serving 1 of 2"]) == 1
        });
        assert_eq!(
            lines_with(&proxy, &named),
            1,
            "{number}: {word}\n{}",
            proxy.log()
        );
        stop(&mut proxy);

        site.set("api_url", json!(upstream.api_url()));
        let mut proxy = site.start();
        wait_for_greeting(&proxy, "last");
        proxy.wait_until_ready();
        stop(&mut proxy);
    }
}

#[test]
fn damaged_boards_indexes_locks_and_staged_files_are_no_obstacle() {
    let upstream = Stub::start([("test", document("test", "last"))]);
    let mut site = Site::new(&upstream, &["test"]);
    site.leave_behind();
    let damages: [Damage; 7] = [
        |path| fs::write(path, "").is_ok(),
        |path| fs::write(path, vec![0xff; 5000]).is_ok(),
        |path| edit(path, |content| content.truncate(content.len() / 2)),
        |path| {
            edit(path, |content| {
                content[2] ^= 1;
            })
        },
        |path| fs::set_permissions(path, Permissions::from_mode(0o666)).is_ok(),
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).is_ok()
        },
        |path| {
            fs::remove_file(path).unwrap();
            mkfifo(path, Mode::S_IRWXU).is_ok()
        },
    ];
    for damage in damages {
        for name in ["board", "index", "lock", "staging"] {
            let mut path = site.state().join(name);
            if name == "index" {
                let is_index = |path: &PathBuf| {
                    path.is_file() && path.file_stem().is_some_and(|stem| stem == "index")
                };
                let found = fs::read_dir(site.state()).unwrap();
                path = found
                    .map(|entry| entry.unwrap().path())
                    .find(is_index)
                    .unwrap();
            }
            if name == "staging" {
                fs::write(&path, "half of a snapshot").unwrap();
            }
            assert!(damage(&path));
            let mut proxy = site.start();
            assert_eq!(greeting(&proxy), "\"last\"", "{}", path.display());
            if ["board", "index"].contains(&name) {
                proxy.wait_for("the warning", |proxy| {
                    lines_with(proxy, &["WARN", path.to_str().unwrap()]) > 0
                });
            }
            site.wait_until_settled(1);
            stop(&mut proxy);
        }
    }
}

#[test]
fn a_torn_snapshot_beside_an_older_whole_one_gives_way_to_it() {
    let upstream = Stub::start([("test", document("test", "older"))]);
    let mut site = Site::new(&upstream, &["test"]);
    site.leave_behind();
    site.set("api_url", json!(upstream.api_url()));
    let older = site.snapshot();
    let kept = fs::read(&older).unwrap();

    upstream.set("test", Answer::Document(document("test", "newer")));
    let mut proxy = site.start();
    wait_for_greeting(&proxy, "newer");
    site.wait_until_settled(1);
    assert_ne!(site.snapshot(), older);
    stop(&mut proxy);
    // As after a power cut: most of the newer snapshot was not written, and the older one is not unlinked yet.
    let newer = site.snapshot();
    edit(&newer, |content| content[4096..].fill(0));
    fs::write(&older, kept).unwrap();
    fs::set_permissions(&older, Permissions::from_mode(0o600)).unwrap();

    site.set("api_url", json!(super::NOWHERE));
    let proxy = site.start();
    assert_eq!(greeting(&proxy), "\"older\"");
    // Its age is its own, not that of the lost snapshot.
    let published = fs::metadata(&older).unwrap().modified().unwrap();
    assert_eq!(last_update(&proxy).1, super::iso_8601(published));
    let words = ["refused", newer.to_str().unwrap()];
    // A thread writes the log.
    proxy.wait_for("the line", |proxy| lines_with(proxy, &words) > 0);
    assert_eq!(lines_with(&proxy, &words), 1);
}
