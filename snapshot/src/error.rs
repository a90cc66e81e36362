//! What can go wrong with a state directory. Each error names the act and the path.

use std::fmt;
use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Why a state directory, or a file in it, could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an act on a path.
    #[error("{act} {}", path.display())]
    Io {
        /// The act, as a verb phrase: `create directory`, `rename`.
        act: &'static str,
        /// The path it was done to.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another writer holds the directory.
    #[error("lock state directory {}: {} publishes there", directory.display(), Holder(*process))]
    Locked {
        /// The state directory.
        directory: PathBuf,
        /// The process that the lock file names; `None` if it names none that lives.
        process: Option<u32>,
    },
    /// The directory belongs to another user, who could replace files that readers trust.
    #[error(
        "use state directory {}: it belongs to user {owner}, not to user {user} who runs this; \
         give it over with `chown {user} {}`, or name a directory inside it, which will be created",
        directory.display(),
        Word(directory)
    )]
    Owner {
        /// The state directory, or the one inside it.
        directory: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// Effective user id of this process.
        user: u32,
    },
    /// The directory is open to other users, who could replace files that readers trust.
    #[error(
        "use state directory {}: mode {mode:03o} lets other users in, expected 700; \
         close it with `chmod 700 {}`",
        directory.display(),
        Word(directory)
    )]
    Permissions {
        /// The state directory.
        directory: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A warning: the directory was open to its group. Nothing in it was used.
    #[error(
        "trust what is in state directory {}: mode {mode:03o} let its group write there; closed it and starting \
         without (an fsGroup of Kubernetes leaves it alone with `fsGroupChangePolicy: OnRootMismatch`)",
        directory.display()
    )]
    WasOpen {
        /// The state directory.
        directory: PathBuf,
        /// The permission bits that it had.
        mode: u32,
    },
    /// A warning: anybody may rename or remove the directory. A directory in its place would not be trusted, so the
    /// only harm is that the next start does not find what was published.
    #[error(
        "rely on state directory {}: anybody may move it, because mode {mode:03o} of {} lets all \
         users write there; keep them from it with `chmod +t {}`",
        directory.display(),
        parent.display(),
        Word(parent)
    )]
    Parent {
        /// The state directory.
        directory: PathBuf,
        /// The directory above it that is open to all.
        parent: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A warning: something that is not ours had one of our names, and was moved aside.
    #[error("use {}: {found}; moved to {}", path.display(), moved.display())]
    Misplaced {
        /// Our name.
        path: PathBuf,
        /// What had that name.
        found: Kind,
        /// Its new name.
        moved: PathBuf,
    },
    /// The name cannot be part of a file name.
    #[error("name a snapshot {name:?}: expected 1 to 64 of A-Z, a-z, 0-9, _ and -")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// The value cannot be archived, usually because it takes more than 2 GiB.
    #[error("archive {}", path.display())]
    Archive {
        /// The file it was meant for.
        path: PathBuf,
        /// The error of rkyv.
        source: rkyv::rancor::Error,
    },
    /// The name is gone, because a newer generation replaced the file: look at the board again.
    #[error("map {}: retired", path.display())]
    Retired {
        /// The file asked for.
        path: PathBuf,
    },
    /// The file is there, but is not what was asked for.
    #[error("map {}: {defect}", path.display())]
    Defective {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        defect: Defect,
    },
}

/// What is wrong with a file, in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// It is not a regular file.
    #[error("{0}, expected a regular file")]
    Kind(Kind),
    /// It belongs to another user.
    #[error("it belongs to user {found}, expected {expected}")]
    Owner {
        /// User id of its owner.
        found: u32,
        /// Effective user id of this process.
        expected: u32,
    },
    /// Others may read or write it, so no publisher made it like this.
    #[error("mode {found:03o}, expected 600")]
    Permissions {
        /// Its permission bits.
        found: u32,
    },
    /// It ends early.
    #[error("truncated: {found} bytes, expected {expected}")]
    Truncated {
        /// Bytes in the file.
        found: u64,
        /// The least number of bytes expected.
        expected: u64,
    },
    /// It does not begin with our magic.
    #[error("foreign: not written by a publisher")]
    Foreign,
    /// Its header, or the layout of the board, is of another release of this crate.
    #[error("header format {found}, expected {expected}")]
    HeaderFormat {
        /// The format in the file.
        found: u32,
        /// The format of this release.
        expected: u32,
    },
    /// Its archived types are of another release of the caller.
    #[error("format {found}, expected {expected}")]
    Format {
        /// The format in the file.
        found: u32,
        /// The caller's format.
        expected: u32,
    },
    /// It holds a value of another type.
    #[error("holds a value of another type")]
    Type,
    /// Its header has another generation than its name.
    #[error("generation {found}, expected {expected}")]
    Generation {
        /// The generation in the file.
        found: u64,
        /// The generation asked for.
        expected: u64,
    },
    /// It is longer than it says.
    #[error("length {found} bytes, expected {expected}")]
    Length {
        /// Bytes in the file.
        found: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// Its payload is not as it was written.
    #[error("checksum {found:016x}, expected {expected:016x}")]
    Checksum {
        /// The checksum of the payload.
        found: u64,
        /// The checksum in the header.
        expected: u64,
    },
    /// Its payload is as it was written, but is not an archive of the value's type.
    #[error("not a valid archive: {0}")]
    Invalid(rkyv::rancor::Error),
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
}

impl Kind {
    pub(crate) fn of(kind: FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Link
        } else if kind.is_fifo() {
            Self::Fifo
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Device
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File => "a regular file",
            Self::Directory => "a directory",
            Self::Link => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(process) => write!(formatter, "process {process}"),
            None => formatter.write_str("another process"),
        }
    }
}

/// A path quoted as one word for a shell, so that a command in a message can be pasted.
struct Word<'path>(&'path Path);

impl fmt::Display for Word<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.display().to_string();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
        if !text.is_empty() && !text.starts_with('-') && text.bytes().all(is_plain) {
            formatter.write_str(&text)
        } else {
            write!(formatter, "'{}'", text.replace('\'', r"'\''"))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_a_shell_needs_it() {
        for (path, word) in [
            ("/var/lib/edge-proxy", "/var/lib/edge-proxy"),
            ("/a b", "'/a b'"),
            ("/it's", r"'/it'\''s'"),
            ("-rf", "'-rf'"),
            ("", "''"),
        ] {
            assert_eq!(Word(Path::new(path)).to_string(), word);
        }
    }
}
