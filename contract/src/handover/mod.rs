//! The handover: all that the supervisor gives a worker when it starts it.
//!
//! What can be written down is JSON; no server-side key is in it. It is sent with the listening sockets through a Unix
//! socket, which is the worker's standard input (`sockets.rs`).

mod sockets;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::AdminToken;
use crate::settings;
use crate::settings::values;
pub use sockets::{HandoverError, SlotSockets, Sockets};

/// What a worker is told in writing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    /// The state directory in which the supervisor publishes.
    #[serde(with = "any_path")]
    pub directory: PathBuf,
    /// The worker's slot on the board.
    pub slot: usize,
    /// Process id of the supervisor, which the worker must not outlive.
    pub supervisor: u32,
    /// What opens the admin listener; `None` if everybody who reaches it may use it.
    pub admin_token: Option<AdminToken>,
    /// What the operator chose.
    pub settings: WorkerSettings,
}

settings! {
    /// What the operator chose for all workers.
    pub struct WorkerSettings {
        /// Origins whose pages may read answers; `*` among them means any.
        #[serde(deserialize_with = "values::origins")]
        pub allow_origins: Vec<String> = vec!["*".to_owned()],
        /// The section `server`.
        #[serde(rename = "server", deserialize_with = "values::section")]
        pub limits: Limits = Limits::default(),
    }

    /// What clients may use of one worker, and for how long.
    #[derive(Copy)]
    pub struct Limits {
        /// How many connections to hold open at most. A worker holds fewer if it may not open so many files.
        #[serde(deserialize_with = "values::count")]
        pub max_connections: usize = 16_384,
        /// The longest request body that is read, in bytes.
        #[serde(deserialize_with = "values::count")]
        pub max_body_bytes: usize = 1 << 20,
        /// How long the head of a request may take to arrive.
        #[serde(rename = "header_timeout_seconds", with = "values::positive_seconds")]
        pub header_timeout: Duration = Duration::from_secs(5),
        /// How long a request body may take to arrive, from the end of its head.
        #[serde(rename = "body_timeout_seconds", with = "values::positive_seconds")]
        pub body_timeout: Duration = Duration::from_secs(5),
        /// How long a connection may be silent in both directions. Counted in whole seconds, rounded up.
        #[serde(rename = "keep_alive_seconds", with = "values::positive_seconds")]
        pub keep_alive: Duration = Duration::from_secs(75),
        /// How long a drain may take.
        #[serde(rename = "shutdown_timeout_seconds", with = "values::seconds")]
        pub shutdown_timeout: Duration = Duration::from_secs(30),
    }
}

/// A path that need not be UTF-8, which it must be for serde.
mod any_path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}
