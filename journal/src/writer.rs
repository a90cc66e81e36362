//! The worker's end of a ring.

use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Release};

use snapshot::Words;

use crate::clock;
use crate::error::Error;
use crate::frame;
use crate::layout::Ring;

/// Appends records to a ring, as the only process that does.
pub struct Writer {
    ring: Ring,
    /// As in the ring. Nobody else changes it.
    head: u64,
}

/// Why a record was not appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// There is no room at the moment.
    Full,
    /// It would never fit.
    TooLarge,
}

impl Writer {
    /// Opens a ring and locks it, until this is dropped or the process ends. Goes on behind the last record.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another process appends to it; [`Error::Defective`]; [`Error::File`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let Some(words) = Words::open_locked(path)? else {
            let path = path.to_owned();
            return Err(Error::Locked { path });
        };
        // Who locked it before may have removed it: what is appended to a file without a name is never read.
        if !path.exists() {
            return Err(Error::Defective {
                path: path.to_owned(),
                what: "it was removed",
            });
        }
        let ring = Ring::of(words, path)?;
        let head = ring.head().load(Acquire);
        Ok(Self { ring, head })
    }

    /// Appends a record. When this returns without an error, the record is accepted. Costs a copy and a checksum, and
    /// no system call.
    ///
    /// # Errors
    ///
    /// [`Refused`]. Nothing was appended then.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), Refused> {
        let words = frame::words(payload.len());
        if words > self.ring.capacity() || u32::try_from(payload.len()).is_err() {
            return Err(Refused::TooLarge);
        }
        let used = self.head.wrapping_sub(self.ring.tail().load(Acquire));
        let free = self.ring.capacity().checked_sub(used);
        if free.is_none_or(|free| free < words) {
            return Err(Refused::Full);
        }
        frame::write(&self.ring, self.head, clock::now(), payload);
        self.head += words;
        self.ring.head().store(self.head, Release);
        Ok(())
    }
}
