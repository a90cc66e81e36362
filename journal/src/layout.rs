//! Where the words of a ring are, and how a ring is recognised.
//!
//! ```text
//! line 0   magic, layout, words for records: written before the ring has its name
//! line 1   the head, written by the worker
//! line 2   the tail, written by the supervisor
//! then     the words for records
//! ```
//!
//! A line is 128 bytes, so that worker and supervisor never write to one cache line.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use snapshot::Words;

use crate::error::Error;

/// The length of a ring, in bytes. Some 18,000 reports of analytics with ten features each fit into one, and an event
/// of the longest body that workers read.
pub const RING_BYTES: usize = 4 << 20;

const LINE: usize = 16;
const HEAD: usize = LINE;
const TAIL: usize = 2 * LINE;
const RECORDS: usize = 3 * LINE;
const MAGIC: u64 = u64::from_ne_bytes(*b"ring\0\0\0\0");
/// To be raised whenever records of an earlier release could not be read.
const LAYOUT: u64 = 2;

/// The directory of all rings, in the state directory.
pub fn directory(state_directory: &Path) -> PathBuf {
    state_directory.join("journal")
}

/// The file of a ring, in the directory of all rings. No number is used twice.
pub fn ring_file(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("ring.{number:016x}"))
}

/// The number of the ring whose file has this name.
pub fn ring_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("ring.")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (format!("{number:016x}") == digits).then_some(number)
}

/// Makes a ring of about `bytes`, with all of its room on disk.
///
/// # Errors
///
/// If there is no room, or the file cannot be made for another reason.
pub fn create(path: &Path, bytes: usize) -> Result<(), Error> {
    let count = (bytes / size_of::<u64>()).max(RECORDS + LINE);
    Words::create(path, &[MAGIC, LAYOUT, (count - RECORDS) as u64], count)?;
    Ok(())
}

/// The words of a ring by what they mean.
pub(crate) struct Ring {
    words: Words,
}

impl Ring {
    /// Checks that these words are a ring.
    pub(crate) fn of(words: Words, path: &Path) -> Result<Self, Error> {
        let defective = |what| {
            Err(Error::Defective {
                path: path.to_owned(),
                what,
            })
        };
        if words.len() <= RECORDS || words[0].load(Relaxed) != MAGIC {
            return defective("it is not a ring");
        }
        if words[1].load(Relaxed) != LAYOUT {
            return defective("it is a ring of another release");
        }
        if words[2].load(Relaxed) != (words.len() - RECORDS) as u64 {
            return defective("it does not have its length");
        }
        let ring = Self { words };
        // The tail first: with it, a head that is loaded later is not behind it.
        let tail = ring.tail().load(Acquire);
        let head = ring.head().load(Acquire);
        if head.wrapping_sub(tail) > ring.capacity() {
            return defective("its head and its tail do not fit together");
        }
        Ok(ring)
    }

    pub(crate) fn head(&self) -> &AtomicU64 {
        &self.words[HEAD]
    }

    pub(crate) fn tail(&self) -> &AtomicU64 {
        &self.words[TAIL]
    }

    /// How many words there are for records.
    pub(crate) fn capacity(&self) -> u64 {
        (self.words.len() - RECORDS) as u64
    }

    /// The words from a position on, in two parts: to the end of the ring, and from its begin.
    pub(crate) fn from(&self, position: u64) -> (&[AtomicU64], &[AtomicU64]) {
        let records = &self.words[RECORDS..];
        let index = position % records.len() as u64;
        let (begin, end) = records.split_at(usize::try_from(index).unwrap_or_default());
        (end, begin)
    }
}
