//! The payload of a file while it is written: rkyv's archive, which goes to the file piece by piece with its checksum.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rkyv::rancor::{self, fail};
use rkyv::ser::{Positional, Writer};
use xxhash_rust::xxh3::Xxh3;

use crate::header;

/// How much of an archive is written at once, in bytes. Longer pieces are written as they are.
const BUFFER: usize = 64 * 1024;

/// The payload of a file while it is written.
pub struct Payload<'f> {
    file: &'f File,
    buffer: Vec<u8>,
    /// The bytes before the buffer.
    pub(crate) written: u64,
    pub(crate) checksum: Xxh3,
    /// Why the file could not be written.
    pub(crate) failure: Option<io::Error>,
}

impl<'f> Payload<'f> {
    pub(crate) fn of(file: &'f File) -> Self {
        Self {
            file,
            buffer: Vec::with_capacity(BUFFER),
            written: 0,
            checksum: Xxh3::new(),
            failure: None,
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), rancor::Error> {
        let buffer = std::mem::take(&mut self.buffer);
        let flushed = self.append(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        flushed
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), rancor::Error> {
        let position = header::LENGTH as u64 + self.written;
        if let Err(failure) = self.file.write_all_at(bytes, position) {
            self.failure = Some(failure);
            fail!(Unwritten);
        }
        self.checksum.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}

// rkyv aligns by this position, and the length of the header is a multiple of every alignment.
impl Positional for Payload<'_> {
    fn pos(&self) -> usize {
        usize::try_from(self.written).unwrap_or(usize::MAX) + self.buffer.len()
    }
}

impl Writer<rancor::Error> for Payload<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), rancor::Error> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() > BUFFER {
            return self.append(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }
}

/// What rkyv is told of [`Payload::failure`].
#[derive(Debug, thiserror::Error)]
#[error("the file could not be written")]
struct Unwritten;
