//! The reader's view of a file, read in place. All unsafe code of the project is here. It relies on `directory` (who
//! may write), `publish` (what is written) and `header` (what is checked).
#![expect(
    unsafe_code,
    reason = "memory maps, and reading archives in place without validating them on every access"
)]

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;
use std::slice;
use std::sync::atomic::AtomicU64;

use memmap2::{Advice, Mmap, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use rkyv::rancor;

use crate::error::{Defect, Error};
use crate::header::{self, Trust};
use crate::private::{self, Access};
use crate::value::{self, Value};

/// A read-only view of a published value, which derefs to its archived form. It outlives the file's name. All
/// processes that map the same file share its pages.
pub struct Map<T: Value> {
    bytes: Mmap,
    // A map lends `&T::Archived`, so it is `Send` and `Sync` exactly where an owner of one is.
    value: PhantomData<Box<T::Archived>>,
}

impl<T: Value> Map<T> {
    /// Maps the file of `generation` at `path`.
    pub(crate) fn open(
        path: &Path,
        format: u32,
        generation: u64,
        trust: Trust,
    ) -> Result<Self, Error> {
        const { assert!(align_of::<T::Archived>() <= header::ALIGNMENT) };
        let file = match private::open(path, Access::Read) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Retired {
                    path: path.to_owned(),
                });
            }
            opened => opened?,
        };
        // SAFETY: nobody changes the bytes under the map. A file is written as `Staging` only, before it has the
        // name by which it was opened here. `Directory::existing` and `private::open` have checked that only this
        // user, who owns both, can reach the directory and the file.
        let bytes = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        if trust == Trust::Nothing {
            read_ahead(&bytes).map_err(Error::io("read", path))?;
        }
        let defective = Error::defective(path);
        let payload = match header::check(
            &bytes,
            value::identification::<T>(format, generation),
            trust,
        ) {
            Ok(payload) => payload,
            Err(defect) => return Err(defective(defect)),
        };
        // `deref` relies on this, whatever the header says.
        let least = size_of::<T::Archived>();
        if payload.len() < least {
            let expected = (header::LENGTH + least) as u64;
            return Err(defective(Defect::Truncated {
                found: bytes.len() as u64,
                expected,
            }));
        }
        if trust == Trust::Nothing
            && let Err(error) = rkyv::access::<T::Archived, rancor::Error>(payload)
        {
            return Err(defective(Defect::Invalid(error)));
        }
        Ok(Self {
            bytes,
            value: PhantomData,
        })
    }

    /// The length of the file, in bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }
}

impl<T: Value> Deref for Map<T> {
    type Target = T::Archived;

    fn deref(&self) -> &T::Archived {
        let payload = &self.bytes[header::LENGTH..];
        // SAFETY: the payload is an archive of `T` with its root at the end. `stage::write_staged` made it from a `T`
        // and wrote the type's fingerprint and the length into the header, and `open` compared both. If the writer was
        // not trusted, `open` has validated the archive. The payload is aligned: a map begins on a page, the header's
        // length is a multiple of the alignment, and `open` does not compile for a type that needs a larger one.
        unsafe { rkyv::access_unchecked::<T::Archived>(payload) }
    }
}

// Does not show the value, which is large and may be secret.
impl<T: Value> fmt::Debug for Map<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Map")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Reads a whole file into memory. A page that the disk cannot read is an error here; without this, the first access
/// to it in the map would kill the process.
fn read_ahead(bytes: &Mmap) -> io::Result<()> {
    match bytes.advise(Advice::PopulateRead) {
        // Linux before 5.14 does not know the advice. The file is then read page by page and trusted to be readable.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        populated => populated,
    }
}

/// What nobody can do to a sealed file.
pub(crate) const SEALS: SealFlag = SealFlag::F_SEAL_WRITE
    .union(SealFlag::F_SEAL_SHRINK)
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_SEAL);

/// A read-only view of a file in memory that nobody can change.
#[derive(Debug)]
pub(crate) struct SealedMap(Mmap);

impl SealedMap {
    /// Maps a file that is sealed.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let seals = fcntl(file, FcntlArg::F_GET_SEALS)?;
        if !SealFlag::from_bits_retain(seals).contains(SEALS) {
            return Err(io::Error::other("it is not sealed"));
        }
        // SAFETY: the kernel lets nobody write, shrink or grow the file, nor undo that: the seals were just read.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }
}

impl Deref for SealedMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A file of atomic words, shared for reading and writing with every process that maps it. The caller decides what they
/// mean, and trusts nothing in a file that another process may have left.
#[derive(Debug)]
pub struct Words {
    map: MmapRaw,
    count: usize,
    /// Holds the lock of [`open_locked`](Self::open_locked).
    _lock: Option<fs::File>,
}

impl Words {
    /// Maps a file of words. Its length does not change.
    ///
    /// # Errors
    ///
    /// [`Error::Defective`] if it is not a regular file of this user that is closed to all others; [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = private::open(path, Access::ReadAndWrite)?;
        Self::map(&file, path, None)
    }

    /// As [`open`](Self::open), alone among all that open it so: the file is locked until the words are dropped or the
    /// process ends, however it ends. `None` if another one holds the lock.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_locked(path: &Path) -> Result<Option<Self>, Error> {
        let file = private::open(path, Access::ReadAndWrite)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", path)(source)),
        }
        let lock = file.try_clone().map_err(Error::io("open", path))?;
        Self::map(&file, path, Some(lock)).map(Some)
    }

    /// As [`open`](Self::open), for a look only: it needs no right to write, and what is stored stays in this process.
    pub(crate) fn look_at(path: &Path) -> Result<Self, Error> {
        let file = private::open(path, Access::Read)?;
        // SAFETY: the bytes may change under the map, so no reference to them is ever made but those of `deref`, which
        // are atomic. The map is private, so a store changes only this process's copy of the page.
        let map = unsafe { MmapOptions::new().map_copy(&file) };
        let map = map.map_err(Error::io("map", path))?;
        Ok(Self::of(map.into(), None))
    }

    fn map(file: &fs::File, path: &Path, lock: Option<fs::File>) -> Result<Self, Error> {
        let map = MmapOptions::new()
            .map_raw(file)
            .map_err(Error::io("map", path))?;
        Ok(Self::of(map, lock))
    }

    fn of(map: MmapRaw, lock: Option<fs::File>) -> Self {
        let count = map.len() / size_of::<AtomicU64>();
        Self {
            map,
            count,
            _lock: lock,
        }
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        let first = self.map.as_ptr().cast::<AtomicU64>();
        // SAFETY: `count` words lie within the map, which begins on a page and lives as long as `self`. All processes
        // use them through this slice only, so every access is atomic. `Staging::fill` gives the file its
        // length before its name, and nobody changes the length afterwards.
        unsafe { slice::from_raw_parts(first, self.count) }
    }
}
