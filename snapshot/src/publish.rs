//! The writer: publishes an index and rows, and reclaims the files that they replace.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::adopt::{Adoption, newest_whole};
use crate::board::{Board, Shape};
use crate::directory::{Directory, sync};
use crate::error::Error;
use crate::header::Trust;
use crate::map::Map;
use crate::stage::{Staging, unlink};
use crate::value::Value;

/// The one writer of a state directory, until it is dropped. Threads that [`publish`](Self::publish) write
/// files in parallel and take turns to name them. No publication waits for [`settle`](Self::settle).
#[derive(Debug)]
pub struct Publisher {
    directory: Directory,
    board: Arc<Board>,
    earlier_board: Option<Board>,
    format: u32,
    state: Mutex<State>,
    warnings: Vec<Error>,
    lock: fs::File,
}

#[derive(Debug)]
struct State {
    /// The last generation that was published in this run or, before the first, in an earlier run.
    generation: u64,
    /// The files that the next index replaces: the current index; at first, those that earlier runs left.
    index: Vec<PathBuf>,
    /// The generations of row files that earlier runs left and that are not adopted, by name. The first index
    /// replaces them.
    earlier: HashMap<String, Vec<u64>>,
    /// The file of each row that has one.
    rows: HashMap<usize, PathBuf>,
    /// In the order of publication.
    unsettled: Vec<Unsettled>,
}

/// A file that is published but not synced yet.
#[derive(Debug)]
struct Unsettled {
    file: PathBuf,
    replaces: Vec<PathBuf>,
}

impl Publisher {
    /// Takes possession of a state directory.
    ///
    /// Creates the directory with mode 0700 if it is missing, takes the lock, closes the directory to others if they
    /// could read there, and puts a new board in place. A directory that an earlier run made and that was opened to its
    /// group since is closed and emptied. Generations continue after the highest one found. Files that an earlier
    /// run left can be [adopted](Self::adopt); the others keep their names until the first index has settled.
    ///
    /// # Errors
    ///
    /// [`Error::Owner`] if the directory belongs to another user; [`Error::Permissions`] if others could write there;
    /// [`Error::Locked`] if another publisher lives; [`Error::Io`].
    pub fn open(directory: &Path, shape: Shape) -> Result<Self, Error> {
        let directory = Directory::create(directory)?;
        let lock = directory.lock()?;
        let mut warnings = directory.prepare()?;
        let found = directory.found()?;
        let earlier_board = match Board::open(&directory, shape.format) {
            Ok(board) => Some(board),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warnings.push(error);
                None
            }
        };
        let board = Arc::new(Board::create(&directory, shape)?);
        let index = found.indexes.iter();
        let index = index.map(|generation| directory.index(*generation));
        Ok(Self {
            state: Mutex::new(State {
                generation: found.newest,
                index: index.collect(),
                earlier: found.rows,
                rows: HashMap::new(),
                unsettled: Vec::new(),
            }),
            directory,
            board,
            earlier_board,
            format: shape.format,
            warnings,
            lock,
        })
    }

    /// Problems that were met when the directory was opened, and did not prevent it.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// The board, as readers see it.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The board, to be shared with threads that do not publish.
    pub fn share_board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// The board of the previous run, for its words; `None` if there is none that can be read.
    pub fn earlier_board(&self) -> Option<&Board> {
        self.earlier_board.as_ref()
    }

    /// The index of the previous run, which tells what the rows of its board were; `None` if there is no such board
    /// or it names no index.
    ///
    /// # Errors
    ///
    /// [`Error::Defective`]; [`Error::Retired`] if the file is gone; [`Error::Io`].
    pub fn earlier_index<I: Value>(&self) -> Result<Option<Map<I>>, Error> {
        let generation = self.earlier_board().map_or(0, Board::index_generation);
        if generation == 0 {
            return Ok(None);
        }
        let file = self.directory.index(generation);
        Map::open(&file, self.format, generation, Trust::Nothing).map(Some)
    }

    /// Makes the newest whole file of an earlier run, `environments/<name>.<generation>`, the file of this row. The
    /// file keeps its name and generation and is not written.
    ///
    /// Reads the whole file and trusts nothing in it. To be called once for each row, from any number of threads,
    /// before there are readers and before the first index, which replaces all files that were not adopted.
    ///
    /// # Errors
    ///
    /// [`Error::Name`].
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn adopt<T: Value>(&self, row: usize, name: &str) -> Result<Adoption<T>, Error> {
        let generations = self.state().earlier.remove(name).unwrap_or_default();
        let (adoption, others) = newest_whole(&self.directory, self.format, name, generations)?;
        let mut state = self.state();
        if let Some(adopted) = &adoption.adopted {
            let file = self.directory.file(name, adopted.generation)?;
            self.board.publish_row(row, adopted.generation);
            state.rows.insert(row, file.clone());
            // The writer that published the file may have been killed before it synced the file.
            state.unsettled.push(Unsettled {
                file,
                replaces: others,
            });
        } else {
            // They are unlinked when the first index settles.
            state.index.extend(others);
        }
        Ok(adoption)
    }

    /// Publishes `value` as `index.<generation>`. Returns the generation.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`], [`Error::Io`]. Readers see no change then.
    pub fn publish_index<I: Value>(&self, value: &I) -> Result<u64, Error> {
        let staging = self.directory.staging()?;
        staging.write(value, self.format)?;
        let mut state = self.state();
        let generation = state.generation + 1;
        let file = self.directory.index(generation);
        staging.number::<I>(self.format, generation)?;
        staging.rename(&file)?;
        self.board.publish_index(generation);
        state.generation = generation;
        let mut replaces = std::mem::replace(&mut state.index, vec![file.clone()]);
        for (name, generations) in std::mem::take(&mut state.earlier) {
            for generation in generations {
                replaces.push(self.directory.file(&name, generation)?);
            }
        }
        state.unsettled.push(Unsettled { file, replaces });
        Ok(generation)
    }

    /// Publishes `value` as `environments/<name>.<generation>`, the file of this row. Returns the generation.
    ///
    /// Readers see the value when this returns. The file that it replaces keeps its name until it has
    /// [settled](Self::settle).
    ///
    /// # Errors
    ///
    /// [`Error::Name`], [`Error::Archive`], [`Error::Io`]. Readers see no change then.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn publish<T: Value>(&self, row: usize, name: &str, value: &T) -> Result<u64, Error> {
        let staging = self.stage()?;
        staging.write(value, self.format)?;
        self.publish_staged::<T>(row, name, staging)
    }

    /// A file to be written by another process, with [`write_staged`](crate::write_staged).
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn stage(&self) -> Result<Staging, Error> {
        self.directory.staging()
    }

    /// As [`publish`](Self::publish), for a value that another process has written.
    ///
    /// # Errors
    ///
    /// As there; [`Error::Defective`] if the file does not hold a whole value of that type.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn publish_staged<T: Value>(
        &self,
        row: usize,
        name: &str,
        staging: Staging,
    ) -> Result<u64, Error> {
        // Panics if there is no such row.
        self.board.row_generation(row);
        let mut state = self.state();
        let generation = state.generation + 1;
        let file = self.directory.file(name, generation)?;
        let before = state.rows.get(&row).cloned();
        staging.number::<T>(self.format, generation)?;
        staging.rename(&file)?;
        self.board.publish_row(row, generation);
        state.generation = generation;
        state.rows.insert(row, file.clone());
        let replaces = before.into_iter().collect();
        state.unsettled.push(Unsettled { file, replaces });
        Ok(generation)
    }

    /// Gives up rows that the current index does not name any more: their files are unlinked when it has
    /// [settled](Self::settle). These rows must not be published again.
    pub fn retire(&self, rows: impl IntoIterator<Item = usize>) {
        let mut state = self.state();
        let replaces: Vec<PathBuf> = rows
            .into_iter()
            .filter_map(|row| state.rows.remove(&row))
            .collect();
        // After the index has settled, so that no power cut leaves an index that names files which are gone.
        if let Some(file) = state.index.first().cloned() {
            state.unsettled.push(Unsettled { file, replaces });
        }
    }

    /// Syncs all files that were published before, so that they survive a power cut, then unlinks those that they
    /// replace. Slow, but nothing else waits for it.
    ///
    /// Because of this order, a power cut leaves a row's newer file either whole, or torn and with the older one
    /// beside it; a torn file is refused because of its checksum. A file that was replaced before it was settled is
    /// never synced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]. The next call tries again.
    pub fn settle(&self) -> Result<(), Error> {
        let unsettled = std::mem::take(&mut self.state().unsettled);
        let settled = self.settle_all(&unsettled);
        if settled.is_err() {
            let mut state = self.state();
            let newer = std::mem::replace(&mut state.unsettled, unsettled);
            state.unsettled.extend(newer);
        }
        settled
    }

    /// Whether the file of this row still has its name; `true` if the row has no file. Also `true`, without a look,
    /// while another thread names a publication, so that the caller does not wait.
    pub fn is_in_place(&self, row: usize) -> bool {
        match self.state.try_lock() {
            Ok(state) => state
                .rows
                .get(&row)
                .is_none_or(|file| fs::symlink_metadata(file).is_ok()),
            Err(_) => true,
        }
    }

    fn settle_all(&self, unsettled: &[Unsettled]) -> Result<(), Error> {
        if unsettled.is_empty() {
            return Ok(());
        }
        let replaced: HashSet<&PathBuf> = unsettled.iter().flat_map(|one| &one.replaces).collect();
        unsettled
            .iter()
            .filter(|one| !replaced.contains(&one.file))
            .try_for_each(|one| sync(&one.file))?;
        self.directory.sync_names()?;
        replaced.into_iter().try_for_each(|path| unlink(path))
    }

    /// A thread that panicked with the lock has left the state consistent: it is changed only after a publication.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Publisher {
    /// Unlocks explicitly: a process that is being started at this moment may hold a copy of the descriptor.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}
