//! Real processes: followers that verify what they see, a writer that is killed.
//!
//! A process is this test binary again, running one of the ignored tests below on the directory named in its
//! environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rkyv::{Archive, Serialize};
use snapshot::{Error, Map, Publisher, Reader};
use testing::{DEADLINE, Process, eventually, handed_over};

use crate::{ArchivedSample, Sample, names, newest, place, publisher, reader};

const GENERATIONS: u64 = 3000;
const FOLLOWERS: usize = 3;
/// The rows: name, length in words, and how many generations pass from one change to the next.
const PARTS: [(&str, usize, u64); 4] = [
    ("tiny", 1, 1),
    ("small", 100, 3),
    ("medium", 5_000, 20),
    ("large", 60_000, 150),
];

/// The values that a follower stores in the first word of its slot.
const READY: u64 = 1;
const GONE: u64 = 2;

#[derive(Archive, Serialize)]
struct Index {
    parts: Vec<String>,
    last: bool,
}

#[test]
fn followers_see_only_whole_values_that_never_go_back() {
    let place = place();
    let mut writer = Writer::open(place.path());
    let mut followers: Vec<Process> = (0..FOLLOWERS)
        .map(|slot| {
            Process::start(
                "processes::follows_until_the_last_generation",
                place.path(),
                slot,
            )
        })
        .collect();
    eventually("every follower is ready", || {
        followers.iter_mut().for_each(Process::assert_running);
        (0..FOLLOWERS).all(|slot| writer.state(slot) == READY)
    });
    writer.while_settling(|publisher, generation| {
        while *generation < GENERATIONS {
            publish_next(publisher, generation);
        }
        publish_index(publisher, generation, true);
    });
    followers.into_iter().for_each(Process::succeed);
    assert!((0..FOLLOWERS).all(|slot| writer.state(slot) == GONE));
    writer.publisher.settle().unwrap();
    assert_eq!(names(&place.path().join("environments")).len(), PARTS.len());
}

#[test]
fn a_killed_writer_leaves_whole_files_that_the_next_one_takes_over() {
    let place = place();
    let mut last = 0;
    for round in 0..12 {
        let mut writer = Process::start("processes::publishes_until_killed", place.path(), 0);
        eventually("the writer has published", || {
            writer.assert_running();
            Reader::open(place.path(), crate::FORMAT)
                .is_ok_and(|reader| newest(reader.board()) > last + 10 + 17 * round)
        });
        let orphan = reader(place.path());
        assert!(matches!(
            Publisher::open(place.path(), crate::SHAPE),
            Err(Error::Locked { .. })
        ));
        drop(writer);

        let board = orphan.board();
        last = newest(board);
        let index = orphan.index_verified::<Index>(board.index_generation());
        assert_eq!(index.unwrap().parts.len(), PARTS.len());
        for (row, (name, ..)) in PARTS.iter().enumerate() {
            let generation = board.row_generation(row);
            assert!(generation > 0 && generation <= last);
            assert!(map_whole(&orphan, name, generation).is_whole());
        }
        for file in names(&place.path().join("environments")) {
            let (name, generation) = file.split_once('.').unwrap();
            map_whole(&orphan, name, generation.parse().unwrap());
        }
    }

    let held: Vec<_> = names(&place.path().join("environments"))
        .iter()
        .map(|file| {
            let (name, generation) = file.split_once('.').unwrap();
            map_whole(&reader(place.path()), name, generation.parse().unwrap())
        })
        .collect();
    let publisher = publisher(place.path());
    assert!(!place.path().join("staging").exists());
    let published = publisher.publish_index(&1_u32).unwrap();
    assert!(published > last, "{published} after {last}");
    publisher.settle().unwrap();
    assert_eq!(names(&place.path().join("environments")), [""; 0]);
    assert!(held.iter().all(|map| map.is_whole()));
}

fn map_whole(reader: &Reader, name: &str, generation: u64) -> Map<Sample> {
    let map = reader.map_verified::<Sample>(name, generation).unwrap();
    assert_eq!(map.generation(), generation);
    assert!(map.is_whole());
    map
}

#[test]
#[ignore = "a process of another test"]
fn follows_until_the_last_generation() {
    let Some((directory, slot)) = handed_over() else {
        return;
    };
    let mut follower = Follower {
        reader: reader(&directory),
        index: 0,
        newest: 0,
        maps: BTreeMap::new(),
        seen: 0,
    };
    let started = Instant::now();
    assert!(!follower.follow());
    assert_eq!(follower.maps.len(), PARTS.len());
    let first = follower.maps.remove("large").unwrap();
    say(&follower.reader, slot, READY);
    while !follower.follow() {
        assert!(
            started.elapsed() < DEADLINE,
            "the last generation did not come; saw {}",
            follower.newest
        );
        thread::yield_now();
    }
    assert!(
        follower.seen > 10,
        "saw only {} of {GENERATIONS} generations",
        follower.seen
    );
    assert!(first.generation() < follower.maps["large"].generation());
    assert!(first.is_whole());
    say(&follower.reader, slot, GONE);
}

fn say(reader: &Reader, slot: usize, state: u64) {
    reader.board().slot_words(slot)[0].store(state, Ordering::Relaxed);
}

#[test]
#[ignore = "a process of another test"]
fn publishes_until_killed() {
    let Some((directory, _)) = handed_over() else {
        return;
    };
    let started = Instant::now();
    Writer::open(&directory).while_settling(|publisher, generation| {
        while started.elapsed() < DEADLINE {
            publish_next(publisher, generation);
        }
    });
}

/// Uses a publisher as the supervisor does: one thread settles while another publishes.
struct Writer {
    publisher: Publisher,
    generation: u64,
}

impl Writer {
    /// Publishes the index and every part.
    fn open(directory: &Path) -> Self {
        let publisher = publisher(directory);
        let mut generation = publisher.publish_index(&index(false)).unwrap();
        for row in 0..PARTS.len() {
            publish_row(&publisher, row, &mut generation);
        }
        Self {
            publisher,
            generation,
        }
    }

    /// The state that the follower of this slot has stored.
    fn state(&self, slot: usize) -> u64 {
        self.publisher.board().slot_words(slot)[0].load(Ordering::Relaxed)
    }

    fn while_settling(&mut self, publish: impl FnOnce(&Publisher, &mut u64)) {
        let publisher = &self.publisher;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let settling = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    publisher.settle().unwrap();
                    thread::yield_now();
                }
            });
            publish(publisher, &mut self.generation);
            done.store(true, Ordering::Relaxed);
            settling.join().unwrap();
        });
    }
}

/// Publishes the largest part whose turn it is, now and then the index.
fn publish_next(publisher: &Publisher, generation: &mut u64) {
    let next = *generation + 1;
    if next.is_multiple_of(97) {
        return publish_index(publisher, generation, false);
    }
    let due = |part: &(&str, usize, u64)| next.is_multiple_of(part.2);
    publish_row(publisher, PARTS.iter().rposition(due).unwrap(), generation);
}

fn publish_row(publisher: &Publisher, row: usize, generation: &mut u64) {
    let (name, length, _) = PARTS[row];
    *generation += 1;
    let sample = Sample::new(*generation, length);
    let published = publisher.publish(row, name, &sample).unwrap();
    assert_eq!(published, *generation);
}

fn publish_index(publisher: &Publisher, generation: &mut u64, last: bool) {
    *generation += 1;
    let published = publisher.publish_index(&index(last)).unwrap();
    assert_eq!(published, *generation);
}

fn index(last: bool) -> Index {
    let parts = PARTS.iter().map(|(name, ..)| (*name).to_owned());
    Index {
        parts: parts.collect(),
        last,
    }
}

/// Uses a reader as a worker does.
struct Follower {
    reader: Reader,
    index: u64,
    newest: u64,
    maps: BTreeMap<String, Map<Sample>>,
    seen: u64,
}

impl Follower {
    /// Looks at the board once. Returns whether this is the last index.
    fn follow(&mut self) -> bool {
        let board = self.reader.board();
        let newest = newest(board);
        assert!(newest >= self.newest, "{newest} after {}", self.newest);
        self.seen += u64::from(newest > self.newest);
        self.newest = newest;
        let index = self.index();
        for (row, name) in index.parts.iter().enumerate() {
            self.adopt(row, name);
        }
        index.last
    }

    fn index(&mut self) -> Map<Index> {
        let board = self.reader.board();
        loop {
            let generation = board.index_generation();
            assert!(generation >= self.index);
            self.index = generation;
            match self.reader.index::<Index>(generation) {
                Err(Error::Retired { .. }) => {
                    assert!(board.index_generation() > generation, "retired too soon");
                }
                index => return index.unwrap(),
            }
        }
    }

    fn adopt(&mut self, row: usize, name: &str) {
        let board = self.reader.board();
        let held = self.maps.get(name).map_or(0, |map| map.generation());
        loop {
            let generation = board.row_generation(row);
            assert!(
                generation >= held,
                "{name} goes back from {held} to {generation}"
            );
            if generation == held {
                return;
            }
            match self.reader.map::<Sample>(name, generation) {
                Err(Error::Retired { .. }) => {
                    assert!(board.row_generation(row) > generation, "retired too soon");
                }
                map => {
                    let map = map.unwrap();
                    assert_eq!(map.generation(), generation);
                    assert!(ArchivedSample::is_whole(&map));
                    self.maps.insert(name.to_owned(), map);
                    return;
                }
            }
        }
    }
}
