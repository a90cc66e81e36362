//! A writer that ends between any two bytes or steps of a publication leaves the old or the new file, whole, and the
//! next writer serves it. Some writers are killed at any time after their start, the others soon after their first
//! publication.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use snapshot::Reader;
use tempfile::TempDir;
use testing::{DEADLINE, Process, eventually, handed_over};

use crate::adopting::left_behind;
use crate::{FORMAT, Sample, names, newest, path, place, publisher, reader};

const ROWS: [(&str, usize); 4] = [
    ("tiny", 1),
    ("small", 100),
    ("medium", 5_000),
    ("large", 20_000),
];

#[test]
fn killed_at_any_moment_a_writer_leaves_old_or_new_and_the_next_one_serves_it() {
    let kills = 100 * testing::scale();
    let place = place();
    let mut chance = fastrand::Rng::with_seed(testing::seed(kills as u64));
    let mut served = BTreeMap::new();
    let (mut last, mut publishing, mut newer, mut staging) = (0, 0_usize, 0, 0);
    for kill in 0..kills {
        let mut writer = Process::start(
            "killing::adopts_and_publishes_until_killed",
            place.path(),
            0,
        );
        if kill > 0 && chance.u8(..4) == 0 {
            // At any moment, also while it opens the directory.
            wait(Duration::from_micros(chance.u64(..15_000)));
        } else {
            eventually("the writer has published", || {
                writer.assert_running();
                Reader::open(place.path(), FORMAT)
                    .is_ok_and(|reader| newest(reader.board()) > last + 6)
            });
            wait(Duration::from_micros(chance.u64(..3_000)));
        }
        drop(writer);

        let orphan = reader(place.path());
        let board = orphan.board();
        let published: Vec<u64> = (0..ROWS.len())
            .map(|row| board.row_generation(row))
            .collect();
        publishing += usize::from(newest(board) > last);
        for file in names(&place.path().join("environments")) {
            let (name, generation) = file.split_once('.').unwrap();
            check_whole(&orphan, name, generation.parse().unwrap());
        }
        if board.index_generation() > 0 {
            let index = orphan.index_verified::<u64>(board.index_generation());
            assert_eq!(*index.unwrap(), 7);
        }
        staging += usize::from(place.path().join("staging").exists());

        let next = publisher(place.path());
        for (row, (name, _)) in ROWS.iter().enumerate() {
            let adoption = next.adopt::<Sample>(row, name).unwrap();
            assert_eq!(adoption.refused.len(), 0, "{:?}", adoption.refused);
            let adopted = adoption.adopted.unwrap();
            assert!(adopted.map.is_whole());
            assert_eq!(adopted.map.generation(), adopted.generation);
            // The generation that readers saw, or the one that was about to be published.
            let before = served.insert(row, adopted.generation).unwrap_or(0);
            assert!(adopted.generation >= published[row].max(before));
            newer += usize::from(published[row] > 0 && adopted.generation > published[row]);
        }
        last = next.publish_index(&7_u64).unwrap();
        if chance.bool() {
            next.settle().unwrap();
            assert_eq!(names(&place.path().join("environments")).len(), ROWS.len());
            assert!(!place.path().join("staging").exists());
        }
    }
    eprintln!(
        "{kills} writers killed, {publishing} of them while they published, {staging} while they wrote a file, {newer} \
         between its name and its publication: nothing torn, nothing lost"
    );
    assert!(publishing > kills / 2);
}

/// Spins, because a sleep would round the moments of the kills to a grid.
fn wait(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn check_whole(reader: &Reader, name: &str, generation: u64) {
    let map = reader.map_verified::<Sample>(name, generation).unwrap();
    assert!(map.is_whole());
    assert_eq!(map.generation(), generation);
}

#[test]
#[ignore = "a process of another test"]
fn adopts_and_publishes_until_killed() {
    let Some((directory, _)) = handed_over() else {
        return;
    };
    let started = Instant::now();
    let publisher = publisher(&directory);
    for (row, (name, _)) in ROWS.iter().enumerate() {
        publisher.adopt::<Sample>(row, name).unwrap();
    }
    let mut generation = publisher.publish_index(&7_u64).unwrap();
    let mut chance = fastrand::Rng::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                publisher.settle().unwrap();
                thread::yield_now();
            }
        });
        while started.elapsed() < DEADLINE {
            generation += 1;
            // The first ones in turn, so that every row has a file before the writer is killed.
            let row = match usize::try_from(generation) {
                Ok(first @ 2..=5) => first - 2,
                _ => chance.usize(..ROWS.len()),
            };
            let (name, length) = ROWS[row];
            let sample = Sample::new(generation, length);
            assert_eq!(publisher.publish(row, name, &sample).unwrap(), generation);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// The generation that the next writer serves, after `change` was made by hand to what one left that had published
/// generation 2 and archived generation 3.
#[track_caller]
fn check_next(change: impl FnOnce(&Path, &[u8]), expected: u64, refused: usize) {
    let place: TempDir = left_behind(20);
    let new = path(place.path(), "sample", 3);
    let content = fs::read(&new).unwrap();
    fs::remove_file(new).unwrap();
    change(place.path(), &content);
    let publisher = publisher(place.path());
    let adoption = publisher.adopt::<Sample>(0, "sample").unwrap();
    assert_eq!(adoption.refused.len(), refused, "{:?}", adoption.refused);
    let adopted = adoption.adopted.unwrap();
    assert_eq!(adopted.generation, expected);
    assert!(adopted.map.is_whole());
    assert_eq!(adopted.map.generation(), expected);
    publisher.publish_index(&1_u32).unwrap();
    publisher.settle().unwrap();
    let left = names(&place.path().join("environments"));
    assert_eq!(left, [format!("sample.{expected}")]);
    assert!(!place.path().join("staging").exists());
}

#[test]
fn between_any_two_steps_a_writer_leaves_old_or_new() {
    let create = |path: &Path, content: &[u8]| fs::write(path, content).unwrap();
    let place = left_behind(20);
    let whole = fs::read(path(place.path(), "sample", 3)).unwrap().len();
    // Before anything is written; then the staged file, byte by byte.
    check_next(|_, _| (), 2, 0);
    for length in 0..=whole {
        check_next(
            |directory, content| create(&directory.join("staging"), &content[..length]),
            2,
            0,
        );
    }
    // The file has its name; then the older one is unlinked.
    let named = |directory: &Path, content: &[u8]| {
        let staging = directory.join("staging");
        fs::copy(path(directory, "sample", 2), &staging).unwrap();
        create(&staging, content);
        fs::rename(staging, path(directory, "sample", 3)).unwrap();
    };
    check_next(named, 3, 0);
    check_next(
        |directory, content| {
            named(directory, content);
            fs::remove_file(path(directory, "sample", 2)).unwrap();
        },
        3,
        0,
    );
    // A power cut: the file has its name, but not all of its bytes.
    for length in 0..whole {
        let torn = |directory: &Path, content: &[u8]| named(directory, &content[..length]);
        check_next(torn, 2, 1);
        let zeroed = |directory: &Path, content: &[u8]| {
            let mut content = content.to_vec();
            content[length..].fill(0);
            named(directory, &content);
        };
        check_next(zeroed, 2, 1);
    }
}
