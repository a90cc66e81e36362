//! The crate at its own door: rings, a writer and a reader in this process and in others.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use journal::{Reader, Writer, create};

/// What is appended comes out, in order, round after round.
mod appending;

/// Bytes that are not as they were written.
mod damage;

/// Writers that are killed at any moment, and their successors.
mod killing;

/// Records as bytes.
mod records;

/// A small ring, so that its end comes soon.
const BYTES: usize = 4096;

fn ring(directory: &Path) -> PathBuf {
    let path = directory.join("ring");
    create(&path, BYTES).unwrap();
    path
}

fn open(path: &Path) -> (Writer, Reader) {
    (Writer::open(path).unwrap(), Reader::open(path).unwrap())
}

/// All payloads from a position on, and the position behind them.
fn read_all(reader: &Reader, mut position: u64) -> (Vec<Vec<u8>>, u64) {
    let (head, mut payload, mut all) = (reader.head(), Vec::new(), Vec::new());
    while let Some(entry) = reader.read(position, head, &mut payload).unwrap() {
        all.push(payload.clone());
        position = entry.next;
    }
    (all, position)
}
