//! The supervisor's end of a ring.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::{Acquire, Release};

use snapshot::Words;

use crate::error::Error;
use crate::frame;
use crate::layout::Ring;

/// Reads the records of a ring, as the only process that does.
pub struct Reader {
    path: PathBuf,
    ring: Ring,
}

/// What was read at a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When the record was appended, by [`now`](crate::now).
    pub time: u64,
    /// The position behind the record.
    pub next: u64,
}

/// What is at a position is no record, so no position behind it is known: all up to the head is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damage {
    /// So many bytes.
    pub bytes: u64,
}

impl Reader {
    /// Opens a ring, which a worker may have open.
    ///
    /// # Errors
    ///
    /// [`Error::Defective`] if it is not a ring of this release, [`Error::File`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let path = path.to_owned();
        let ring = Ring::of(Words::open(&path)?, &path)?;
        Ok(Self { path, ring })
    }

    /// The end of the records that are accepted by now.
    pub fn head(&self) -> u64 {
        self.ring.head().load(Acquire)
    }

    /// The end of the records that are acknowledged.
    pub fn tail(&self) -> u64 {
        self.ring.tail().load(Acquire)
    }

    /// How full the ring is: 0 to 1.
    pub fn fill(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        let share = |words: u64| words as f64;
        share(self.head().saturating_sub(self.tail())) / share(self.ring.capacity())
    }

    /// Reads the record at `position` into `payload`; `None` if `position` is the head or behind it.
    ///
    /// # Errors
    ///
    /// [`Damage`] if there is no whole record, which happens after a power cut or when something else writes to the
    /// file. Read on from the head.
    pub fn read(
        &self,
        position: u64,
        head: u64,
        payload: &mut Vec<u8>,
    ) -> Result<Option<Entry>, Damage> {
        if position >= head {
            return Ok(None);
        }
        let length = head - position;
        match frame::read(&self.ring, position, head, payload) {
            Some(frame) if length <= self.ring.capacity() => Ok(Some(Entry {
                time: frame.time,
                next: frame.next,
            })),
            _ => Err(Damage {
                bytes: length.min(self.ring.capacity()) * size_of::<u64>() as u64,
            }),
        }
    }

    /// Acknowledges all records before `position`: the worker may overwrite them.
    pub fn acknowledge(&self, position: u64) {
        self.ring.tail().store(position, Release);
    }

    /// Whether a process appends to the ring; also if that cannot be told.
    pub fn is_locked(&self) -> bool {
        !matches!(Words::open_locked(&self.path), Ok(Some(_)))
    }

    /// Removes the ring if no process appends to it any more and all of its records are acknowledged. Returns whether
    /// it is removed.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be opened or unlinked.
    pub fn close(&self) -> Result<bool, Error> {
        // The lock is held until the file is gone, so nobody opens it in between and loses what it appends.
        let Some(_lock) = Words::open_locked(&self.path)? else {
            return Ok(false);
        };
        if self.head() != self.tail() {
            return Ok(false);
        }
        match fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::File(snapshot::Error::Io {
                    act: "unlink",
                    path: self.path.clone(),
                    source,
                }))
            }
            _ => Ok(true),
        }
    }
}
