//! Short-lived processes of this one, which are no workers. Each belongs to a thread that waits for it.
//!
//! As the first process of a container this one also reaps orphans, which look like any other child. So it keeps the
//! numbers of its own.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The numbers of the processes that were started and are not waited for yet.
static STARTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Locks the numbers of these processes: none starts and none is waited for meanwhile.
pub(crate) fn started() -> MutexGuard<'static, Vec<u32>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    stderr: ChildStderr,
}

/// Why a process has no end of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    #[error("it took longer than {}", crate::words::Seconds(*.0))]
    Slow(Duration),
    #[error("it said more than {0} bytes")]
    Talkative(usize),
    #[error("read what it says: {0}")]
    Read(#[from] io::Error),
}

impl Process {
    /// Starts a process, to read its stderr.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        command.stderr(Stdio::piped());
        // Held until the number is known: an orphan's reaper must not take its exit status.
        let mut started = started();
        let mut child = command.spawn()?;
        started.push(child.id());
        let stderr = child.stderr.take();
        let stderr = stderr.ok_or_else(|| io::Error::other("it has no stderr"))?;
        Ok(Self { child, stderr })
    }

    /// Waits until it ends. Returns what it said and its exit status.
    pub(crate) fn finish(
        mut self,
        timeout: Duration,
        longest: usize,
    ) -> Result<(Vec<u8>, ExitStatus), Unfinished> {
        let deadline = Instant::now() + timeout;
        let mut said = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unfinished::Slow(timeout));
            }
            let readable = PollFd::new(self.stderr.as_fd(), PollFlags::POLLIN);
            let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [readable], left) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            match self.stderr.read(&mut piece)? {
                0 => break,
                length if said.len() + length > longest => {
                    return Err(Unfinished::Talkative(longest));
                }
                length => said.extend_from_slice(&piece[..length]),
            }
        }
        // It has closed its stderr, which is the last that it does.
        let status = self.child.wait()?;
        Ok((said, status))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails if the process was waited for, and then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        started().retain(|number| *number != self.child.id());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Process {
        Process::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn what_a_process_said_and_how_it_ended_is_told() {
        let (said, status) = shell("echo one >&2; echo two >&2; exit 3")
            .finish(LONG, 100)
            .unwrap();
        assert_eq!(said, b"one\ntwo\n");
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn a_process_that_does_not_end_or_talks_without_end_is_killed() {
        let slow = shell("exec sleep 600");
        let number = slow.child.id();
        assert!(started().contains(&number));
        let error = slow.finish(Duration::from_millis(50), 100).unwrap_err();
        assert_eq!(error.to_string(), "it took longer than 0.1 s");
        assert!(!started().contains(&number));
        assert!(!std::path::Path::new(&format!("/proc/{number}")).exists());

        let talkative = shell("yes >&2").finish(LONG, 10_000).unwrap_err();
        assert_eq!(talkative.to_string(), "it said more than 10000 bytes");
    }
}
