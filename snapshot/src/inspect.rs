//! Looking at a state directory, whether or not a writer owns it. Nothing is changed, and nothing that is found there
//! is trusted: every file is checked to its last byte.

use std::collections::BTreeMap;
use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::board::Board;
use crate::directory::{BOARD, Directory};
use crate::error::Error;
use crate::header::Trust;
use crate::map::Map;
use crate::value::Value;

/// Looks at a state directory.
#[derive(Debug)]
pub struct Inspector {
    directory: Directory,
    format: u32,
}

/// The files of a state directory, by their names.
#[derive(Debug)]
pub struct Contents {
    /// The generations of the indexes.
    pub indexes: Vec<u64>,
    /// The generations of the files of rows, ascending, by the name before the generation.
    pub rows: BTreeMap<String, Vec<u64>>,
    /// What lies among the files of rows under a name that no writer gives.
    pub foreign: Vec<PathBuf>,
}

/// Who owns a state directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ownership {
    /// Nobody publishes there.
    Free,
    /// A writer lives. The process is the one that it wrote down, if this process can see it: in a container it may
    /// not.
    Held(Option<u32>),
}

/// A whole file.
#[derive(Debug)]
pub struct Inspected<T: Value> {
    /// Its value.
    pub map: Map<T>,
    /// When it was written.
    pub written: SystemTime,
}

impl Inspector {
    /// Whether a writer has published in this directory, as far as this user can see.
    pub fn finds_board(directory: &Path) -> bool {
        directory.join(BOARD).is_file()
    }

    /// Looks at a directory that a writer has made.
    ///
    /// # Errors
    ///
    /// [`Error::Owner`] and [`Error::Permissions`] if others could have written there; [`Error::Io`].
    pub fn open(directory: &Path, format: u32) -> Result<Self, Error> {
        let directory = Directory::existing(directory)?;
        Ok(Self { directory, format })
    }

    /// Whether a writer owns the directory. To find out, a free directory is locked and unlocked at once; a writer that
    /// starts in that very moment tries again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn ownership(&self) -> Result<Ownership, Error> {
        let path = self.directory.path();
        let directory = fs::File::open(path).map_err(Error::io("open", path))?;
        match directory.try_lock_shared() {
            Ok(()) => Ok(Ownership::Free),
            Err(TryLockError::WouldBlock) => Ok(Ownership::Held(self.directory.holder())),
            Err(TryLockError::Error(source)) => {
                Err(Error::io("lock state directory", path)(source))
            }
        }
    }

    /// The board as it is, for a look only: what is stored into it stays in this process.
    ///
    /// # Errors
    ///
    /// [`Error::Defective`] for a board of another layout or format; [`Error::Io`].
    pub fn board(&self) -> Result<Board, Error> {
        Board::look_at(&self.directory, self.format)
    }

    /// The names of the files.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn contents(&self) -> Result<Contents, Error> {
        let found = self.directory.found()?;
        let mut rows: BTreeMap<_, _> = found.rows.into_iter().collect();
        rows.values_mut()
            .for_each(|generations| generations.sort_unstable());
        Ok(Contents {
            indexes: found.indexes,
            rows,
            foreign: found.foreign,
        })
    }

    /// The index of a generation.
    ///
    /// # Errors
    ///
    /// [`Error::Retired`] if it is gone; [`Error::Defective`]; [`Error::Io`].
    pub fn index<I: Value>(&self, generation: u64) -> Result<Inspected<I>, Error> {
        self.whole(&self.directory.index(generation), generation)
    }

    /// The file of a row by its name and generation.
    ///
    /// # Errors
    ///
    /// As [`Inspector::index`]; [`Error::Name`] for a text that cannot be a file's name.
    pub fn row<T: Value>(&self, name: &str, generation: u64) -> Result<Inspected<T>, Error> {
        self.whole(&self.directory.file(name, generation)?, generation)
    }

    fn whole<T: Value>(&self, path: &Path, generation: u64) -> Result<Inspected<T>, Error> {
        let map = Map::open(path, self.format, generation, Trust::Nothing)?;
        let written = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
        // The name may be gone by now. The value was published all the same.
        let written = written.unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Inspected { map, written })
    }
}
