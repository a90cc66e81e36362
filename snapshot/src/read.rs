//! The reader: follows a state directory from any process.

use std::path::Path;

use crate::board::Board;
use crate::directory::Directory;
use crate::error::Error;
use crate::header::Trust;
use crate::map::Map;
use crate::value::Value;

/// A reader of a state directory. There may be any number, in any number of processes.
#[derive(Debug)]
pub struct Reader {
    directory: Directory,
    board: Board,
    format: u32,
}

impl Reader {
    /// Maps the board of a directory that a [`Publisher`](crate::Publisher) has opened.
    ///
    /// # Errors
    ///
    /// [`Error::Owner`] and [`Error::Permissions`] if others could have written there; [`Error::Defective`] for a
    /// board of another layout or `format`; [`Error::Io`].
    pub fn open(directory: &Path, format: u32) -> Result<Self, Error> {
        let directory = Directory::existing(directory)?;
        let board = Board::open(&directory, format)?;
        Ok(Self {
            directory,
            board,
            format,
        })
    }

    /// The board: tells the generations to map.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Maps the index of a generation that the board named.
    ///
    /// # Errors
    ///
    /// [`Error::Retired`] if a newer index has replaced it: load the generation again. [`Error::Defective`] if the
    /// file is not the index of that generation; [`Error::Io`].
    pub fn index<I: Value>(&self, generation: u64) -> Result<Map<I>, Error> {
        Map::open(
            &self.directory.index(generation),
            self.format,
            generation,
            Trust::Payload,
        )
    }

    /// Maps the file of a row by its name and the generation that the board named.
    ///
    /// # Errors
    ///
    /// As [`Reader::index`]; [`Error::Name`] for a text that cannot be a file's name.
    pub fn map<T: Value>(&self, name: &str, generation: u64) -> Result<Map<T>, Error> {
        Map::open(
            &self.directory.file(name, generation)?,
            self.format,
            generation,
            Trust::Payload,
        )
    }

    /// As [`Reader::index`], and reads the whole file: also refuses a wrong checksum and an invalid archive.
    ///
    /// # Errors
    ///
    /// As [`Reader::index`].
    #[cfg(feature = "testing")]
    pub fn index_verified<I: Value>(&self, generation: u64) -> Result<Map<I>, Error> {
        Map::open(
            &self.directory.index(generation),
            self.format,
            generation,
            Trust::Nothing,
        )
    }

    /// As [`Reader::map`], and reads the whole file: also refuses a wrong checksum and an invalid archive.
    ///
    /// # Errors
    ///
    /// As [`Reader::map`].
    #[cfg(feature = "testing")]
    pub fn map_verified<T: Value>(&self, name: &str, generation: u64) -> Result<Map<T>, Error> {
        Map::open(
            &self.directory.file(name, generation)?,
            self.format,
            generation,
            Trust::Nothing,
        )
    }
}
