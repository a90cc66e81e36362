//! One publication after the other: what readers find, what is left of the ones before, and what it costs among many.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

use snapshot::{Error, Publisher, Shape};

use crate::{FORMAT, SHAPE, Sample, names, newest, place, publisher, reader};

#[test]
fn a_second_publisher_is_refused_until_the_first_is_gone() {
    let place = place();
    let first = publisher(place.path());
    first.publish_index(&1_u32).unwrap();
    let error = Publisher::open(place.path(), SHAPE).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }));
    assert!(
        error.to_string().starts_with("lock state directory /"),
        "{error}"
    );
    assert_eq!(
        *reader(place.path()).index::<u32>(1).unwrap(),
        1,
        "the refused one changed nothing"
    );
    drop(first);
    publisher(place.path());
}

#[test]
fn a_map_outlives_the_name_of_its_file() {
    let place = place();
    let publisher = publisher(place.path());
    publisher
        .publish(0, "sample", &Sample::new(1, 5000))
        .unwrap();
    let reader = reader(place.path());
    let held = reader.map::<Sample>("sample", 1).unwrap();
    for generation in 2..100 {
        let sample = Sample::new(generation, 5000);
        publisher.publish(0, "sample", &sample).unwrap();
        publisher.settle().unwrap();
    }
    assert!(matches!(
        reader.map::<Sample>("sample", 1),
        Err(Error::Retired { .. })
    ));
    assert_eq!(held.generation(), 1);
    assert!(held.is_whole());
}

#[test]
fn what_is_replaced_keeps_its_name_until_what_replaces_it_is_settled() {
    let place = place();
    let publisher = publisher(place.path());
    let environments = || names(&place.path().join("environments"));
    publisher.publish_index(&1_u32).unwrap();
    publisher.publish(0, "still", &1_u64).unwrap();
    publisher.publish(1, "moving", &1_u64).unwrap();
    publisher.settle().unwrap();
    assert_eq!(environments(), ["moving.3", "still.2"]);

    publisher.publish(1, "moving", &2_u64).unwrap();
    publisher.publish(1, "moving", &3_u64).unwrap();
    assert_eq!(
        environments(),
        ["moving.3", "moving.4", "moving.5", "still.2"]
    );
    publisher.settle().unwrap();
    assert_eq!(environments(), ["moving.5", "still.2"]);
    publisher.settle().unwrap();
    assert_eq!(environments(), ["moving.5", "still.2"]);

    publisher.publish(1, "renamed", &4_u64).unwrap();
    publisher.publish_index(&2_u32).unwrap();
    assert!(reader(place.path()).index::<u32>(1).is_ok());
    publisher.settle().unwrap();
    assert_eq!(environments(), ["renamed.6", "still.2"]);
    assert_eq!(
        names(place.path()),
        ["board", "environments", "index.7", "lock"]
    );
}

#[test]
fn the_files_of_retired_rows_are_reclaimed_and_their_maps_stay() {
    let place = place();
    let publisher = publisher(place.path());
    let environments = || names(&place.path().join("environments"));
    publisher.publish_index(&1_u32).unwrap();
    publisher.publish(0, "stays", &1_u64).unwrap();
    publisher.publish(1, "goes", &7_u64).unwrap();
    publisher.publish(1, "goes", &8_u64).unwrap();
    let held = reader(place.path()).map::<u64>("goes", 4).unwrap();
    publisher.publish_index(&2_u32).unwrap();
    // Row 2 has no file.
    publisher.retire([1, 2]);
    assert_eq!(environments(), ["goes.3", "goes.4", "stays.2"]);
    publisher.settle().unwrap();
    assert_eq!(environments(), ["stays.2"]);
    assert_eq!(*held, 8);
    // It is unlinked only once, whatever else is published.
    publisher.publish(0, "stays", &2_u64).unwrap();
    publisher.settle().unwrap();
    assert_eq!(environments(), ["stays.6"]);
}

#[test]
fn a_board_has_room_on_disk_for_every_row_and_memory_for_those_in_use() {
    let place = place();
    let shape = Shape {
        rows: 65_536,
        ..SHAPE
    };
    let publisher = Publisher::open(place.path(), shape).unwrap();
    let board = fs::metadata(place.path().join("board")).unwrap();
    assert!(board.len() > 1 << 20);
    // On a full disk, a write to a page that is not allocated would kill the process.
    assert!(board.blocks() * 512 >= board.len(), "{board:?}");
    publisher.publish(0, "first", &1_u64).unwrap();
    publisher.publish(65_535, "last", &2_u64).unwrap();
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let path = place.path().join("board");
    let ours = maps.split_once(path.to_str().unwrap()).unwrap().1;
    let resident = ours.lines().find_map(|line| line.strip_prefix("Rss:"));
    let resident = resident.unwrap().trim().trim_end_matches(" kB");
    let resident: usize = resident.parse().unwrap();
    // The kernel also maps pages around those that are looked at.
    assert!(resident <= 256, "{resident} kB");
}

#[test]
fn one_of_ten_thousand_rows_is_one_file() {
    const ROWS: usize = 10_000;
    let place = place();
    let shape = Shape {
        rows: ROWS,
        ..SHAPE
    };
    let publisher = Publisher::open(place.path(), shape).unwrap();
    publisher.publish_index(&1_u32).unwrap();
    for row in 0..ROWS {
        let generation = publisher.publish(row, &format!("row-{row}"), &row).unwrap();
        assert_eq!(generation, row as u64 + 2);
    }
    publisher.settle().unwrap();
    let before = files(place.path());
    let words = fs::read(place.path().join("board")).unwrap();
    let changed = publisher.publish(1234, "row-1234", &0_usize).unwrap();
    publisher.settle().unwrap();
    let mut after = files(place.path());

    let file = |generation: u64| format!("environments/row-1234.{generation}");
    assert!(after.remove(&file(changed)).is_some());
    let mut kept = before;
    assert!(kept.remove(&file(1236)).is_some());
    assert_eq!(kept.len(), ROWS - 1 + ["index", "board", "lock"].len());
    assert_eq!(after, kept, "nothing else was touched");
    let difference = |(before, after): (&[u8], &[u8])| before != after;
    let after = fs::read(place.path().join("board")).unwrap();
    let changed = words
        .chunks(8)
        .zip(after.chunks(8))
        .filter(|it| difference(*it));
    assert_eq!(changed.count(), 1, "the generation of the row");
}

/// Every file with its inode and modification time. A store into the board's map changes no time.
fn files(directory: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    ["", "environments/"]
        .into_iter()
        .flat_map(|prefix| {
            let entries = fs::read_dir(directory.join(prefix)).unwrap();
            entries.map(move |entry| (prefix, entry.unwrap()))
        })
        .filter_map(|(prefix, entry)| {
            let metadata = entry.metadata().unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            let identity = (metadata.ino(), metadata.modified().unwrap());
            metadata.is_file().then_some((name, identity))
        })
        .collect()
}

#[test]
fn a_failed_publication_changes_nothing_and_can_be_repeated() {
    let place = place();
    let publisher = publisher(place.path());
    assert_eq!(publisher.publish(0, "sample", &1_u64).unwrap(), 1);
    let obstacle = place.path().join("staging");
    fs::create_dir(&obstacle).unwrap();
    let error = publisher.publish(0, "sample", &2_u64).unwrap_err();
    assert!(error.to_string().ends_with("/staging"), "{error}");
    assert!(matches!(
        publisher.publish_index(&1_u32),
        Err(Error::Io { .. })
    ));
    publisher.settle().unwrap();
    let board = publisher.board();
    assert_eq!((newest(board), board.index_generation()), (1, 0));
    assert_eq!(board.row_generation(0), 1);
    assert_eq!(names(&place.path().join("environments")), ["sample.1"]);
    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(publisher.publish(0, "sample", &2_u64).unwrap(), 2);
    assert_eq!(*reader(place.path()).map::<u64>("sample", 2).unwrap(), 2);
}

#[test]
fn what_could_not_be_settled_is_settled_next_time() {
    let place = place();
    let publisher = publisher(place.path());
    publisher.publish(0, "sample", &1_u64).unwrap();
    publisher.publish(0, "sample", &2_u64).unwrap();
    // A file that is not there cannot be synced.
    let (environments, elsewhere) = (place.path().join("environments"), place.path().join("gone"));
    fs::rename(&environments, &elsewhere).unwrap();
    let error = publisher.settle().unwrap_err();
    assert!(error.to_string().ends_with("/environments"), "{error}");
    fs::rename(&elsewhere, &environments).unwrap();
    publisher.publish(0, "sample", &3_u64).unwrap();
    publisher.settle().unwrap();
    assert_eq!(names(&environments), ["sample.3"]);
}

#[test]
fn a_row_that_is_not_there_is_a_defect_that_leaves_the_others_alone() {
    let place = place();
    let publisher = publisher(place.path());
    let beyond = || publisher.publish(SHAPE.rows, "beyond", &1_u64);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(beyond)).is_err());
    assert_eq!(publisher.publish(0, "sample", &1_u64).unwrap(), 1);
    assert_eq!(names(&place.path().join("environments")), ["sample.1"]);
}

#[test]
fn generations_rise_across_runs_even_if_one_publishes_nothing() {
    let place = place();
    let first = publisher(place.path());
    first.publish_index(&1_u32).unwrap();
    (2..=6).for_each(|_| _ = first.publish(0, "sample", &1_u64).unwrap());
    first.settle().unwrap();
    drop(first);
    for _ in 0..3 {
        let idle = publisher(place.path());
        assert_eq!(newest(idle.board()), 0);
        idle.settle().unwrap();
    }
    assert_eq!(publisher(place.path()).publish_index(&1_u32).unwrap(), 7);
    assert_eq!(publisher(place.path()).publish_index(&1_u32).unwrap(), 8);
}

#[test]
fn a_reader_of_an_earlier_run_keeps_its_board() {
    let place = place();
    publisher(place.path()).publish_index(&1_u32).unwrap();
    let orphan = reader(place.path());
    let second = publisher(place.path());
    // A word that the reader of the old board stores does not reach the new board either.
    orphan.board().slot_words(0)[0].store(7, Relaxed);
    assert_eq!(second.publish_index(&1_u32).unwrap(), 2);
    assert_eq!(second.board().slot_words(0)[0].load(Relaxed), 0);
    assert_eq!(orphan.board().index_generation(), 1);
}

#[test]
fn archives_lie_aligned_behind_their_header() {
    let place = place();
    let publisher = publisher(place.path());
    for length in 0..5_u128 {
        let name = format!("wide-{length}");
        let value = (1_u8, (0..length).collect::<Vec<u128>>(), length);
        let generation = publisher.publish(0, &name, &value).unwrap();
        let map = reader(place.path())
            .map_verified::<(u8, Vec<u128>, u128)>(&name, generation)
            .unwrap();
        assert_eq!(map.2.to_native(), length);
        assert!((&raw const map.2).addr().is_multiple_of(16));
        assert!(map.1.as_ptr().addr().is_multiple_of(16));
    }
}

#[test]
fn what_another_process_staged_is_published_if_it_is_whole() {
    let place = place();
    let publisher = publisher(place.path());
    let reader = reader(place.path());
    let write = |file: &std::fs::File, format| {
        snapshot::write_staged(file, Path::new("staged"), format, &Sample::new(1, 5000))
    };

    let staging = publisher.stage().unwrap();
    write(&staging.share().unwrap(), FORMAT).unwrap();
    let generation = publisher
        .publish_staged::<Sample>(0, "sample", staging)
        .unwrap();
    let map = reader.map_verified::<Sample>("sample", generation).unwrap();
    assert!(map.is_whole());

    let half = |length| {
        let staging = publisher.stage().unwrap();
        let file = staging.share().unwrap();
        write(&file, FORMAT).unwrap();
        file.set_len(length).unwrap();
        staging
    };
    let other = publisher.stage().unwrap();
    write(&other.share().unwrap(), FORMAT + 1).unwrap();
    for refused in [half(0), half(47), half(48), half(20_000), other] {
        let error = publisher
            .publish_staged::<Sample>(0, "sample", refused)
            .unwrap_err();
        assert!(
            matches!(error, snapshot::Error::Defective { .. }),
            "{error}"
        );
    }
    assert_eq!(reader.board().row_generation(0), generation);
}

#[test]
fn files_that_are_staged_at_the_same_time_have_their_own_names_and_leave_none() {
    let place = place();
    let publisher = publisher(place.path());
    let staged =
        |number: usize| -> Vec<_> { (0..number).map(|_| publisher.stage().unwrap()).collect() };
    let first = staged(3);
    let is_staging = |name: &String| name.starts_with("staging");
    let found = || -> Vec<String> { names(place.path()).into_iter().filter(is_staging).collect() };
    assert_eq!(found(), ["staging", "staging-1", "staging-2"]);
    drop(first);
    assert_eq!(found(), [""; 0]);

    // A writer that is killed leaves them to the next one.
    std::mem::forget(staged(3));
    drop(publisher);
    let _next = crate::publisher(place.path());
    assert_eq!(found(), [""; 0]);
}
