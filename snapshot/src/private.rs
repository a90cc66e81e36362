//! Opening files that only this user can have made.
//!
//! Anything else under one of our names (a link, a pipe, a directory, a device, a file of another user) is an error
//! that names its kind. It is not followed, waited for or read.

use std::fs::{self, Metadata, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::error::{Defect, Error, Kind};

/// What a file is opened for.
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
        // The kernel's errors for a link or a socket are misleading, such as `Too many levels of symbolic links`.
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

/// Whether this is a regular file of this user, whoever else can write to it.
pub(crate) fn is_ours(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_ok_and(|found| {
        let defect = defect(&found);
        matches!(defect, None | Some(Defect::Permissions { .. }))
    })
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
