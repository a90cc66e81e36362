//! The state directory: its lock, the names of its files, and how a file gets its name.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::ownership;
use crate::private::{self, Access};
use crate::stage::{Numbers, Staging, is_staging, unlink};

pub(crate) const BOARD: &str = "board";
const PRIVATE_DIRECTORY: u32 = 0o700;
/// A file with a higher generation in its name is not ours: nobody can have published so often.
const LAST_GENERATION: u64 = u64::MAX >> 1;
const LONGEST_NAME: usize = 64;
/// How long a lock may outlive its holder.
const LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// A state directory that belongs to this user alone.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    staging: Numbers,
}

/// What a directory holds of earlier runs: the generations in the names of its files.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) indexes: Vec<u64>,
    /// By the name before the generation.
    pub(crate) rows: HashMap<String, Vec<u64>>,
    /// The highest of all, 0 if there are none.
    pub(crate) newest: u64,
    /// What lies among the files of rows under another name.
    pub(crate) foreign: Vec<PathBuf>,
}

impl Directory {
    /// For the writer: creates the directory if it is missing, and refuses one that is not ours alone.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        create_private(path)?;
        let directory = Self::at(path);
        ownership::examine(&directory.path, || private::is_ours(&directory.board()))?;
        Ok(directory)
    }

    /// For a reader: refuses a directory that is not as a writer leaves it.
    pub(crate) fn existing(path: &Path) -> Result<Self, Error> {
        ownership::check(path)?;
        Ok(Self::at(path))
    }

    fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            staging: Numbers::default(),
        }
    }

    /// Takes the lock, which is held until the returned file is dropped or its process is gone. The directory itself
    /// is locked, because a file in it could be replaced.
    pub(crate) fn lock(&self) -> Result<fs::File, Error> {
        let directory = fs::File::open(&self.path).map_err(Error::io("open", &self.path))?;
        let started = Instant::now();
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(directory),
                // If a writer was killed while it started another process, that process keeps the lock until it runs
                // its own program.
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => {
                    thread::sleep(LOCK_TIMEOUT / 20);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked {
                        directory: self.path.clone(),
                        process: self.holder(),
                    });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::io("lock state directory", &self.path)(source));
                }
            }
        }
    }

    /// For the holder of the lock: closes the directory to others, writes the lock file and makes room for the other
    /// files. If others could write there, what earlier runs left is unlinked. A directory, or a file in place of a
    /// directory, that has one of our names is moved aside, because it is not ours to remove. Returns warnings.
    pub(crate) fn prepare(&self) -> Result<Vec<Error>, Error> {
        let was_open = ownership::close(&self.path)?;
        let mut warnings = Vec::from_iter(ownership::parent_open_to_all(&self.path));
        let staging = names(&self.path)?
            .into_iter()
            .filter(|name| is_staging(name));
        let staging: Vec<PathBuf> = staging.map(|name| self.path.join(name)).collect();
        for path in staging.iter().chain(&[self.board(), self.lock_file()]) {
            // Everything else is replaced when a file gets that name.
            if kind(path)? == Some(Kind::Directory) {
                warnings.push(set_aside(path.clone(), Kind::Directory)?);
            }
        }
        let environments = self.environments();
        match kind(&environments)? {
            None | Some(Kind::Directory) => {}
            Some(other) => warnings.push(set_aside(environments.clone(), other)?),
        }
        create_private(&environments)?;
        ownership::close(&environments)?;
        staging.iter().try_for_each(|path| unlink(path))?;
        if let Some(mode) = was_open {
            self.clear()?;
            let directory = self.path.clone();
            warnings.push(Error::WasOpen { directory, mode });
        }
        // For people only, so a full disk must not prevent the start.
        let _ = self.stage(format!("{}\n", process::id()).as_bytes(), &self.lock_file());
        Ok(warnings)
    }

    /// Unlinks all files of earlier runs.
    fn clear(&self) -> Result<(), Error> {
        let found = self.found()?;
        unlink(&self.board())?;
        for generation in found.indexes {
            unlink(&self.index(generation))?;
        }
        for (name, generations) in found.rows {
            for generation in generations {
                unlink(&self.file(&name, generation)?)?;
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The process that the lock file names, if it lives.
    pub(crate) fn holder(&self) -> Option<u32> {
        let mut text = String::new();
        private::open(&self.lock_file(), Access::Read)
            .ok()?
            .take(32)
            .read_to_string(&mut text)
            .ok()?;
        let process = text.trim_end().parse().ok()?;
        let lives = Path::new("/proc").join(format!("{process}")).exists();
        lives.then_some(process)
    }

    pub(crate) fn board(&self) -> PathBuf {
        self.path.join(BOARD)
    }

    pub(crate) fn index(&self, generation: u64) -> PathBuf {
        self.path.join(format!("index.{generation}"))
    }

    /// Refuses a name that could lead elsewhere.
    pub(crate) fn file(&self, name: &str, generation: u64) -> Result<PathBuf, Error> {
        if !is_name(name) {
            return Err(Error::Name {
                name: name.to_owned(),
            });
        }
        Ok(self.environments().join(format!("{name}.{generation}")))
    }

    /// A file to write before it has a name.
    pub(crate) fn staging(&self) -> Result<Staging, Error> {
        Staging::create(&self.path, &self.staging)
    }

    /// Writes `content` to a staging file, then renames it to `path`.
    pub(crate) fn stage(&self, content: &[u8], path: &Path) -> Result<(), Error> {
        self.stage_with_room(content, content.len(), path)
    }

    /// As [`stage`](Self::stage), with zeros up to `length`.
    pub(crate) fn stage_with_room(
        &self,
        content: &[u8],
        length: usize,
        path: &Path,
    ) -> Result<(), Error> {
        let staging = self.staging()?;
        staging.fill(content, length)?;
        staging.rename(path)
    }

    /// Finds all files that have a generation in their name. Files of any other name are not ours.
    pub(crate) fn found(&self) -> Result<Found, Error> {
        let mut found = Found::default();
        for name in names(&self.path)? {
            if let Some(("index", generation)) = split(&name) {
                found.indexes.push(generation);
                found.newest = found.newest.max(generation);
            }
        }
        for name in names(&self.environments())? {
            let Some((stem, generation)) = split(&name).filter(|(stem, _)| is_name(stem)) else {
                found.foreign.push(self.environments().join(name));
                continue;
            };
            found
                .rows
                .entry(stem.to_owned())
                .or_default()
                .push(generation);
            found.newest = found.newest.max(generation);
        }
        Ok(found)
    }

    /// Syncs the directories, so that all names given so far survive a power cut.
    pub(crate) fn sync_names(&self) -> Result<(), Error> {
        [&self.path, &self.environments()]
            .into_iter()
            .try_for_each(|directory| {
                fs::File::open(directory)
                    .and_then(|directory| directory.sync_all())
                    .map_err(Error::io("sync", directory))
            })
    }

    fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    fn environments(&self) -> PathBuf {
        self.path.join("environments")
    }
}

fn kind(path: &Path) -> Result<Option<Kind>, Error> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(Kind::of(found.file_type()))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("examine", path)(source)),
    }
}

/// Renames what is at `path` to a free name beside it.
fn set_aside(path: PathBuf, found: Kind) -> Result<Error, Error> {
    let mut moved = path.clone();
    for number in 1_u32.. {
        moved.set_extension(format!("moved-{number}"));
        if kind(&moved)?.is_none() {
            break;
        }
    }
    fs::rename(&path, &moved).map_err(Error::io("move out of the way", &path))?;
    Ok(Error::Misplaced { path, found, moved })
}

/// Syncs the content of a file, so that it survives a power cut. `Ok` if the name is gone.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    match fs::File::open(path).and_then(|file| file.sync_data()) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("sync", path)(source))
        }
        _ => Ok(()),
    }
}

fn create_private(path: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_DIRECTORY)
        .create(path)
        .map_err(Error::io("create directory", path))
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Splits `<stem>.<generation>`, in which the generation is as we write it: no sign, no leading zero, and low enough
/// to count on from.
fn split(name: &str) -> Option<(&str, u64)> {
    let (stem, text) = name.rsplit_once('.')?;
    let generation: u64 = text.parse().ok()?;
    (generation <= LAST_GENERATION && generation.to_string() == text).then_some((stem, generation))
}

fn names(directory: &Path) -> Result<Vec<String>, Error> {
    fs::read_dir(directory)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()))
                .collect::<io::Result<_>>()
        })
        .map_err(Error::io("list", directory))
}
