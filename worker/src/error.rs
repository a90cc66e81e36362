//! What keeps a worker from serving.

use std::io;

/// Why a worker could not boot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refuses to send a signal when the supervisor dies.
    #[error("ask for a signal when the supervisor dies")]
    Follow(#[source] nix::Error),
    /// The supervisor died before this worker could follow it.
    #[error("follow supervisor {supervisor}: it is gone")]
    SupervisorGone {
        /// Its process id.
        supervisor: u32,
    },
    /// The state directory cannot be read.
    #[error("open the state directory")]
    Open(#[source] snapshot::Error),
    /// The board has no such slot.
    #[error("take slot {slot}: the board has {slots}")]
    Slot {
        /// The slot that this worker was given.
        slot: usize,
        /// How many slots there are.
        slots: usize,
    },
    /// The index that the board names cannot be mapped.
    #[error("map the current index")]
    Map(#[source] snapshot::Error),
    /// The runtime or its signals cannot be set up.
    #[error("set up the runtime")]
    Runtime(#[source] io::Error),
    /// The socket of the slot is no listening socket, or HTTP cannot be set up.
    #[error("serve on the socket of this slot")]
    Serve(#[source] io::Error),
}
