//! A process of a test: this binary again, running one ignored test on the directory named in its environment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DIRECTORY: &str = "TEST_DIRECTORY";
const SLOT: &str = "TEST_SLOT";

/// When a process of a test ends by itself: longer than anything takes on the slowest machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// This binary again, as one test. Killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts the ignored test of that name, which finds its directory and slot by [`handed_over`].
    ///
    /// # Panics
    ///
    /// If the process cannot be started.
    #[must_use]
    #[track_caller]
    pub fn start(test: &str, directory: &Path, slot: usize) -> Self {
        let child = Command::new(env::current_exe().expect("the path of this test"))
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(DIRECTORY, directory)
            .env(SLOT, slot.to_string())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        Self { child }
    }

    /// Fails the test if the process has ended.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    #[track_caller]
    pub fn assert_running(&mut self) {
        assert_eq!(
            self.child.try_wait().expect("the state of a process"),
            None,
            "the process has ended"
        );
    }

    /// Waits until it has ended by itself, which it does before its [`DEADLINE`].
    ///
    /// # Panics
    ///
    /// If it did not succeed.
    #[track_caller]
    pub fn succeed(mut self) {
        assert!(self.child.wait().expect("an exit status").success());
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
///
/// # Panics
///
/// If the slot is no number.
#[must_use]
pub fn handed_over() -> Option<(PathBuf, usize)> {
    let directory = env::var_os(DIRECTORY)?;
    let slot = env::var(SLOT).ok().and_then(|slot| slot.parse().ok());
    Some((directory.into(), slot.expect("a slot beside the directory")))
}
