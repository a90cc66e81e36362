//! Who owns the directory, who can enter it, and what is cleared away in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use snapshot::{Error, Publisher, Reader};

use crate::adopting::{adopt, left_behind};
use crate::{FORMAT, SHAPE, Sample, names, path, place, publisher, reader};

#[test]
fn makes_a_directory_and_files_that_no_other_user_may_enter() {
    let place = place();
    let directory = place.path().join("state").join("proxy");
    let publisher = publisher(&directory);
    publisher.publish_index(&1_u32).unwrap();
    publisher.publish(0, "sample", &Sample::new(1, 10)).unwrap();
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("environments")), 0o700);
    for file in ["board", "lock", "index.1", "environments/sample.2"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn closes_a_directory_that_was_open_to_others() {
    let place = place();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let _publisher = publisher(place.path());
    assert_eq!(mode(place.path()), 0o700);
}

#[test]
fn refuses_a_directory_of_another_user() {
    let place = place();
    // Only root can give a directory away. For other users, the root directory is one of another user.
    let given = chown(place.path(), Some(1), None).is_ok();
    let directory = if given { place.path() } else { Path::new("/") };
    let before = mode(directory);
    assert!(matches!(
        Publisher::open(directory, SHAPE),
        Err(Error::Owner { .. })
    ));
    assert!(matches!(
        Reader::open(directory, FORMAT),
        Err(Error::Owner { .. })
    ));
    assert_eq!(mode(directory), before);
}

#[test]
fn directories_that_others_could_write_to_or_that_are_none() {
    let place = place();
    drop(publisher(place.path()));
    let missing = place.path().join("missing");
    assert!(matches!(
        Reader::open(&missing, FORMAT),
        Err(Error::Io { .. })
    ));
    fs::set_permissions(place.path(), Permissions::from_mode(0o750)).unwrap();
    let error = Reader::open(place.path(), FORMAT).unwrap_err();
    let expected = format!(
        "mode 750 lets other users in, expected 700; close it with `chmod 700 {}`",
        place.path().display()
    );
    assert!(error.to_string().ends_with(&expected), "{error}");
}

/// As Kubernetes does for a pod with an `fsGroup`.
fn open_to_group(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_to_group(&path);
        } else {
            fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        }
    }
    fs::set_permissions(directory, Permissions::from_mode(0o2770)).unwrap();
}

#[test]
fn a_directory_of_ours_that_was_opened_to_its_group_is_closed_and_nothing_in_it_is_trusted() {
    let place = left_behind(10);
    fs::write(place.path().join("notes"), "of somebody").unwrap();
    open_to_group(place.path());
    // Another user of the group has put an older file of ours in the place of a newer one, and closed what can be.
    let sample = |generation| path(place.path(), "sample", generation);
    fs::rename(sample(2), sample(9)).unwrap();
    fs::set_permissions(sample(9), Permissions::from_mode(0o600)).unwrap();

    let (publisher, adoption) = adopt(place.path());
    assert!(adoption.adopted.is_none());
    assert_eq!(names(&place.path().join("environments")), [""; 0]);
    assert_eq!(
        names(place.path()),
        ["board", "environments", "lock", "notes"]
    );
    let warnings: Vec<String> = publisher.warnings().iter().map(Error::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("mode 2770 let its group write there"),
        "{warnings:?}"
    );
    assert_eq!(mode(place.path()), 0o700);
    assert_eq!(mode(&place.path().join("environments")), 0o700);

    publisher.publish_index(&1_u32).unwrap();
    let generation = publisher.publish(0, "sample", &Sample::new(5, 9)).unwrap();
    let reader = reader(place.path());
    assert!(
        reader
            .map::<Sample>("sample", generation)
            .unwrap()
            .is_whole()
    );
    drop(publisher);
    let (publisher, adoption) = adopt(place.path());
    assert_eq!(adoption.adopted.unwrap().generation, generation);
    assert_eq!(publisher.warnings().len(), 0);
}

#[test]
fn a_directory_that_is_open_to_its_group_and_was_not_made_by_us_is_left_as_it_is() {
    for is_open_to_all in [false, true] {
        let place = place();
        if is_open_to_all {
            drop(publisher(place.path()));
        }
        let open = if is_open_to_all { 0o777 } else { 0o770 };
        fs::set_permissions(place.path(), Permissions::from_mode(open)).unwrap();
        let error = Publisher::open(place.path(), SHAPE).unwrap_err();
        assert!(matches!(error, Error::Permissions { .. }), "{error}");
        assert_eq!(mode(place.path()), open);
    }
}

#[test]
fn follows_a_link_of_its_own_user() {
    let place = place();
    let target = place.path().join("target");
    fs::create_dir(&target).unwrap();
    let link = place.path().join("link");
    symlink(&target, &link).unwrap();
    let _publisher = publisher(&link);
    assert!(target.join("board").is_file());
}

#[test]
fn what_an_earlier_run_left_is_gone_once_there_is_an_index_but_nothing_that_is_not_ours() {
    let place = place();
    let first = publisher(place.path());
    first.publish_index(&1_u32).unwrap();
    for generation in 2..=4 {
        assert_eq!(first.publish(0, "sample", &generation).unwrap(), generation);
    }
    drop(first);
    fs::write(place.path().join("staging"), "half of a file").unwrap();
    let strangers = [
        "notes",
        "index.old",
        "index.07",
        "environments/sample.json",
        "environments/a b.1",
    ];
    for stranger in strangers {
        fs::write(place.path().join(stranger), "").unwrap();
    }

    let second = publisher(place.path());
    let environments = place.path().join("environments");
    let found = ["a b.1", "sample.2", "sample.3", "sample.4", "sample.json"];
    second.settle().unwrap();
    assert_eq!(names(&environments), found);
    assert_eq!(second.publish_index(&1_u32).unwrap(), 5);
    assert_eq!(names(&environments), found);
    second.settle().unwrap();
    assert_eq!(names(&environments), ["a b.1", "sample.json"]);
    let left = [
        "board",
        "environments",
        "index.07",
        "index.5",
        "index.old",
        "lock",
        "notes",
    ];
    assert_eq!(names(place.path()), left);
}

#[test]
fn refuses_names_that_could_lead_elsewhere() {
    let place = place();
    let publisher = publisher(place.path());
    let reader = reader(place.path());
    let long = "a".repeat(65);
    for name in [
        "",
        ".",
        "..",
        "a.b",
        "a/b",
        "../a",
        "a b",
        "é",
        "a\0",
        long.as_str(),
    ] {
        assert!(
            matches!(publisher.publish(0, name, &1_u64), Err(Error::Name { .. })),
            "{name:?}"
        );
        assert!(
            matches!(reader.map::<u64>(name, 1), Err(Error::Name { .. })),
            "{name:?}"
        );
    }
    for name in ["a", "B7xR9KtJ5Zv_q-0", &long[1..]] {
        let generation = publisher.publish(0, name, &1_u64).unwrap();
        assert!(path(place.path(), name, generation).is_file());
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
