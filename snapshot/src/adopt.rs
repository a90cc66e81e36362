//! Adopting what an earlier run left: the warm start of a writer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::board::Board;
use crate::error::Error;
use crate::header::Trust;
use crate::map::Map;
use crate::publish::{Publisher, Unsettled};
use crate::value::Value;

/// What became of a row's files from earlier runs.
#[derive(Debug)]
pub struct Adoption<T: Value> {
    /// The newest whole file, which is the row's file now.
    pub adopted: Option<Adopted<T>>,
    /// Why each newer file was refused.
    pub refused: Vec<Error>,
}

/// A file of an earlier run that is still served.
#[derive(Debug)]
pub struct Adopted<T: Value> {
    /// Its value.
    pub map: Map<T>,
    /// Its generation, as in its name.
    pub generation: u64,
    /// When it was published.
    pub published: SystemTime,
}

impl Publisher {
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
        let mut generations = self.state().earlier.remove(name).unwrap_or_default();
        generations.sort_unstable();
        let mut refused = Vec::new();
        let mut unfit = Vec::new();
        while let Some(generation) = generations.pop() {
            let file = self.directory.file(name, generation)?;
            match self.verify(&file, generation) {
                Ok(adopted) => {
                    for older in generations {
                        unfit.push(self.directory.file(name, older)?);
                    }
                    self.serve(row, generation, file, unfit);
                    let adopted = Some(adopted);
                    return Ok(Adoption { adopted, refused });
                }
                Err(error) => {
                    refused.push(error);
                    unfit.push(file);
                }
            }
        }
        // They are unlinked when the first index settles.
        self.state().index.append(&mut unfit);
        let adopted = None;
        Ok(Adoption { adopted, refused })
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

    fn verify<T: Value>(&self, file: &Path, generation: u64) -> Result<Adopted<T>, Error> {
        let map = Map::open(file, self.format, generation, Trust::Nothing)?;
        let published = fs::symlink_metadata(file)
            .and_then(|metadata| metadata.modified())
            .map_err(Error::io("examine", file))?;
        Ok(Adopted {
            map,
            generation,
            published,
        })
    }

    fn serve(&self, row: usize, generation: u64, file: PathBuf, replaces: Vec<PathBuf>) {
        let mut state = self.state();
        self.board.publish_row(row, generation);
        state.rows.insert(row, file.clone());
        // A writer that was killed may not have synced the file.
        state.unsettled.push(Unsettled { file, replaces });
    }
}
