//! The end of a pool: readiness fails, then workers drain, and those that are left are killed.
//!
//! ```text
//! Delayed ---- shutdown_delay ----> Draining ---- shutdown_timeout ----> Killing ----> Over
//! ```
//!
//! A second request to stop goes to `Killing` from either.

use std::time::{Duration, Instant};

use contract::BoardWords;
use log::{debug, info, warn};
use nix::sys::signal::Signal;

use super::slots::Slots;
use crate::words::{Seconds, describe};
use contract::counted;

/// A killed process that waits for a broken disk never exits. It is waited for at most so long.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// A worker bounds its own drain and logs what it cut. It is killed so much later, so that it can.
const KILL_MARGIN: Duration = Duration::from_millis(500);

/// The phases of a shutdown. `None` is a time that never comes.
pub(super) enum Shutdown {
    /// Workers serve on, while readiness fails and load balancers notice.
    Delayed { until: Option<Instant> },
    /// Workers finish the requests in progress.
    Draining { until: Option<Instant> },
    /// Workers were killed.
    Killing { until: Option<Instant> },
    /// All workers have exited, or one cannot be killed.
    Over,
}

impl Shutdown {
    /// Begins with the delay, if there is one.
    pub(super) fn begin(slots: &mut Slots, delay: Duration, timeout: Duration) -> Self {
        if delay.is_zero() {
            return Self::drain(slots, timeout);
        }
        slots.board().set_draining();
        info!(seconds = delay.as_secs_f64(); "not ready any more; accepting stops in {}", Seconds(delay));
        Self::Delayed {
            until: after(delay),
        }
    }

    /// Tells every worker to finish its requests and exit.
    pub(super) fn drain(slots: &mut Slots, timeout: Duration) -> Self {
        close(slots);
        if slots.count() == 0 {
            return Self::Over;
        }
        info!(
            workers = slots.count(), seconds = timeout.as_secs_f64();
            "draining {} for at most {}",
            counted(slots.count(), "worker"),
            Seconds(timeout)
        );
        slots.signal(Signal::SIGTERM);
        Self::Draining {
            until: after(timeout.saturating_add(KILL_MARGIN)),
        }
    }

    fn kill(slots: &mut Slots, reason: &str) -> Self {
        close(slots);
        if slots.count() == 0 {
            return Self::Over;
        }
        let workers = counted(slots.count(), "worker");
        warn!("killing {workers}: {reason}");
        slots.signal(Signal::SIGKILL);
        Self::Killing {
            until: after(KILL_TIMEOUT),
        }
    }

    /// A second request to stop.
    pub(super) fn hurry(&mut self, slots: &mut Slots) {
        match self {
            Self::Delayed { .. } | Self::Draining { .. } => {
                *self = Self::kill(slots, "asked to stop again");
            }
            Self::Killing { .. } | Self::Over => {}
        }
    }

    /// Whether workers serve on.
    pub(super) fn is_delayed(&self) -> bool {
        matches!(self, Self::Delayed { .. })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// When the phase ends at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Delayed { until } | Self::Draining { until } | Self::Killing { until } => *until,
            Self::Over => None,
        }
    }

    /// Goes on to the next phase if this one has ended.
    pub(super) fn advance(&mut self, slots: &mut Slots, timeout: Duration) {
        let is_due = self.due().is_some_and(|due| due <= Instant::now());
        match self {
            Self::Delayed { .. } if is_due => *self = Self::drain(slots, timeout),
            Self::Draining { .. } | Self::Killing { .. } if has_exited(slots) => *self = Self::Over,
            Self::Draining { .. } if is_due => *self = Self::kill(slots, "shutdown timeout"),
            Self::Killing { .. } if is_due => *self = Self::Over,
            _ => {}
        }
    }
}

fn close(slots: &mut Slots) {
    slots.board().set_draining();
    slots.close();
    has_exited(slots);
}

/// Waits for workers that have exited. Returns whether none is left.
fn has_exited(slots: &mut Slots) -> bool {
    for exit in slots.reap() {
        if exit.status.success() {
            debug!(worker = exit.slot; "worker {} exited", exit.slot);
        } else {
            info!(worker = exit.slot; "worker {} exited: {}", exit.slot, describe(exit.status));
        }
    }
    slots.count() == 0
}

/// `None` if the time is beyond what the clock can show.
fn after(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}
