//! What a worker gives up before it serves. An attacker who gets a worker to run code finds a process that can read the
//! state directory and answer on its sockets, and nothing else.
//!
//! By then everything else that a worker needs is open: its sockets, standard error, and the board, which is mapped for
//! writing. Landlock's rules are for directories, so snapshots that come later can be opened. Two things are lost: a
//! backtrace (`RUST_BACKTRACE`) has no names, because the executable cannot be read, and glibc takes the number of
//! cores from the kernel's scheduler and not from `/sys`.
//!
//! `/proc/<pid>` of a worker stays readable for its own user, so that its memory and descriptors can be watched. That
//! user can read the state directory anyway.

use std::fmt;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::sys::prctl;

/// The newest version of Landlock that this uses. An older kernel enforces the part that it knows.
const NEWEST: ABI = ABI::V10;

/// What was given up. Its text is for the log.
#[derive(Debug)]
pub(crate) struct Dropped {
    no_new_privileges: nix::Result<()>,
    landlock: Result<(RulesetStatus, LandlockStatus), Unrestricted>,
}

/// Why Landlock restricts nothing.
#[derive(Debug, thiserror::Error)]
enum Unrestricted {
    #[error("open the state directory: {0}")]
    Open(#[from] landlock::PathFdError),
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
}

/// Gives it up for the calling thread and all threads that it starts. To be called while there are no others.
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
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rule(readable)?
        .restrict_self()?;
    Ok((status.ruleset, status.landlock))
}

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.no_new_privileges {
            Ok(()) => write!(formatter, "no new privileges; ")?,
            Err(error) => write!(formatter, "new privileges are still possible: {error}; ")?,
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
