//! How the pool ends: no new connections, no successors, and a limit to waiting.

use std::time::{Duration, Instant};

use log::{debug, info, warn};
use nix::sys::signal::Signal;

use super::{Error, Pool, State, described};
use crate::counted;
use crate::notice::Notices;
use crate::schedule::Seconds;

/// How long a killed process may take to be gone. One that waits for a broken disk never is.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

impl Pool {
    /// Stops every worker and waits until they are gone. A second request to stop, or the end of the drain timeout,
    /// kills those that are left.
    pub(crate) fn drain(&mut self, notices: &mut Notices) -> Result<(), Error> {
        self.board.set_draining();
        self.end_roll();
        self.listeners.clear();
        for slot in &mut self.slots {
            if let State::Waiting { .. } = slot.state {
                slot.state = State::Over;
            }
        }
        if self.running() > 0 {
            info!(
                "draining {} for at most {}",
                counted(self.running(), "worker"),
                Seconds(self.drain_timeout)
            );
        }
        self.signal(Signal::SIGTERM);
        let impatient = self.wait_for_end(notices, self.drain_timeout, true)?;
        if self.running() > 0 {
            let reason = if impatient {
                "asked to stop again"
            } else {
                "not done in time"
            };
            warn!("killing {}: {reason}", counted(self.running(), "worker"));
            self.signal(Signal::SIGKILL);
            self.wait_for_end(notices, KILL_TIMEOUT, false)?;
        }
        Ok(())
    }

    /// Returns whether a request to stop cut the wait short.
    fn wait_for_end(
        &mut self,
        notices: &mut Notices,
        timeout: Duration,
        interruptible: bool,
    ) -> Result<bool, Error> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            self.bury();
            let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if self.running() == 0 || over {
                return Ok(false);
            }
            let noticed = notices.wait(deadline).map_err(Error::Wait)?;
            if noticed.stop && interruptible {
                self.bury();
                return Ok(true);
            }
        }
    }

    /// Takes note of workers that ended as they should.
    fn bury(&mut self) {
        self.bury_leaving();
        for (slot, status, _) in self.ended() {
            if status.success() {
                debug!("worker {slot} exited");
            } else {
                info!("worker {slot} exited: {}", described(status));
            }
        }
    }
}
