//! Real processes: followers that verify what they see, a writer that is killed.
//!
//! A process is this test binary again, running one of the ignored tests below on the directory
//! named in its environment.

use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use rkyv::{Archive, Serialize};
use snapshot::{Error, File, Map, Publisher, Reader, WorkerState};

use crate::process::{DEADLINE, Process, eventually, handed_over};
use crate::{ArchivedSample, Sample, names, place, publisher, reader};

const GENERATIONS: u64 = 3000;
const FOLLOWERS: usize = 3;
/// Name, length in words, and every how many generations it changes.
const PARTS: [(&str, usize, u64); 4] = [
    ("tiny", 1, 1),
    ("small", 100, 3),
    ("medium", 5_000, 20),
    ("large", 60_000, 150),
];

#[derive(Archive, Serialize)]
struct Index {
    generation: u64,
    parts: Vec<Part>,
    last: bool,
}

#[derive(Archive, Serialize)]
struct Part {
    name: String,
    generation: u64,
}

#[test]
fn followers_see_only_whole_values_that_never_go_back() {
    let place = place();
    let mut publisher = publisher(place.path());
    publish_generation(&mut publisher, &mut BTreeMap::new(), false);
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
        (0..FOLLOWERS).all(|slot| publisher.board().worker_state(slot) == WorkerState::Ready)
    });
    let mut current = BTreeMap::new();
    for generation in 2..=GENERATIONS {
        publish_generation(&mut publisher, &mut current, generation == GENERATIONS);
    }
    followers.into_iter().for_each(Process::succeed);
    assert!((0..FOLLOWERS).all(|slot| publisher.board().worker_state(slot) == WorkerState::Exited));
    assert!(names(&place.path().join("environments")).len() <= 2 * PARTS.len());
}

#[test]
fn a_killed_writer_leaves_a_directory_that_the_next_one_takes_over() {
    let place = place();
    let mut writer = Process::start("processes::publishes_until_killed", place.path(), 0);
    eventually("the writer has published", || {
        writer.assert_running();
        Reader::open(place.path(), crate::FORMAT)
            .is_ok_and(|reader| reader.board().generation() > 10)
    });
    let orphan = reader(place.path());
    assert!(matches!(
        Publisher::open(place.path(), crate::SHAPE),
        Err(Error::Locked { .. })
    ));
    drop(writer);

    let last = orphan.board().generation();
    let index = orphan.index::<Index>(last).unwrap();
    let held = orphan
        .map_verified::<Sample>("medium", part(&index, "medium"))
        .unwrap();
    let mut publisher = publisher(place.path());
    assert_eq!(names(&place.path().join("environments")), [""; 0]);
    assert!(!place.path().join("staging").exists());
    let published = publisher
        .publish(
            &Index {
                generation: 0,
                parts: Vec::new(),
                last: true,
            },
            &[],
        )
        .unwrap();
    assert!(published > last, "{published} after {last}");
    assert!(held.is_whole());
    assert_eq!(orphan.board().generation(), last);
}

#[test]
#[ignore = "a process of another test"]
fn follows_until_the_last_generation() {
    let Some((directory, slot)) = handed_over() else {
        return;
    };
    let reader = reader(&directory);
    let mut follower = Follower {
        reader,
        generation: 0,
        maps: BTreeMap::new(),
        seen: 0,
    };
    let started = Instant::now();
    assert!(!follower.follow());
    let first = follower
        .reader
        .map::<Sample>("large", follower.maps["large"].generation())
        .unwrap();
    follower
        .reader
        .board()
        .set_worker_state(slot, WorkerState::Ready);
    while !follower.follow() {
        assert!(
            started.elapsed() < DEADLINE,
            "the last generation did not come; saw {}",
            follower.generation
        );
        thread::yield_now();
    }
    assert_eq!(follower.generation, GENERATIONS);
    assert!(
        follower.seen > 10,
        "saw only {} of {GENERATIONS} generations",
        follower.seen
    );
    assert_eq!(first.generation(), 1);
    assert!(first.is_whole());
    follower
        .reader
        .board()
        .set_worker_state(slot, WorkerState::Exited);
}

#[test]
#[ignore = "a process of another test"]
fn publishes_until_killed() {
    let Some((directory, _)) = handed_over() else {
        return;
    };
    let mut publisher = publisher(&directory);
    let mut current = BTreeMap::new();
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        publish_generation(&mut publisher, &mut current, false);
    }
}

/// Stages the parts whose turn it is and publishes them with the others.
fn publish_generation(publisher: &mut Publisher, current: &mut BTreeMap<&str, File>, last: bool) {
    let generation = publisher.board().generation() + 1;
    for (name, length, turn) in PARTS {
        if generation.is_multiple_of(turn) || !current.contains_key(name) {
            current.insert(
                name,
                publisher
                    .stage(name, &Sample::new(generation, length))
                    .unwrap(),
            );
        }
    }
    let files: Vec<File> = current.values().cloned().collect();
    let parts = files
        .iter()
        .map(|file| Part {
            name: file.name.clone(),
            generation: file.generation,
        })
        .collect();
    assert_eq!(
        publisher
            .publish(
                &Index {
                    generation,
                    parts,
                    last
                },
                &files
            )
            .unwrap(),
        generation
    );
}

fn part(index: &ArchivedIndex, name: &str) -> u64 {
    index
        .parts
        .iter()
        .find(|part| part.name == name)
        .unwrap()
        .generation
        .to_native()
}

/// What a worker does with a reader.
struct Follower {
    reader: Reader,
    generation: u64,
    maps: BTreeMap<String, Map<Sample>>,
    seen: u64,
}

impl Follower {
    /// Looks at the board once. True if this is the last generation.
    fn follow(&mut self) -> bool {
        let generation = self.reader.board().generation();
        if generation == self.generation {
            return false;
        }
        assert!(
            generation > self.generation,
            "{generation} after {}",
            self.generation
        );
        match self.adopt(generation) {
            Err(Error::Retired { .. }) => {
                assert!(
                    self.reader.board().generation() > generation + 1,
                    "retired too soon"
                );
                self.follow()
            }
            adopted => adopted.unwrap(),
        }
    }

    fn adopt(&mut self, generation: u64) -> Result<bool, Error> {
        let index = self.reader.index::<Index>(generation)?;
        assert_eq!(index.generation, generation);
        let mut maps = BTreeMap::new();
        for part in index.parts.iter() {
            let (name, generation) = (part.name.as_str(), part.generation.to_native());
            let held = self.maps.get(name).map_or(0, |map| map.generation());
            assert!(
                generation >= held,
                "{name} goes back from {held} to {generation}"
            );
            if generation > held {
                let map = self.reader.map::<Sample>(name, generation)?;
                assert_eq!(map.generation(), generation);
                assert!(ArchivedSample::is_whole(&map));
                maps.insert(name.to_owned(), map);
            }
        }
        assert_eq!(index.parts.len(), PARTS.len());
        self.maps.append(&mut maps);
        self.generation = generation;
        self.seen += 1;
        Ok(index.last)
    }
}
