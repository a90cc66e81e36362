//! A process of a test: this binary again, running one ignored test on the directory named in its environment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DIRECTORY: &str = "SNAPSHOT_TEST_DIRECTORY";
const SLOT: &str = "SNAPSHOT_TEST_SLOT";

/// Longer than anything here takes on the slowest machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// This binary again, as one test. Killed when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(test: &str, directory: &Path, slot: usize) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(DIRECTORY, directory)
            .env(SLOT, slot.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    pub(crate) fn assert_running(&mut self) {
        assert_eq!(
            self.child.try_wait().unwrap(),
            None,
            "the process has ended"
        );
    }

    /// Waits until it has ended by itself, which it does before its deadline.
    pub(crate) fn succeed(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The directory and slot that [`Process::start`] gave this process; `None` if a person runs the ignored tests.
pub(crate) fn handed_over() -> Option<(PathBuf, usize)> {
    let directory = env::var_os(DIRECTORY)?;
    Some((directory.into(), env::var(SLOT).unwrap().parse().unwrap()))
}
