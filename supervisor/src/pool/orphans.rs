//! Reaping processes that are nobody's. Knows workers only as numbers not to touch.
//!
//! The first process of a container inherits every orphan in it, among them what a worker or a health check left
//! behind; unreaped, they fill the process table.

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};

/// Reaps every ended child but our `own`, whose exit status somebody is waiting for.
pub(crate) fn reap(own: &[u32]) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = waitid(Id::All, peek)
        && let Some(process) = status.pid()
    {
        if u32::try_from(process.as_raw()).is_ok_and(|process| own.contains(&process)) {
            // One that ended since it was last asked, and hides those behind it. Its own CHLD brings us back.
            return;
        }
        if waitpid(process, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}
