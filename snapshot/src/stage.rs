//! A file that is being written and has no name yet: `staging` or, beside others that are written at the same time,
//! `staging-1`, `staging-2` and so on.
//!
//! Header and archive are written as they are made, so that they never lie in memory as a whole.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::posix_fallocate;
use rkyv::api::high::to_bytes_in;

use crate::error::Error;
use crate::header;
use crate::payload::Payload;
use crate::value::{self, Value};

const NAME: &str = "staging";
const PRIVATE_FILE: u32 = 0o600;

/// A file that is being written. It is removed when this is dropped, unless it got its name.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    file: File,
    /// Given back after the file was removed.
    _number: Option<Number>,
}

/// The numbers of the staging files that exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(Arc<Mutex<BTreeSet<usize>>>);

/// One of these, until it is dropped.
#[derive(Debug)]
struct Number {
    number: usize,
    taken: Numbers,
}

/// Writes `value` to a file that the writer of the directory has [staged](crate::Publisher::stage) in another process.
/// `path` names it in errors.
///
/// # Errors
///
/// [`Error::Archive`]; [`Error::Io`].
pub fn write_staged<T: Value>(
    file: &File,
    path: &Path,
    format: u32,
    value: &T,
) -> Result<(), Error> {
    let mut payload = Payload::of(file);
    let archived = to_bytes_in(value, &mut payload);
    let archived = archived.map(drop).and_then(|()| payload.flush());
    archived.map_err(|source| match payload.failure.take() {
        Some(failure) => Error::io("write", path)(failure),
        None => Error::Archive {
            path: path.to_owned(),
            source,
        },
    })?;
    // The generation is 0 so far, because archiving takes long and is done before it is the value's turn to be
    // numbered.
    let identification = value::identification::<T>(format, 0);
    let header = header::of(identification, payload.written, payload.checksum.digest());
    file.write_all_at(&header, 0)
        .map_err(Error::io("write", path))
}

impl Staging {
    /// A new empty file in this directory.
    pub(crate) fn create(directory: &Path, numbers: &Numbers) -> Result<Self, Error> {
        let number = numbers.take();
        let path = match number.number {
            0 => directory.join(NAME),
            number => directory.join(format!("{NAME}-{number}")),
        };
        let mut staging = Self::at(path)?;
        staging._number = Some(number);
        Ok(staging)
    }

    /// A new empty file. One of that name was left by a failure or by an earlier run.
    pub(crate) fn at(path: PathBuf) -> Result<Self, Error> {
        unlink(&path)?;
        let created = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path);
        Ok(Self {
            file: created.map_err(Error::io("create", &path))?,
            path,
            _number: None,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `content` and zeros up to `length`, whose room on disk is allocated: a process that writes to a map of
    /// the file would be killed if the disk were full.
    pub(crate) fn fill(&self, content: &[u8], length: usize) -> Result<(), Error> {
        self.file
            .write_all_at(content, 0)
            .map_err(Error::io("write", &self.path))?;
        if length > content.len() {
            let reserve = Error::io("reserve room for", &self.path);
            let length = i64::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge.into());
            length
                .and_then(|length| Ok(posix_fallocate(&self.file, 0, length)?))
                .map_err(reserve)?;
        }
        Ok(())
    }

    /// Archives `value` here.
    pub(crate) fn write<T: Value>(&self, value: &T, format: u32) -> Result<(), Error> {
        write_staged(&self.file, &self.path, format, value)
    }

    /// Checks that a whole value of this type was written here, and numbers it. The payload is trusted.
    pub(crate) fn number<T: Value>(&self, format: u32, generation: u64) -> Result<(), Error> {
        let mut header = [0; header::LENGTH];
        let read = self.file.metadata().and_then(|found| {
            let length = found.len().min(header::LENGTH as u64);
            let header = header.split_at_mut(usize::try_from(length).unwrap_or(0)).0;
            self.file.read_exact_at(header, 0)?;
            Ok(found.len())
        });
        let length = read.map_err(Error::io("read", &self.path))?;
        header::check_length(length)
            .and_then(|payload| {
                header::check_fields(&header, payload, value::identification::<T>(format, 0))
            })
            .map_err(Error::defective(&self.path))?;
        self.file
            .write_all_at(&generation.to_le_bytes(), header::GENERATION.start as u64)
            .map_err(Error::io("write", &self.path))
    }

    /// The file, for another process to [write](write_staged).
    ///
    /// # Errors
    ///
    /// This process has too many descriptors.
    pub fn share(&self) -> Result<File, Error> {
        let shared = self.file.try_clone();
        shared.map_err(Error::io("share", &self.path))
    }

    /// Gives the file its name. A file that had that name keeps its content for those who have it open. Does not sync,
    /// which is slow: readers need not wait for that.
    pub(crate) fn rename(self, path: &Path) -> Result<(), Error> {
        fs::rename(&self.path, path).map_err(Error::io("rename the staged file to", path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It has another name by now, or an error that says more than one of tidying up was returned.
        let _ = unlink(&self.path);
    }
}

impl Numbers {
    /// Takes the lowest free number.
    fn take(&self) -> Number {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers = 0..;
        let free = numbers.find(|number| !taken.contains(number));
        let number = free.unwrap_or_default();
        taken.insert(number);
        Number {
            number,
            taken: self.clone(),
        }
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut taken = self.taken.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.number);
    }
}

/// Whether a file of this name is, or was, a staging file.
pub(crate) fn is_staging(name: &str) -> bool {
    let rest = name.strip_prefix(NAME);
    rest.is_some_and(|rest| {
        let number = rest.strip_prefix('-').map(str::parse::<usize>);
        rest.is_empty() || number.is_some_and(|number| number.is_ok())
    })
}

/// Removes a name. `Ok` if the name is gone already, or is that of a directory, which we did not make.
pub(crate) fn unlink(path: &Path) -> Result<(), Error> {
    use io::ErrorKind::{IsADirectory, NotFound};
    match fs::remove_file(path) {
        Err(source) if !matches!(source.kind(), NotFound | IsADirectory) => {
            Err(Error::io("unlink", path)(source))
        }
        _ => Ok(()),
    }
}
