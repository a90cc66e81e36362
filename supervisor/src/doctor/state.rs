//! The state directory: whose it is, whether it can be written, and how much room there is.

use std::path::Path;

use contract::with_causes;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use snapshot::{Error, Inspector, Ownership};

use super::finding::{Finding, Status};
use crate::publish::StateDirectory;

const DIRECTORY: &str = "state.directory";
const ROOM: &str = "state.room";
/// Less room than this hardly holds the snapshots of a large environment, the old one beside the new.
const LITTLE_ROOM: u64 = 256 << 20;

pub(super) fn check(directory: &StateDirectory) -> Vec<Finding> {
    let mut findings = check_path(&directory.find());
    if let StateDirectory::FirstUsable { .. } = directory {
        // The proxy takes another one then.
        let failed = findings.iter_mut().filter(|it| it.status == Status::Failed);
        failed.for_each(|finding| finding.status = Status::Warning);
    }
    findings
}

fn check_path(directory: &Path) -> Vec<Finding> {
    let absolute = std::path::absolute(directory);
    let directory = absolute.as_deref().unwrap_or(directory);
    let shown = directory.display();
    let existing = directory.ancestors().find(|path| path.exists());
    let Some(existing) = existing else {
        return vec![Finding::failed(
            DIRECTORY,
            format!("nothing of {shown} exists"),
            "name an absolute path in snapshot.directory",
        )];
    };
    let mut findings = vec![
        if access(existing, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
            Finding::failed(
                DIRECTORY,
                format!("this user cannot write to {}", existing.display()),
                "mount a volume there that this user owns, or name another place in snapshot.directory",
            )
        } else if existing != directory {
            Finding::ok(DIRECTORY, format!("{shown} will be created"))
        } else {
            match Inspector::open(directory, engine::FORMAT)
                .and_then(|inspector| inspector.ownership())
            {
                Ok(Ownership::Free) => {
                    Finding::ok(DIRECTORY, format!("{shown} is this user's alone"))
                }
                Ok(Ownership::Held(Some(process))) => {
                    Finding::ok(DIRECTORY, format!("{shown} is in use by process {process}"))
                }
                Ok(Ownership::Held(None)) => {
                    Finding::ok(DIRECTORY, format!("{shown} is in use by a proxy"))
                }
                Err(error @ (Error::Owner { .. } | Error::Permissions { .. })) => Finding::failed(
                    DIRECTORY,
                    with_causes(&error),
                    "what other users could have written there is not trusted",
                ),
                Err(error) => Finding::failed(DIRECTORY, with_causes(&error), "examine that path"),
            }
        },
    ];
    if let Ok(volume) = statvfs(existing) {
        let free = volume
            .blocks_available()
            .saturating_mul(volume.fragment_size());
        let words = format!("{} MB are free in {}", free / 1_000_000, existing.display());
        findings.push(match free < LITTLE_ROOM {
            true => Finding::warning(
                ROOM,
                words,
                "make room for twice the snapshots: an edited one is written beside the old one",
            ),
            false => Finding::ok(ROOM, words),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_another_one_can_replace_does_not_fail() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let inside = file.path().join("state");
        let only = StateDirectory::Given(inside.clone());
        assert_eq!(check(&only)[0].status, Status::Failed);
        let first = StateDirectory::FirstUsable {
            lasting: vec![inside],
            temporary: Vec::new(),
        };
        assert_eq!(check(&first)[0].status, Status::Warning);
    }
}
