//! Which state directory the supervisor publishes in: the one that it is given, or the first of several that it can
//! use.

use std::path::{Path, PathBuf};

use log::warn;
use snapshot::{Inspector, Publisher, Shape};

use crate::error::Error;
use contract::with_causes;

/// The directory that is made in one that is not ours alone.
const INSIDE: &str = "edge-proxy";
/// So many proxies of one user can share a directory for temporary files.
const MOST_TEMPORARY: u32 = 64;

/// Where to publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StateDirectory {
    /// There and nowhere else.
    Given(PathBuf),
    /// In the first directory that can be used, and that no other proxy uses.
    FirstUsable {
        /// Those in which the next start finds what this run leaves.
        lasting: Vec<PathBuf>,
        /// Directories for temporary files. Each proxy makes one of its own inside.
        temporary: Vec<PathBuf>,
    },
}

impl StateDirectory {
    /// Where a proxy of this user that was told the same publishes, if one does; otherwise the first choice.
    pub fn find(&self) -> PathBuf {
        let choices: Vec<PathBuf> = match self {
            Self::Given(path) => vec![path.clone()],
            Self::FirstUsable { lasting, temporary } => {
                let lasting = lasting.iter();
                let lasting = lasting.flat_map(|path| [path.clone(), path.join(INSIDE)]);
                let temporary = temporary.iter().map(|parent| in_temporary(parent, 1));
                lasting.chain(temporary).collect()
            }
        };
        let published = choices.iter().find(|path| Inspector::finds_board(path));
        published.or(choices.first()).cloned().unwrap_or_default()
    }

    /// Takes possession of a directory. Where it is not the first choice, a warning says why, and what that costs.
    pub(crate) fn open(&self, shape: Shape) -> Result<(Publisher, PathBuf), Error> {
        let (lasting, temporary) = match self {
            Self::Given(path) => {
                let publisher = Publisher::open(path, shape).map_err(Error::Publish)?;
                return Ok((publisher, path.clone()));
            }
            Self::FirstUsable { lasting, temporary } => (lasting, temporary),
        };
        let mut refused = Vec::new();
        for path in lasting {
            if let Some((publisher, path)) = open_lasting(path, shape, &mut refused) {
                if !refused.is_empty() {
                    warn!("publishing in {}: {}", path.display(), refused.join("; "));
                }
                return Ok((publisher, path));
            }
        }
        if lasting.is_empty() {
            refused.push("neither STATE_DIRECTORY nor HOME is set".to_owned());
        }
        for parent in temporary {
            match open_temporary(parent, shape) {
                Ok((publisher, path)) => {
                    warn!(
                        "publishing in {}, which the next start may not find: then it waits for upstream before it \
                         serves; {}",
                        path.display(),
                        refused.join("; ")
                    );
                    return Ok((publisher, path));
                }
                Err(error) => refused.push(with_causes(&error)),
            }
        }
        Err(Error::NoDirectory(refused.join("; ")))
    }
}

/// Opens this directory, or one inside it where it is not ours alone: a volume usually belongs to root. What was
/// refused is added to `refused`.
fn open_lasting(
    path: &Path,
    shape: Shape,
    refused: &mut Vec<String>,
) -> Option<(Publisher, PathBuf)> {
    let mut path = path.to_owned();
    let mut may_go_inside = true;
    loop {
        match Publisher::open(&path, shape) {
            Ok(publisher) => return Some((publisher, path)),
            Err(error) => {
                refused.push(with_causes(&error));
                if !may_go_inside || !is_of_others(&error) {
                    return None;
                }
                may_go_inside = false;
                path.push(INSIDE);
            }
        }
    }
}

fn is_of_others(error: &snapshot::Error) -> bool {
    use snapshot::Error::{Owner, Permissions};
    matches!(error, Owner { .. } | Permissions { .. })
}

/// Opens this user's directory in `parent`, or one with a number where that belongs to another proxy or another user.
fn open_temporary(parent: &Path, shape: Shape) -> Result<(Publisher, PathBuf), snapshot::Error> {
    let mut number = 1;
    loop {
        let path = in_temporary(parent, number);
        match Publisher::open(&path, shape) {
            Ok(publisher) => return Ok((publisher, path)),
            Err(error) => {
                let is_taken = matches!(error, snapshot::Error::Locked { .. });
                if number == MOST_TEMPORARY || !is_taken && !is_of_others(&error) {
                    return Err(error);
                }
                number += 1;
            }
        }
    }
}

/// The directory with this number of this user.
fn in_temporary(parent: &Path, number: u32) -> PathBuf {
    let user = nix::unistd::geteuid();
    parent.join(match number {
        1 => format!("edge-proxy-{user}"),
        number => format!("edge-proxy-{user}-{number}"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SHAPE: Shape = contract::board_shape(1, 1, 1);

    /// With these names in a directory; `file` in it is a file, in which no directory can be made.
    fn first_usable(lasting: &[&str], temporary: &[&str]) -> (tempfile::TempDir, StateDirectory) {
        let within = tempfile::tempdir().unwrap();
        fs::write(within.path().join("file"), "").unwrap();
        let paths = |names: &[&str]| {
            let names = names.iter();
            names.map(|name| within.path().join(name)).collect()
        };
        let directory = StateDirectory::FirstUsable {
            lasting: paths(lasting),
            temporary: paths(temporary),
        };
        (within, directory)
    }

    #[test]
    fn the_first_that_can_be_used_is() {
        for (lasting, temporary, expected) in [
            (&["a", "b"][..], &["t"][..], "a"),
            (&["file/a", "b"], &["t"], "b"),
            (&["file/a"], &["file/t", "t"], "t/edge-proxy-"),
            (&[], &["t"], "t/edge-proxy-"),
        ] {
            let (within, directory) = first_usable(lasting, temporary);
            let (_publisher, path) = directory.open(SHAPE).unwrap();
            assert_eq!(directory.find(), path);
            let expected = within.path().join(expected).display().to_string();
            let path = path.display().to_string();
            assert!(path.starts_with(&expected), "{path}");
        }
    }

    #[test]
    fn without_one_the_error_says_what_was_tried() {
        let (within, directory) = first_usable(&["file/a"], &["file/t", "file/u"]);
        assert_eq!(directory.find(), within.path().join("file/a"));
        let error = directory.open(SHAPE).unwrap_err().to_string();
        for name in ["file/a", "file/t/edge-proxy-", "file/u/edge-proxy-"] {
            let path = within.path().join(name).display().to_string();
            assert!(error.contains(&path), "{error}");
        }
    }

    #[test]
    fn a_given_directory_is_the_only_one() {
        let (within, _) = first_usable(&[], &[]);
        let directory = StateDirectory::Given(within.path().join("file"));
        assert!(matches!(directory.open(SHAPE), Err(Error::Publish(_))));
    }

    #[test]
    fn proxies_of_one_user_do_not_share_a_directory() {
        let (_within, directory) = first_usable(&["a"], &["t"]);
        let running: Vec<_> = (0..3).map(|_| directory.open(SHAPE).unwrap()).collect();
        let paths: Vec<_> = running.iter().map(|(_, path)| path).collect();
        assert!(paths[0].ends_with("a"));
        assert!(paths[1].ends_with(format!("t/edge-proxy-{}", nix::unistd::geteuid())));
        assert!(paths[2].ends_with(format!("t/edge-proxy-{}-2", nix::unistd::geteuid())));
    }

    #[test]
    fn a_volume_that_is_not_ours_alone_holds_one_that_is() {
        let (within, directory) = first_usable(&["a"], &["t"]);
        let volume = within.path().join("a");
        fs::create_dir(&volume).unwrap();
        fs::set_permissions(&volume, Permissions::from_mode(0o2770)).unwrap();
        let (_publisher, path) = directory.open(SHAPE).unwrap();
        assert_eq!(path, volume.join("edge-proxy"));
        assert_eq!(directory.find(), path);
    }

    #[test]
    fn what_others_can_write_to_is_passed_over() {
        let (within, directory) = first_usable(&[], &["t"]);
        let open = within
            .path()
            .join(format!("t/edge-proxy-{}", nix::unistd::geteuid()));
        fs::create_dir_all(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let (_publisher, path) = directory.open(SHAPE).unwrap();
        assert_ne!(path, open);
    }
}
