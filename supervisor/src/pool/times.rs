//! How long the pool waits.

use std::time::Duration;

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
            // A worker writes its heartbeat every half a second. This is long enough for a machine with twenty times the
            // work that it can do, and short enough for clients, whose new connections the neighbour serves earlier.
            heartbeat_timeout: Duration::from_secs(10),
            boot_timeout: Duration::from_secs(30),
        }
    }
}
