//! The board: one small file of atomic words that the writer and all readers share.
//!
//! The board itself knows generations: of the index and of each row's file. They are stored with Release and loaded
//! with Acquire, because they publish files. The other words belong to the caller, which decides what they mean.

mod layout;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::directory::Directory;
use crate::error::Error;
use crate::map::Words;

pub use layout::{CallersWords, Shape};

/// A small shared file of atomic words, cheap enough to be looked at with every request.
pub struct Board {
    words: Words,
    shape: Shape,
}

impl Board {
    /// The generation of the index, 0 for none in this run. It can be mapped after this (Acquire).
    #[inline]
    pub fn index_generation(&self) -> u64 {
        self.words[layout::INDEX_GENERATION].load(Ordering::Acquire)
    }

    /// The generation of this row's file, published or adopted in this run; 0 for none. It can be mapped after this
    /// (Acquire).
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[inline]
    pub fn row_generation(&self, row: usize) -> u64 {
        self.words[self.shape.generation_of(row)].load(Ordering::Acquire)
    }

    /// The caller's words for the directory as a whole.
    pub fn common_words(&self) -> &[AtomicU64] {
        &self.words[self.shape.common_words()]
    }

    /// The caller's words for this row, in cache lines of their own: not in that of the row's generation, which every
    /// request reads.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row_words(&self, row: usize) -> &[AtomicU64] {
        &self.words[self.shape.words_of_row(row)]
    }

    /// The caller's words for this slot, in cache lines of their own.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn slot_words(&self, slot: usize) -> &[AtomicU64] {
        &self.words[self.shape.words_of_slot(slot)]
    }

    /// What there is room for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Replaces the board that is there, if any. A process that has mapped the old one keeps it.
    pub(crate) fn create(directory: &Directory, shape: Shape) -> Result<Self, Error> {
        let path = directory.board();
        let too_large = || Error::io("create", &path)(io::ErrorKind::FileTooLarge.into());
        let length = shape.bytes().ok_or_else(too_large)?;
        directory.stage_with_room(&layout::header(shape), length, &path)?;
        Self::open(directory, shape.format)
    }

    /// Maps the board that is there.
    pub(crate) fn open(directory: &Directory, format: u32) -> Result<Self, Error> {
        let path = directory.board();
        Self::of_words(Words::open(&path)?, &path, format)
    }

    /// As [`open`](Self::open), for a look only.
    pub(crate) fn look_at(directory: &Directory, format: u32) -> Result<Self, Error> {
        let path = directory.board();
        Self::of_words(Words::look_at(&path)?, &path, format)
    }

    fn of_words(words: Words, path: &Path, format: u32) -> Result<Self, Error> {
        let shape = layout::check(&words, format).map_err(Error::defective(path))?;
        Ok(Self { words, shape })
    }

    /// Publishes an index: its file is there for every reader that loads this generation (Release).
    pub(crate) fn publish_index(&self, generation: u64) {
        self.words[layout::INDEX_GENERATION].store(generation, Ordering::Release);
    }

    /// Publishes or adopts the file of a row: it is there for every reader that loads this generation (Release).
    pub(crate) fn publish_row(&self, row: usize, generation: u64) {
        self.words[self.shape.generation_of(row)].store(generation, Ordering::Release);
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Board")
            .field("shape", &self.shape)
            .field("index_generation", &self.index_generation())
            .finish_non_exhaustive()
    }
}
