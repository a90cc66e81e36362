//! The crate at its own door: a state directory, a publisher, readers in this process and in others.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use rkyv::{Archive, Serialize};
use snapshot::{Board, CallersWords, Publisher, Reader, Shape};
use tempfile::TempDir;

/// Who owns the directory, who can enter it, and what is cleared away in it.
mod directory;

/// One publication after the other: what readers find, what is left of the ones before, and what it costs among many.
mod publishing;

/// Files that are not ours or not whole, each refused by name.
mod refusals;

/// Looking at a directory without following it.
mod inspecting;

/// What a writer does with the rows that an earlier run left.
mod adopting;

/// Links, pipes, directories, devices and files of other users in place of our files.
mod strangers;

/// A writer that ends between any two bytes or steps of a publication.
mod killing;

/// A small file system in memory that tests fill.
mod volume;

/// Real processes: followers that verify what they see, a writer that is killed.
mod processes;

/// The generations and words of the board.
mod board;

const FORMAT: u32 = 7;
const SHAPE: Shape = Shape {
    format: FORMAT,
    rows: 4,
    slots: 4,
    words: CallersWords {
        common: 3,
        row: 16,
        slot: 20,
    },
};

/// A value that can tell whether it is whole.
#[derive(Archive, Serialize)]
struct Sample {
    generation: u64,
    words: Vec<u64>,
    sum: u64,
}

impl Sample {
    fn new(generation: u64, length: usize) -> Self {
        let words: Vec<u64> = (0..length as u64)
            .map(|place| (generation << 32 | place).wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        let sum = sum(generation, words.iter().copied());
        Self {
            generation,
            words,
            sum,
        }
    }
}

impl ArchivedSample {
    fn generation(&self) -> u64 {
        self.generation.to_native()
    }

    fn is_whole(&self) -> bool {
        self.sum
            == sum(
                self.generation(),
                self.words.iter().map(|word| word.to_native()),
            )
    }
}

fn sum(generation: u64, words: impl Iterator<Item = u64>) -> u64 {
    words.fold(generation, |sum, word| sum.rotate_left(5) ^ word)
}

/// A place for a state directory, in memory if possible, because thousands of syncs take long on a disk.
fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap()
}

fn publisher(directory: &Path) -> Publisher {
    Publisher::open(directory, SHAPE).unwrap()
}

fn reader(directory: &Path) -> Reader {
    Reader::open(directory, FORMAT).unwrap()
}

/// The newest generation that a board names, 0 for none.
fn newest(board: &Board) -> u64 {
    let rows = (0..board.shape().rows).map(|row| board.row_generation(row));
    rows.max().unwrap_or(0).max(board.index_generation())
}

/// The path of a row's file.
fn path(directory: &Path, name: &str, generation: u64) -> PathBuf {
    directory
        .join("environments")
        .join(format!("{name}.{generation}"))
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
