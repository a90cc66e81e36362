//! Making a file of atomic words in a directory that only this user can enter.

use std::path::Path;

use crate::error::Error;
use crate::map::Words;
use crate::stage::Staging;

impl Words {
    /// Makes a file of `count` words, of which the first are given and the others 0. It gets its name when it is whole,
    /// and all of its room on disk is allocated: no process that writes to it is killed because the disk is full.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], for example without room. There is no file then.
    pub fn create(path: &Path, first: &[u64], count: usize) -> Result<(), Error> {
        let content: Vec<u8> = first.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let length = count.saturating_mul(size_of::<u64>());
        let staging = Staging::at(path.with_extension("staging"))?;
        staging.fill(&content, length)?;
        staging.rename(path)
    }
}
