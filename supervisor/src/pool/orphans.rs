//! Reaps orphans.
//!
//! The first process of a container inherits every orphan in it, for instance of a worker or of a health check. Orphans
//! that are not reaped fill the process table.

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};

/// Reaps every child that has exited, except our `own`, whose exit statuses are needed.
pub(super) fn reap(own: &[u32]) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = waitid(Id::All, peek)
        && let Some(process) = status.pid()
    {
        if u32::try_from(process.as_raw()).is_ok_and(|process| own.contains(&process)) {
            // One of ours has exited since it was asked. It hides the orphans behind it; its own CHLD brings us back.
            return;
        }
        if waitpid(process, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}
