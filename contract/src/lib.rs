//! What supervisor and workers agree on, written once: the conversation of the two processes.
//!
//! # How a worker starts
//!
//! The supervisor starts its own executable again, once for each slot: `edge-proxy worker`. Its standard input is a
//! Unix socket that holds the [`Handover`] as JSON (state directory, slot, process id of the supervisor, settings) and
//! the [listening sockets](Sockets) of its slot and of the neighbour's. Standard error is the log, shared with the
//! supervisor.
//!
//! The supervisor keeps all listening sockets open, so a worker's death loses no connection that waits in a queue.
//! The worker [takes](Handover::take) them, asks the kernel for TERM when the supervisor dies, maps the board
//! and claims its slot, which the supervisor does too. A worker that cannot do all of that exits with [`EX_BOOT`]: a
//! replacement could not either. So the supervisor drains and exits or, if it was replacing workers after a reload,
//! keeps the old ones.
//!
//! # What they tell each other
//!
//! Nobody waits for an answer. Each side writes what it has to say into shared memory, and the other side looks:
//!
//! | what | where | from |
//! |---|---|---|
//! | which key opens which row | the [`Index`] | supervisor |
//! | which snapshot of a row is current | generations of the board ([`snapshot::Board`]) | supervisor |
//! | that a document should be fetched now | a word of its row | worker |
//! | how fetches went, whether the proxy drains | words of the board ([`BoardWords`]) | supervisor |
//! | what a worker has counted ([`Counters`]) | its slot's lines of the board | worker |
//! | what a worker does ([`WorkerState`]), its [`heartbeat`] | its slot's line of the board | worker |
//!
//! A worker [knocks](Knocker) when the supervisor should look at once. The supervisor sends signals:
//!
//! | signal | to | meaning |
//! |---|---|---|
//! | [`DOORBELL`] | all workers | look at the board: something was published, or a worker ended |
//! | TERM | a worker | drain and exit; from the supervisor, or from the kernel when the supervisor is gone |
//! | KILL | a worker | its heartbeat is older than [`heartbeat::KILLED_AFTER`], or its drain or boot took too long |
//!
//! # How a worker ends
//!
//! A drained worker exits with 0. Any other end while the proxy serves, except a boot failure, makes the supervisor
//! start a replacement in the same slot.

mod board;
mod doorbell;
mod exit;
mod expiry;
mod failure;
mod handover;
pub mod heartbeat;
mod index;
pub mod key;
mod knock;
mod logging;
pub mod origin;
mod proxy_key;
pub mod settings;
mod token;
mod wording;
mod worker_state;

pub use board::{
    Backlog, BoardWords, Closed, Counters, Ended, Endpoint, EnvironmentWords, Fetch, Histogram,
    Memory, ProxyWords, STATUS_CLASSES, Totals, board_shape,
};
pub use doorbell::DOORBELL;
pub use exit::{EX_BOOT, EX_CONFIG, EX_FAILURE, is_boot_failure};
pub use expiry::Expiry;
pub use failure::Failure;
pub use handover::{
    Forwarding, Handover, HandoverError, Limits, MetricsSettings, OfrepSettings, Paths,
    SlotSockets, Sockets, StreamSettings, Traits, WorkerSettings,
};
pub use index::{
    ArchivedIndex, ArchivedIndexEntry, ByKey, Index, IndexEntry, Readiness, ReadyWhen,
    ServerSideRow,
};
pub use key::{KeyPair, ServerSideKey};
pub use knock::{Knocker, knock};
pub use logging::{EventFieldName, LogFormat, LogLevel, Logging, Override};
pub use proxy_key::{PROXY_KEY_PREFIX, ProxyKey};
pub use token::Token;
pub use wording::{counted, with_causes};
pub use worker_state::WorkerState;
