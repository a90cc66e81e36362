//! The writer: stages values, publishes generations, reclaims what is retired. Knows nothing of
//! what the values mean.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::board::{Board, Shape};
use crate::directory::{Directory, File, Found, unlink};
use crate::error::Error;
use crate::value::{self, Value};

/// The one writer of a state directory, until it is dropped.
#[derive(Debug)]
pub struct Publisher {
    directory: Directory,
    board: Arc<Board>,
    format: u32,
    /// Published last, in this run or, before the first publish, in an earlier one.
    generation: u64,
    /// Named by it.
    current: HashSet<File>,
    /// Everything staged in this run that still has its name.
    staged: HashSet<File>,
    /// Every index that still has its name.
    indexes: Vec<u64>,
    _lock: fs::File,
}

impl Publisher {
    /// Takes possession of a state directory.
    ///
    /// Creates it, 0700, if need be; closes it to others if it was open to them; takes the lock;
    /// puts a new board in place; unlinks what an earlier run left. Generations continue after the
    /// highest one found.
    ///
    /// # Errors
    ///
    /// [`Error::Owner`] if it belongs to another user, [`Error::Locked`] if another publisher
    /// lives, [`Error::Io`].
    pub fn open(directory: &Path, shape: Shape) -> Result<Self, Error> {
        let directory = Directory::create(directory)?;
        let lock = directory.lock()?;
        unlink(&directory.staging())?;
        let found = directory.found()?;
        let newest_index = found.indexes.iter().copied().max();
        discard(&directory, &found, newest_index)?;
        let board = Arc::new(Board::create(&directory, shape)?);
        Ok(Self {
            directory,
            board,
            format: shape.format,
            generation: found.highest_generation(),
            current: HashSet::new(),
            staged: HashSet::new(),
            indexes: newest_index.into_iter().collect(),
            _lock: lock,
        })
    }

    /// The board, as readers see it.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The board, for threads that publish nothing.
    pub fn share_board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Archives `value` into `environments/<name>.<generation>`, where `generation` is the one to
    /// be published next.
    ///
    /// Readers learn of it when an index that names it is published. Staged a second time before
    /// that, the later value takes the name.
    ///
    /// # Errors
    ///
    /// [`Error::Name`], [`Error::Archive`], [`Error::Io`]; nothing that has a name is changed then.
    pub fn stage<T: Value>(&mut self, name: &str, value: &T) -> Result<File, Error> {
        let file = File {
            name: name.to_owned(),
            generation: self.generation + 1,
        };
        self.write(value, &self.directory.file(name, file.generation)?)?;
        self.staged.insert(file.clone());
        Ok(file)
    }

    /// Publishes the next generation: writes its index and stores it on the board. Returns the
    /// generation.
    ///
    /// `files` are all the files that `index` names. Those which neither this generation nor the
    /// previous one names are unlinked; one that cannot be is tried again with the next publish.
    ///
    /// # Errors
    ///
    /// [`Error::NotStaged`] for a file that readers would not find, [`Error::Archive`],
    /// [`Error::Io`]; the generation does not move then.
    pub fn publish<I: Value>(&mut self, index: &I, files: &[File]) -> Result<u64, Error> {
        if let Some(file) = files.iter().find(|file| !self.staged.contains(file)) {
            return Err(Error::NotStaged { file: file.clone() });
        }
        let generation = self.generation + 1;
        self.write(index, &self.directory.index(generation))?;
        self.board.set_generation(generation);
        self.indexes.push(generation);
        let current = files.iter().cloned().collect();
        let previous = std::mem::replace(&mut self.current, current);
        self.generation = generation;
        self.reclaim(&previous);
        Ok(generation)
    }

    fn write<T: Value>(&self, value: &T, path: &Path) -> Result<(), Error> {
        let content =
            value::archive(value, self.format, self.generation + 1).map_err(|source| {
                Error::Archive {
                    path: path.to_owned(),
                    source,
                }
            })?;
        self.directory.stage(&content, path)
    }

    fn reclaim(&mut self, previous: &HashSet<File>) {
        let Self {
            directory,
            current,
            staged,
            indexes,
            generation,
            ..
        } = self;
        staged.retain(|file| {
            current.contains(file)
                || previous.contains(file)
                || directory
                    .file(&file.name, file.generation)
                    .and_then(|path| unlink(&path))
                    .is_err()
        });
        indexes
            .retain(|index| index + 1 >= *generation || unlink(&directory.index(*index)).is_err());
    }
}

/// Unlinks what an earlier run left: nothing of it is verified, so nothing may be published.
///
/// The newest index keeps its name until it is neither current nor previous. It tells the next run
/// how far generations have come, should this one end before it publishes.
fn discard(directory: &Directory, found: &Found, newest_index: Option<u64>) -> Result<(), Error> {
    for file in &found.files {
        unlink(&directory.file(&file.name, file.generation)?)?;
    }
    for index in found
        .indexes
        .iter()
        .filter(|index| Some(**index) != newest_index)
    {
        unlink(&directory.index(*index))?;
    }
    Ok(())
}
