//! What an earlier run left of a row: finding the newest whole file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::directory::Directory;
use crate::error::Error;
use crate::header::Trust;
use crate::map::Map;
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

/// Looks for the newest whole file with this name. Returns it, and the paths of all others.
pub(crate) fn newest_whole<T: Value>(
    directory: &Directory,
    format: u32,
    name: &str,
    mut generations: Vec<u64>,
) -> Result<(Adoption<T>, Vec<PathBuf>), Error> {
    generations.sort_unstable();
    let mut refused = Vec::new();
    let mut others = Vec::new();
    let mut adopted = None;
    while let Some(generation) = generations.pop() {
        let file = directory.file(name, generation)?;
        if adopted.is_none() {
            match verify(&file, format, generation) {
                Ok(whole) => {
                    adopted = Some(whole);
                    continue;
                }
                Err(error) => refused.push(error),
            }
        }
        others.push(file);
    }
    Ok((Adoption { adopted, refused }, others))
}

fn verify<T: Value>(file: &Path, format: u32, generation: u64) -> Result<Adopted<T>, Error> {
    let map = Map::open(file, format, generation, Trust::Nothing)?;
    let published = fs::symlink_metadata(file)
        .and_then(|metadata| metadata.modified())
        .map_err(Error::io("examine", file))?;
    Ok(Adopted {
        map,
        generation,
        published,
    })
}
