//! Opening files that nobody but this user can have made. Knows nothing of what is in them.
//!
//! Whatever else may lie under a name of ours, a link, a pipe, a directory, a device, a file of
//! somebody else, is told by its kind and not followed, waited for or read.

use std::fs::{self, Metadata, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::error::{Defect, Error, Kind};

/// What may be done with an opened file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Read,
    ReadAndWrite,
}

/// Opens a regular file of this user that is closed to all others. Never waits.
pub(crate) fn open(path: &Path, access: Access) -> Result<fs::File, Error> {
    let opened = OpenOptions::new()
        .read(true)
        .write(access == Access::ReadAndWrite)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path);
    let file = opened.map_err(|error| {
        // The kernel's words for a link or a socket would be of little help.
        match fs::symlink_metadata(path).map(|found| defect(&found)) {
            Ok(Some(defect)) => Error::defective(path)(defect),
            _ => Error::io("open", path)(error),
        }
    })?;
    let found = file.metadata().map_err(Error::io("examine", path))?;
    match defect(&found) {
        Some(defect) => Err(Error::defective(path)(defect)),
        None => Ok(file),
    }
}

fn defect(found: &Metadata) -> Option<Defect> {
    let kind = Kind::of(found.file_type());
    let (owner, user) = (found.uid(), nix::unistd::geteuid().as_raw());
    let mode = found.mode() & 0o7777;
    if kind != Kind::File {
        Some(Defect::Kind(kind))
    } else if owner != user {
        Some(Defect::Owner {
            found: owner,
            expected: user,
        })
    } else if mode & 0o077 != 0 {
        Some(Defect::Permissions { found: mode })
    } else {
        None
    }
}
