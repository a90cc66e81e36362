//! What can go wrong with a state directory, each with the act and the path. Knows nothing of what
//! to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a state directory, or a file in it, could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an act on a path.
    #[error("{act} {}", path.display())]
    Io {
        /// The act, as a verb phrase: `create directory`, `rename`.
        act: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another writer holds the directory.
    #[error("lock state directory {}: another process publishes there", directory.display())]
    Locked {
        /// The state directory.
        directory: PathBuf,
    },
    /// The directory belongs to somebody else, who could replace what readers trust.
    #[error(
        "use state directory {}: it belongs to user {owner}, not to user {user} who runs this; \
         name a directory inside it, which will be created",
        directory.display()
    )]
    Owner {
        /// The state directory.
        directory: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// Effective user id of this process.
        user: u32,
    },
    /// A reader found the directory open to others, who could replace what it trusts.
    #[error(
        "use state directory {}: mode {mode:03o} lets other users in, expected 700",
        directory.display()
    )]
    Permissions {
        /// The state directory.
        directory: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The name cannot be part of a file name.
    #[error("name a snapshot {name:?}: expected 1 to 64 of A-Z, a-z, 0-9, _ and -")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// The value cannot be archived (usually: it takes more than 2 GiB).
    #[error("archive {}", path.display())]
    Archive {
        /// The file it was meant for.
        path: PathBuf,
        /// What rkyv said.
        source: rkyv::rancor::Error,
    },
    /// The name is gone, because a newer generation replaced it: look at the board again.
    #[error("map {}: retired", path.display())]
    Retired {
        /// The file asked for.
        path: PathBuf,
    },
    /// A file is there, but it is not what was asked for.
    #[error("map {}: {defect}", path.display())]
    Defective {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        defect: Defect,
    },
}

/// What is wrong with a file, in the order in which it is looked for.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// It ends early.
    #[error("truncated: {found} bytes, expected {expected}")]
    Truncated {
        /// Bytes in the file.
        found: u64,
        /// Bytes that there should be, at least.
        expected: u64,
    },
    /// It does not begin with our magic.
    #[error("foreign: not written by a publisher")]
    Foreign,
    /// Its header, or the layout of the board, is of another release.
    #[error("header format {found}, expected {expected}")]
    HeaderFormat {
        /// The format in the file.
        found: u32,
        /// The one this release writes.
        expected: u32,
    },
    /// Its archived types are laid out as another release of the caller does.
    #[error("format {found}, expected {expected}")]
    Format {
        /// The format in the file.
        found: u32,
        /// The caller's.
        expected: u32,
    },
    /// A value of another type was archived in it.
    #[error("holds a value of another type")]
    Type,
    /// It was written for another generation than its name says.
    #[error("generation {found}, expected {expected}")]
    Generation {
        /// The generation in the file.
        found: u64,
        /// The one asked for.
        expected: u64,
    },
    /// It goes on after its end.
    #[error("length {found} bytes, expected {expected}")]
    Length {
        /// Bytes in the file.
        found: u64,
        /// Bytes that there should be.
        expected: u64,
    },
    /// Its payload is not the one that was written.
    #[error("checksum {found:016x}, expected {expected:016x}")]
    Checksum {
        /// The checksum of the payload.
        found: u64,
        /// The one in the header.
        expected: u64,
    },
    /// Its payload is as written, but no archive of the value's type.
    #[error("not a valid archive: {0}")]
    Invalid(rkyv::rancor::Error),
}

impl Error {
    pub(crate) fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            act,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn defective(path: &Path) -> impl FnOnce(Defect) -> Self {
        move |defect| Self::Defective {
            path: path.to_owned(),
            defect,
        }
    }
}
