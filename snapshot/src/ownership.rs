//! Who owns a directory, and who else can write there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::error::Error;

const PRIVATE: u32 = 0o700;
const ALL: u32 = 0o7777;
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;
const ALL_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// For the writer: refuses a directory that others own or can write to, because what they wrote may be forged and
/// closing the directory would come too late. Closes one that others can only read. Returns other findings as
/// warnings.
pub(crate) fn claim(path: &Path) -> Result<Vec<Error>, Error> {
    let mode = mode_if_ours(path)?;
    if mode & OTHERS_WRITE != 0 {
        return Err(open_to_others(path, mode));
    }
    if mode & OTHERS != 0 {
        close(path)?;
    }
    Ok(parent_open_to_all(path).into_iter().collect())
}

/// For the writer: closes a directory that is within a claimed one, where nobody else can have written.
pub(crate) fn claim_inside(path: &Path) -> Result<(), Error> {
    if mode_if_ours(path)? & OTHERS != 0 {
        close(path)?;
    }
    Ok(())
}

/// For a reader: refuses a directory that is not as a writer leaves it.
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    let mode = mode_if_ours(path)?;
    if mode & OTHERS != 0 {
        return Err(open_to_others(path, mode));
    }
    Ok(())
}

/// The permission bits, if the directory, and a link to it, belong to this user.
fn mode_if_ours(path: &Path) -> Result<u32, Error> {
    let user = nix::unistd::geteuid().as_raw();
    let refused = |owner| Error::Owner {
        directory: path.to_owned(),
        owner,
        user,
    };
    let act = Error::io("examine state directory", path);
    let (link, target) = fs::symlink_metadata(path)
        .and_then(|link| Ok((link, fs::metadata(path)?)))
        .map_err(act)?;
    // A link by the administrator is fine: systemd makes one for a dynamic user. A link by anybody else, for example
    // in a temporary directory, could lead our files anywhere.
    if link.is_symlink() && link.uid() != user && link.uid() != 0 {
        return Err(refused(link.uid()));
    }
    if target.uid() != user {
        return Err(refused(target.uid()));
    }
    Ok(target.mode() & ALL)
}

fn close(path: &Path) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(PRIVATE))
        .map_err(Error::io("restrict the permissions of", path))
}

fn open_to_others(path: &Path, mode: u32) -> Error {
    Error::Permissions {
        directory: path.to_owned(),
        mode,
    }
}

/// The nearest directory above in which anybody may rename the files of others, as a warning.
fn parent_open_to_all(path: &Path) -> Option<Error> {
    let whole = path.canonicalize().ok()?;
    whole.ancestors().skip(1).find_map(|parent| {
        let mode = fs::metadata(parent).ok()?.mode() & ALL;
        (mode & ALL_WRITE != 0 && mode & STICKY == 0).then(|| Error::Parent {
            directory: path.to_owned(),
            parent: parent.to_owned(),
            mode,
        })
    })
}
