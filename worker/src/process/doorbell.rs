//! The doorbell, as a worker hears it.

use std::io;

use actix_rt::signal::unix::{Signal, SignalKind, signal};
use contract::DOORBELL;

/// Ready each time the supervisor has rung.
pub(crate) fn listen() -> io::Result<Signal> {
    signal(SignalKind::from_raw(DOORBELL as i32))
}
