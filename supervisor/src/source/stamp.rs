//! What tells one content of a file from another one.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Tells one content of a path from another one: the file that is there, its length, and when it was last changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    device: u64,
    file: u64,
    length: u64,
    /// In nanoseconds since 1970.
    modified: i128,
    changed: i128,
}

impl Stamp {
    /// What is there now; links are followed.
    pub(super) fn of_path(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&path.metadata()?))
    }

    pub(super) fn of(file: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: file.dev(),
            file: file.ino(),
            length: file.len(),
            modified: nanoseconds(file.mtime(), file.mtime_nsec()),
            changed: nanoseconds(file.ctime(), file.ctime_nsec()),
        }
    }
}
