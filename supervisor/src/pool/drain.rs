//! How the pool ends: no new connections, no successors, and a limit to waiting.

use std::time::{Duration, Instant};

use contract::{BoardWords, counted};
use log::{debug, info, warn};
use nix::sys::signal::Signal;

use super::{Error, Pool, State, described};
use crate::notice::Notices;
use crate::pool::listener;
use crate::schedule::Seconds;

/// How long a killed process may take to be gone. One that waits for a broken disk never is.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Workers know how long they may take. They get so much more before they are killed, or none could say what it cut.
const MARGIN: Duration = Duration::from_millis(500);

impl Pool {
    /// Goes on as before, while readiness fails and load balancers notice. A second request to stop ends that.
    pub(super) fn linger(&mut self, notices: &mut Notices) -> Result<(), Error> {
        self.board.set_draining();
        let delay = self.times.drain_delay;
        if delay.is_zero() {
            return Ok(());
        }
        info!("not ready any more; accepting stops in {}", Seconds(delay));
        let deadline = Instant::now().checked_add(delay);
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            if self.turn(notices, deadline)?.stop {
                self.impatient = true;
                break;
            }
        }
        Ok(())
    }

    /// Stops every worker and waits until they are gone. A second request to stop, or the end of the drain timeout,
    /// kills those that are left.
    pub(crate) fn drain(&mut self, notices: &mut Notices) -> Result<(), Error> {
        self.board.set_draining();
        self.end_roll();
        for listener in &self.listeners {
            if let Err(error) = listener::refuse(listener) {
                // Then who connects in the moment between the last look and the end is reset.
                debug!("refuse new connections: {error}");
            }
        }
        // The workers have the sockets, and empty them before they close them.
        self.listeners.clear();
        for slot in &mut self.slots {
            if let State::Waiting { .. } = slot.state {
                slot.state = State::Over;
            }
        }
        if self.running() > 0 && !self.impatient {
            info!(
                "draining {} for at most {}",
                counted(self.running(), "worker"),
                Seconds(self.times.drain_timeout)
            );
        }
        if !self.impatient {
            self.signal(Signal::SIGTERM);
            let timeout = self.times.drain_timeout.saturating_add(MARGIN);
            self.impatient = self.wait_for_end(notices, timeout, true)?;
        }
        if self.running() > 0 {
            let reason = if self.impatient {
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
