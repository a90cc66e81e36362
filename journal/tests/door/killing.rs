//! Writers that are killed at any moment, one after the other on the same ring, while a reader empties it. Each leaves
//! nothing or a whole record behind what it was told is accepted, and the next one goes on there.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};

use journal::{Reader, Writer};
use snapshot::Words;
use testing::{DEADLINE, Process, eventually, handed_over};

use crate::ring;

const ACCEPTED: usize = 0;
const READ: usize = 1;

/// What the number of a record decides: its payload.
fn payload(number: u64) -> Vec<u8> {
    let length = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
    let mut payload = number.to_le_bytes().to_vec();
    payload.extend((0..length).map(|byte| (number as u8).wrapping_add(byte as u8)));
    payload
}

fn notes(directory: &Path) -> Words {
    Words::open(&directory.join("notes")).unwrap()
}

#[test]
fn killed_at_any_moment_a_writer_leaves_what_was_accepted_and_at_most_one_record_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = ring(directory.path());
    Words::create(&directory.path().join("notes"), &[], 2).unwrap();
    let notes = notes(directory.path());
    let reader = Reader::open(&path).unwrap();
    let kills = 100 * testing::scale();
    let mut chance = fastrand::Rng::with_seed(testing::seed(kills as u64));
    let mut reading = Reading {
        reader: &reader,
        position: 0,
        read: &notes[READ],
        full: 0,
    };
    let mut one_more = 0;
    for _ in 0..kills {
        let mut writer = Process::start("killing::appends_until_killed", directory.path(), 0);
        let before = notes[ACCEPTED].load(Acquire);
        eventually("the writer has appended", || {
            writer.assert_running();
            reading.empty();
            notes[ACCEPTED].load(Acquire) > before + 50
        });
        // Sometimes it meets a full ring.
        let until = Instant::now() + Duration::from_micros(chance.u64(..3_000));
        while Instant::now() < until {
            if chance.u8(..4) == 0 {
                reading.empty();
            }
            thread::yield_now();
        }
        drop(writer);
        reading.empty();
        let accepted = notes[ACCEPTED].load(Acquire);
        let read = notes[READ].load(Acquire);
        assert!(
            read == accepted || read == accepted + 1,
            "{read} of {accepted}"
        );
        one_more += read - accepted;
    }
    println!(
        "{} records read, {one_more} accepted by a writer that was killed before it knew; full {} times",
        notes[READ].load(Acquire),
        reading.full
    );
}

struct Reading<'a> {
    reader: &'a Reader,
    position: u64,
    /// The number of the last record that was read.
    read: &'a AtomicU64,
    full: usize,
}

impl Reading<'_> {
    fn empty(&mut self) {
        self.full += usize::from(self.reader.fill() > 0.9);
        let head = self.reader.head();
        let mut found = Vec::new();
        while let Some(entry) = self.reader.read(self.position, head, &mut found).unwrap() {
            let number = self.read.load(Acquire) + 1;
            assert_eq!(found, payload(number));
            self.read.store(number, Release);
            self.position = entry.next;
        }
        self.reader.acknowledge(self.position);
    }
}

/// A writer in a process of its own. The number of the first record follows the last one that was read.
#[test]
#[ignore = "a process of another test"]
fn appends_until_killed() {
    let Some((directory, _)) = handed_over() else {
        return;
    };
    let notes = notes(&directory);
    let mut writer = Writer::open(&directory.join("ring")).unwrap();
    let mut number = notes[READ].load(Acquire);
    notes[ACCEPTED].store(number, Release);
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if writer.append(&payload(number + 1)).is_ok() {
            number += 1;
            notes[ACCEPTED].store(number, Release);
        } else {
            thread::yield_now();
        }
    }
}
