//! The handover: all that the supervisor gives a worker when it starts it.
//!
//! What can be written down is JSON; no server-side key is in it. It is sent with the listening sockets through a Unix
//! socket, which is the worker's standard input (`sockets.rs`).

mod sockets;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Token;
use crate::logging::Logging;
use crate::settings;
use crate::settings::{
    BasePath, Boolean, Count, OrNone, Origins, PositiveSeconds, Seconds, Text, as_values,
};
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
    pub admin_token: Option<Token>,
    /// What a request must carry that asks for a fetch; `None` if none may.
    pub sse_authentication_token: Option<Token>,
    /// The ring to append to; `None` if there is no room for one.
    pub ring: Option<u64>,
    /// Events have a host to go to.
    pub accepts_events: bool,
    /// Upstream is told how many requests each environment has answered.
    pub reports_usage: bool,
    /// What the operator chose.
    #[serde(with = "as_values")]
    pub settings: WorkerSettings,
}

settings! {
    /// What the operator chose for all workers.
    pub struct WorkerSettings {
        /// Origins whose pages may read answers: a list, or one text.
        pub allow_origins: Vec<String> as Origins = vec!["*".to_owned()],
        /// What clients may use.
        #[names("server")]
        pub limits: Limits,
        /// What clients say of traits.
        pub traits: Traits,
        /// Streams that tell clients of changes.
        #[names("realtime")]
        pub streams: StreamSettings,
        /// Where the endpoints are.
        #[names("server")]
        pub paths: Paths,
        /// Whom to believe about clients.
        #[names("server")]
        pub forwarding: Forwarding,
        /// What OFREP requests need.
        pub ofrep: OfrepSettings,
        /// The log.
        pub logging: Logging,
        /// What metrics tell.
        pub metrics: MetricsSettings,
    }

    /// Streams that tell clients of changes.
    #[derive(Copy)]
    pub struct StreamSettings {
        /// Streams that one worker holds open, fewer where its limit of open files is lower. They do not count as
        /// connections. One more is refused with 503.
        pub max_streams: usize as Count = 8_192,
        /// How long a stream lasts before it ends cleanly and the client opens another one, varied by a tenth. Several
        /// SDKs see changes late or not at all in streams that last for ever.
        #[names("stream_seconds")]
        pub lasts: Duration as PositiveSeconds = Duration::from_secs(30),
    }

    /// What metrics tell.
    #[derive(Copy)]
    pub struct MetricsSettings {
        /// Up to so many environments have metrics of their own, each about 0.9 kB of text and 10 µs of a worker's time
        /// in each scrape. If there are more, none has, and the metrics of all environments together remain.
        pub max_environments: usize as Count = 250,
    }

    /// What clients say of traits.
    #[derive(Copy)]
    pub struct Traits {
        /// Whether traits of identities that are not transient go upstream. Otherwise they count for the answer alone.
        pub forward: bool as Boolean = false,
    }

    /// What OFREP requests need.
    #[derive(Copy)]
    pub struct OfrepSettings {
        /// Whether an OFREP request without a `targetingKey` is refused (`TARGETING_KEY_MISSING`). Otherwise it gets
        /// the flags of the environment, as from `/api/v1/flags/`.
        pub require_targeting_key: bool as Boolean = false,
    }

    /// Where the endpoints are.
    pub struct Paths {
        /// What paths may begin with, for an ingress that does not remove it. Paths without it are served as well.
        pub base_path: Option<String> as OrNone<BasePath> = None,
    }

    /// Which proxies may say who a client is. The access log names it.
    pub struct Forwarding {
        /// Whether the header `X-Forwarded-For` of trusted proxies says who the client is, in the access log.
        pub proxy_headers: bool as Boolean = false,
        /// The proxies that are trusted: addresses and networks with commas between them, or `*` for all. The variable
        /// `FORWARDED_ALLOW_IPS` sets it, too.
        pub forwarded_allow_ips: String as Text = "127.0.0.1".to_owned(),
    }

    /// What clients may use of one worker, and for how long.
    #[derive(Copy)]
    pub struct Limits {
        /// Connections that one worker holds open, fewer where its limit of open files is lower. At the limit, those
        /// that wait for a request are closed for new ones, the longest idle first. Only when all are busy do new ones
        /// wait.
        pub max_connections: usize as Count = 16_384,
        /// The longest request body that is read.
        pub max_body_bytes: usize as Count = 1 << 20,
        /// How long the head of a request may take to arrive.
        #[names("header_timeout_seconds")]
        pub header_timeout: Duration as PositiveSeconds = Duration::from_secs(5),
        /// How long the body of a request may take to arrive, from the end of its head.
        #[names("body_timeout_seconds")]
        pub body_timeout: Duration as PositiveSeconds = Duration::from_secs(5),
        /// How long a connection may be silent in both directions before it is closed. Counted in whole seconds,
        /// rounded up.
        #[names("keep_alive_seconds", "timeout_keep_alive")]
        pub keep_alive: Duration as PositiveSeconds = Duration::from_secs(75),
        /// How long requests in progress may take to finish when the proxy stops. Docker kills it after 10 seconds.
        #[names("shutdown_timeout_seconds")]
        pub shutdown_timeout: Duration as Seconds = Duration::from_secs(8),
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
