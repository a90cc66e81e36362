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

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snapshot::{Reader, WorkerState};

pub use serve::Error;

use process::slot::Slot;
use process::{descriptors, privilege};
use serve::Sockets;

/// All that a worker is given at its start, besides its listener. No key is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handover {
    /// The state directory that the supervisor publishes in.
    pub directory: PathBuf,
    /// Its slot on the board, which no other worker that lives has.
    pub slot: usize,
    /// Process id of the supervisor, which this worker must not outlive.
    pub supervisor: u32,
    /// What the operator chose.
    pub settings: Settings,
}

/// What the operator chose for every worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Origins whose pages may read answers; `*` among them means any.
    pub allow_origins: Vec<String>,
    /// How long a drain may take; whole seconds, a fraction counts as one more.
    pub drain_timeout: Duration,
    /// What a client may take of it.
    pub limits: Limits,
}

/// How much of a worker its clients may take, and for how long.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// How many connections to hold open at most; fewer where descriptors are short.
    pub connections: usize,
    /// The longest request body that is read, in bytes.
    pub body: usize,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long a body may take to arrive once its head has.
    pub body_timeout: Duration,
    /// How long a connection may be silent in both directions; whole seconds, a fraction counts as one more.
    pub silence: Duration,
}

/// Serves until TERM, then drains. Blocks; to be called once in a process, from its main thread. `beside` is the
/// listening socket of the neighbouring slot, if the board has one, and nothing to be used otherwise.
///
/// # Errors
///
/// Whatever keeps the worker from serving at all: the executable should exit in a way that tells the supervisor not
/// to try again. Once it serves, nothing that a request does ends it.
pub fn run(handover: Handover, listener: TcpListener, beside: OwnedFd) -> Result<(), Error> {
    let Handover {
        directory,
        slot,
        supervisor,
        mut settings,
    } = handover;
    serve::follow(supervisor)?;
    let possible = descriptors::raise_limit();
    settings.limits.connections = descriptors::fit(settings.limits.connections, possible, slot);
    let reader = Reader::open(&directory, engine::FORMAT).map_err(Error::Open)?;
    let slots = reader.board().shape().slots;
    if slot >= slots {
        return Err(Error::Slot { slot, slots });
    }
    // The board is mapped, which is all that is ever written to.
    log::debug!("worker {slot}: {}", privilege::drop(&directory));
    let reader = Arc::new(reader);
    let claimed = Slot::claim(Arc::clone(&reader), slot);
    let neighbour = reader.board().neighbour(slot);
    let sockets = Sockets {
        own: listener,
        neighbour: neighbour.map(|_| TcpListener::from(beside)),
    };
    let served = serve::until_stopped(&reader, slot, supervisor, settings, sockets);
    claimed.say(WorkerState::Exited);
    served
}
