//! Links, pipes, directories, devices and files of other users that have one of our names: each is reported by its
//! name and kind; none is followed, waited for, read or served; none prevents a start.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use snapshot::{Error, Publisher, Reader};

use crate::adopting::{adopt, check_refused, left_behind};
use crate::volume::Volume;
use crate::{FORMAT, SHAPE, Sample, path, place, publisher, reader};

type Replace = fn(&Path);

/// Ways to put something else in place of a file, and the words that report it.
const KINDS: [(&str, Replace); 4] = [
    ("a symbolic link", |path| {
        let target = path.with_extension("target");
        if path.exists() {
            fs::rename(path, &target).unwrap();
        } else {
            fs::write(&target, "whole").unwrap();
        }
        symlink(target, path).unwrap();
    }),
    ("a directory", |path| {
        let _ = fs::remove_file(path);
        fs::create_dir(path).unwrap();
    }),
    ("a FIFO", |path| {
        let _ = fs::remove_file(path);
        mkfifo(path, Mode::S_IRWXU).unwrap();
    }),
    ("a socket", |path| {
        let _ = fs::remove_file(path);
        UnixListener::bind(path).unwrap();
    }),
];

#[test]
fn what_is_no_file_is_not_served_as_one() {
    for (kind, replace) in KINDS {
        let place = left_behind(20);
        replace(&path(place.path(), "sample", 3));
        check_refused(&place, &format!("{kind}, expected a regular file"));
    }
}

#[test]
fn a_device_is_not_served_as_a_file() {
    let place = left_behind(20);
    let file = path(place.path(), "sample", 3);
    fs::remove_file(&file).unwrap();
    let null = makedev(1, 3);
    if let Err(error) = mknod(&file, SFlag::S_IFCHR, Mode::S_IRWXU, null) {
        return testing::skip(format!("only root can make a device: {error}"));
    }
    check_refused(&place, "a device, expected a regular file");
}

#[test]
fn files_that_others_may_read_or_write_are_not_served() {
    for mode in [0o644, 0o666, 0o640, 0o602] {
        let place = left_behind(20);
        let file = path(place.path(), "sample", 3);
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        check_refused(&place, &format!("mode {mode:o}, expected 600"));
    }
}

#[test]
fn files_of_another_user_are_not_served() {
    let place = left_behind(20);
    if let Err(error) = chown(path(place.path(), "sample", 3), Some(12345), None) {
        return testing::skip(format!("only root can give a file away: {error}"));
    }
    check_refused(&place, "it belongs to user 12345, expected 0");
}

#[test]
fn readers_refuse_them_too() {
    for (kind, replace) in KINDS {
        let expected = format!("{kind}, expected a regular file");
        let place = left_behind(20);
        let reader = reader(place.path());
        replace(&path(place.path(), "sample", 3));
        replace(&place.path().join("index.1"));
        replace(&place.path().join("board"));
        for error in [
            reader.map::<Sample>("sample", 3).unwrap_err(),
            reader.index::<u32>(1).unwrap_err(),
            Reader::open(place.path(), FORMAT).unwrap_err(),
        ] {
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
    }
}

#[test]
fn nothing_that_has_a_name_of_ours_keeps_a_writer_from_starting() {
    for name in ["board", "index.1", "lock", "staging", "environments"] {
        for (kind, replace) in KINDS {
            let place = left_behind(20);
            let replaced = place.path().join(name);
            if name == "environments" {
                fs::rename(&replaced, place.path().join("before")).unwrap();
            }
            replace(&replaced);
            let (publisher, adoption) = adopt(place.path());
            if kind == "a directory" && ["board", "lock", "staging"].contains(&name) {
                let warning = publisher.warnings()[0].to_string();
                let moved = place.path().join(format!("{name}.moved-1"));
                assert!(
                    warning.contains(name) && warning.contains(&moved.display().to_string()),
                    "{warning}"
                );
                assert!(moved.is_dir());
            }
            let lost = name == "environments" && kind != "a directory";
            if lost {
                let warning = publisher.warnings()[0].to_string();
                assert!(warning.contains(kind), "{warning}");
                assert!(
                    place
                        .path()
                        .join("environments.moved-1")
                        .symlink_metadata()
                        .is_ok()
                );
            }
            if name == "board" && kind != "a directory" {
                let warning = publisher.warnings()[0].to_string();
                assert!(
                    warning.ends_with(&format!("board: {kind}, expected a regular file")),
                    "{warning}"
                );
            }
            if name == "index.1" {
                let error = publisher.earlier_index::<u32>().unwrap_err();
                assert!(error.to_string().contains(kind), "{error}");
            }
            assert_eq!(
                adoption.adopted.map(|adopted| adopted.generation),
                (name != "environments").then_some(3),
                "{kind} as {name}"
            );

            publisher.publish_index(&1_u32).unwrap();
            let generation = publisher.publish(1, "other", &Sample::new(5, 9)).unwrap();
            publisher.settle().unwrap();
            let reader = reader(place.path());
            assert!(
                reader
                    .map::<Sample>("other", generation)
                    .unwrap()
                    .is_whole()
            );
            assert!(matches!(
                Publisher::open(place.path(), SHAPE),
                Err(Error::Locked { process: Some(process), .. }) if process == std::process::id()
            ));
        }
    }
}

#[test]
fn what_a_link_leads_to_is_left_alone() {
    let place = left_behind(20);
    let outside = crate::place();
    let target = outside.path().join("target");
    fs::write(&target, "precious").unwrap();
    for name in [
        "board",
        "lock",
        "staging",
        "index.1",
        "environments/sample.3",
    ] {
        let name = place.path().join(name);
        let _ = fs::remove_file(&name);
        symlink(&target, &name).unwrap();
    }
    let (publisher, _) = adopt(place.path());
    publisher.publish_index(&1_u32).unwrap();
    publisher.settle().unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn boards_of_the_run_before_that_are_damaged_are_told_and_replaced() {
    let place = left_behind(20);
    let board = place.path().join("board");
    let whole = fs::read(&board).unwrap();
    let mut damaged: Vec<Vec<u8>> = [0, 1, 39, 40, 383, whole.len() - 8]
        .map(|length| whole[..length].to_vec())
        .into();
    damaged.push(vec![b'x'; whole.len()]);
    // Magic, layout, format, rows, slots.
    let bits = 0..40 * 8;
    // A few rows more or less give a board of the same length, which is not noticed.
    let bits = bits.filter(|bit| !(24 * 8..24 * 8 + 4).contains(bit));
    damaged.extend(bits.map(|bit| {
        let mut content = whole.clone();
        content[bit / 8] ^= 1 << (bit % 8);
        content
    }));
    for content in damaged {
        fs::write(&board, &content).unwrap();
        let (publisher, adoption) = adopt(place.path());
        assert!(publisher.earlier_board().is_none());
        let warning = publisher.warnings()[0].to_string();
        assert!(warning.contains(&board.display().to_string()), "{warning}");
        assert_eq!(adoption.adopted.unwrap().generation, 3);
        assert_eq!(reader(place.path()).board().row_generation(0), 3);
    }
}

#[test]
fn a_lock_that_says_nothing_of_use_names_nobody() {
    let place = place();
    let publisher = publisher(place.path());
    let lock = place.path().join("lock");
    let holder = || match Publisher::open(place.path(), SHAPE).unwrap_err() {
        Error::Locked { process, .. } => process,
        other => panic!("{other}"),
    };
    assert_eq!(holder(), Some(std::process::id()));
    // A number that no process has, two numbers, nothing, invalid text, a negative number.
    for content in ["4194305\n", "1 2", "", "\u{ff}", "-5"] {
        fs::write(&lock, content).unwrap();
        assert_eq!(holder(), None, "{content:?}");
    }
    fs::write(&lock, [0xff; 9]).unwrap();
    assert_eq!(holder(), None);
    fs::remove_file(&lock).unwrap();
    assert_eq!(holder(), None);
    mkfifo(&lock, Mode::S_IRWXU).unwrap();
    assert_eq!(holder(), None);
    drop(publisher);
    assert!(Publisher::open(place.path(), SHAPE).is_ok());
}

#[test]
fn generations_that_nobody_can_have_published_do_not_end_the_counting() {
    let place = left_behind(20);
    for name in ["index", "environments/sample"] {
        for generation in [u64::MAX, u64::MAX / 2 + 1] {
            let name = format!("{name}.{generation}");
            fs::write(place.path().join(name), "").unwrap();
        }
    }
    let (publisher, adoption) = adopt(place.path());
    assert_eq!(adoption.adopted.unwrap().generation, 3);
    assert_eq!(publisher.publish_index(&1_u32).unwrap(), 4);
}

#[test]
fn a_disk_that_cannot_give_a_page_is_an_error_and_not_the_end() {
    let Some(volume) = Volume::mount(1 << 20) else {
        return;
    };
    let publisher = publisher(volume.path());
    publisher
        .publish(0, "sample", &Sample::new(1, 20_000))
        .unwrap();
    let file = path(volume.path(), "sample", 1);
    let length = fs::metadata(&file).unwrap().len();
    // A hole whose pages a full file system cannot allocate: access to one in a map is SIGBUS.
    let header = fs::read(&file).unwrap()[..48].to_vec();
    let mut hollow = File::create(&file).unwrap();
    hollow.write_all(&header).unwrap();
    hollow.set_len(length).unwrap();
    volume.fill();
    let reader = reader(volume.path());
    let error = reader.map_verified::<Sample>("sample", 1).unwrap_err();
    assert!(error.to_string().starts_with("read /"), "{error}");
    volume.empty();
    let error = reader.map_verified::<Sample>("sample", 1).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
}
