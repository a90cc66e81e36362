//! How long the pool waits.

use std::time::Duration;

use contract::heartbeat;

/// How long the pool waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Readiness fails so long before workers drain.
    pub(crate) shutdown_delay: Duration,
    /// Workers may take so long to finish the requests in progress.
    pub(crate) shutdown_timeout: Duration,
    /// A worker whose heartbeat is older is killed.
    pub(crate) heartbeat_timeout: Duration,
    /// A successor may take so long until it is ready.
    pub(crate) boot_timeout: Duration,
}

impl Times {
    /// The times that settings decide, and for the others what suits every machine.
    pub(crate) fn new(shutdown_delay: Duration, shutdown_timeout: Duration) -> Self {
        Self {
            shutdown_delay,
            shutdown_timeout,
            heartbeat_timeout: heartbeat::KILLED_AFTER,
            boot_timeout: Duration::from_secs(30),
        }
    }
}
