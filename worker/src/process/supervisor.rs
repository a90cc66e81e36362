//! The supervisor, which a worker must not outlive.

use std::time::Duration;

use actix_rt::time::sleep;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::error::Error;

/// How often to look whether the supervisor is gone.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The process id of the supervisor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supervisor(pub(crate) u32);

impl Supervisor {
    /// Makes the kernel send TERM to this worker when the supervisor dies, however it dies.
    pub(crate) fn follow(self) -> Result<(), Error> {
        prctl::set_pdeathsig(Signal::SIGTERM).map_err(Error::Follow)?;
        // The supervisor may have died after it started this process and before the line above.
        if self.is_gone() {
            return Err(Error::SupervisorGone { supervisor: self.0 });
        }
        Ok(())
    }

    /// Ready once the supervisor is gone. This looks more than once: TERM comes when the thread that started this
    /// worker ends, and the rest of the supervisor may end a moment later.
    pub(crate) async fn gone(self) {
        while !self.is_gone() {
            sleep(LOOK_INTERVAL).await;
        }
    }

    fn is_gone(self) -> bool {
        u32::try_from(getppid().as_raw()) != Ok(self.0)
    }
}
