//! What a worker gives up before it serves: whoever gets it to run code of theirs finds a process that may read the
//! state directory and answer on its sockets, and nothing else. Knows nothing of what is served.
//!
//! Everything else a worker needs is open by then: its sockets, standard error, and the board, which it writes to where
//! it is mapped. Rules go by directory, so that snapshots which come later can be opened. Two things are lost that a
//! worker can do without: a backtrace (`RUST_BACKTRACE`) has no names, as the executable cannot be read; and glibc
//! takes the number of cores from the kernel's scheduler, not from `/sys`.
//!
//! `/proc/<pid>` of a worker stays readable for its own user: it is how memory and descriptors are watched, and who is
//! that user can read the state directory anyway.

use std::fmt;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::sys::prctl;

/// The newest that is asked for. A kernel that knows less of it grants what it knows.
const ASKED: ABI = ABI::V10;

/// What the kernel granted.
#[derive(Debug)]
pub(crate) struct Dropped {
    no_new_privileges: nix::Result<()>,
    landlock: Result<(RulesetStatus, LandlockStatus), Unrestricted>,
}

/// Why there is no Landlock.
#[derive(Debug, thiserror::Error)]
enum Unrestricted {
    #[error("open the state directory: {0}")]
    Open(#[from] landlock::PathFdError),
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
}

/// Drops it for the calling thread and those that it starts: to be called before there are others.
pub(crate) fn drop(directory: &Path) -> Dropped {
    Dropped {
        no_new_privileges: prctl::set_no_new_privs(),
        landlock: restrict(directory),
    }
}

fn restrict(directory: &Path) -> Result<(RulesetStatus, LandlockStatus), Unrestricted> {
    let readable = PathBeneath::new(
        PathFd::new(directory)?,
        AccessFs::ReadFile | AccessFs::ReadDir,
    );
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?
        .add_rule(readable)?
        .restrict_self()?;
    Ok((status.ruleset, status.landlock))
}

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.no_new_privileges {
            Ok(()) => write!(formatter, "no new privileges; ")?,
            Err(error) => write!(formatter, "new privileges not given up: {error}; ")?,
        }
        match &self.landlock {
            Ok((RulesetStatus::NotEnforced, LandlockStatus::NotEnabled)) => {
                write!(
                    formatter,
                    "files and network not restricted: Landlock is not enabled here"
                )
            }
            Ok((RulesetStatus::NotEnforced, _)) => {
                write!(
                    formatter,
                    "files and network not restricted: this kernel has no Landlock"
                )
            }
            Ok((_, LandlockStatus::Available { effective_abi, .. })) => write!(
                formatter,
                "Landlock {}: reads the state directory, no other file{}",
                *effective_abi as i32,
                match *effective_abi {
                    ABI::V1 | ABI::V2 | ABI::V3 => "; the network is not restricted",
                    _ => ", and makes no connection",
                }
            ),
            Ok((status, _)) => write!(formatter, "Landlock {status:?}"),
            Err(error) => write!(formatter, "files and network not restricted: {error}"),
        }
    }
}
