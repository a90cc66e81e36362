//! The data plane: one process, one of N, that answers SDK requests from the current snapshots. It reads shared
//! memory and its own socket, and nothing else: it polls no upstream and makes no outgoing connection.
//!
//! A request goes `serve` → `door` → `responder` → `route` → one of `flags`, `identities`, `document`, `health`; what they
//! answer from is in `current`, which keeps a `place` for each environment that was asked for, with what is `held` of
//! it; what they refuse is in `refusal`, and `cors` marks whatever leaves.

mod connections;
mod endpoints;
mod environments;
mod http;
mod process;
mod serve;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use contract::{Handover, Sockets, WorkerState};
use snapshot::Reader;

pub use serve::Error;

use process::slot::Slot;
use process::{descriptors, privilege};

/// Serves until TERM, then drains. Blocks; to be called once in a process, from its main thread.
///
/// # Errors
///
/// Whatever keeps the worker from serving at all: the executable should exit in a way that tells the supervisor not
/// to try again. Once it serves, nothing that a request does ends it.
pub fn run(handover: Handover, sockets: Sockets) -> Result<(), Error> {
    let Handover {
        directory,
        slot,
        supervisor,
        mut settings,
    } = handover;
    serve::follow(supervisor)?;
    let possible = descriptors::raise_limit();
    let limits = &mut settings.limits;
    limits.max_connections = descriptors::fit(limits.max_connections, possible, slot);
    let reader = Reader::open(&directory, engine::FORMAT).map_err(Error::Open)?;
    let slots = reader.board().shape().slots;
    if slot >= slots {
        return Err(Error::Slot { slot, slots });
    }
    // The board is mapped, which is all that is ever written to.
    log::debug!("worker {slot}: {}", privilege::drop(&directory));
    let reader = Arc::new(reader);
    let claimed = Slot::claim(Arc::clone(&reader), slot);
    let served = serve::until_stopped(&reader, slot, supervisor, settings, sockets);
    claimed.say(WorkerState::Exited);
    served
}
