//! The doorbell: the signal by which the supervisor tells workers to look at the board.

use nix::sys::signal::Signal;

/// A snapshot or an index was published, or a worker ended. The kernel ignores this signal by default, so it does no
/// harm to a worker that has not installed its handler yet. Signals coalesce: one may stand for several events.
pub const DOORBELL: Signal = Signal::SIGURG;
