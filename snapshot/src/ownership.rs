//! Who owns a directory, and who else can write there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::error::Error;

const PRIVATE: u32 = 0o700;
const ALL: u32 = 0o7777;
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;
const GROUP_WRITE: u32 = 0o020;
const ALL_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// For the writer: refuses a directory that others own or can write to, because what they wrote may be forged and
/// closing the directory would come too late. The exception is one that an earlier run made and that was opened to its
/// group since then: Kubernetes does so with each start of a pod that has an `fsGroup`. Nothing in it is to be trusted.
pub(crate) fn examine(path: &Path, made_by_us: impl FnOnce() -> bool) -> Result<(), Error> {
    let mode = mode_if_ours(path)?;
    if mode & ALL_WRITE != 0 || mode & GROUP_WRITE != 0 && !made_by_us() {
        return Err(open_to_others(path, mode));
    }
    Ok(())
}

/// For the writer: closes a directory to others. Returns its permissions if they could write there.
pub(crate) fn close(path: &Path) -> Result<Option<u32>, Error> {
    let mode = mode_if_ours(path)?;
    if mode & OTHERS != 0 {
        fs::set_permissions(path, Permissions::from_mode(PRIVATE))
            .map_err(Error::io("restrict the permissions of", path))?;
    }
    Ok((mode & OTHERS_WRITE != 0).then_some(mode))
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

fn open_to_others(path: &Path, mode: u32) -> Error {
    Error::Permissions {
        directory: path.to_owned(),
        mode,
    }
}

/// The nearest directory above in which anybody may rename the files of others, as a warning.
pub(crate) fn parent_open_to_all(path: &Path) -> Option<Error> {
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
