//! The handover: all that the supervisor gives a worker when it starts it, and how each side does its part.
//!
//! What can be written down is one argument of the command line, as JSON; no server-side key is in it. The listening
//! sockets are the worker's stdin and stdout.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::{dup2_stdin, dup2_stdout};
use serde::{Deserialize, Serialize};

use crate::settings;
use crate::settings::{Boolean, Count, Origins, PositiveSeconds, Seconds, as_values};

/// What a worker is told in writing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handover {
    /// The state directory in which the supervisor publishes.
    pub directory: PathBuf,
    /// The worker's slot on the board.
    pub slot: usize,
    /// Process id of the supervisor, which the worker must not outlive.
    pub supervisor: u32,
    /// The ring to append to; `None` if there is no room for one.
    pub ring: Option<u64>,
    /// Events have a host to go to.
    pub accepts_events: bool,
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
    }

    /// What clients say of traits.
    #[derive(Copy)]
    pub struct Traits {
        /// Whether traits of identities that are not transient go upstream. Otherwise they count for the answer alone.
        pub forward: bool as Boolean = false,
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
        /// How long requests in progress may take to finish when the proxy stops.
        #[names("shutdown_timeout_seconds")]
        pub shutdown_timeout: Duration as Seconds = Duration::from_secs(30),
    }
}

impl Handover {
    /// As an argument of the worker's command line.
    ///
    /// # Errors
    ///
    /// If the path of the directory is not UTF-8.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// From the argument of the worker's command line.
    ///
    /// # Errors
    ///
    /// If the text is not JSON of a handover.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

/// The listening sockets of one worker.
#[derive(Debug)]
pub struct Sockets {
    /// That of the worker's own slot.
    pub own: TcpListener,
    /// That of the neighbour's slot, which the worker accepts from while the neighbour does not. `None` if there is
    /// only one slot.
    pub neighbour: Option<TcpListener>,
}

impl Sockets {
    /// In the supervisor: makes them stdin and stdout of the worker that `command` starts.
    pub fn give(self, command: &mut Command) {
        let stdio = |socket: TcpListener| Stdio::from(OwnedFd::from(socket));
        command.stdin(stdio(self.own));
        command.stdout(self.neighbour.map_or_else(Stdio::null, stdio));
    }

    /// In the worker: takes them from stdin and stdout, which become `/dev/null`. While any descriptor of a socket is
    /// open, the kernel queues connections there, which a draining worker would never accept.
    ///
    /// # Errors
    ///
    /// If the descriptors cannot be duplicated or `/dev/null` cannot be opened.
    pub fn take() -> io::Result<Self> {
        let own = io::stdin().as_fd().try_clone_to_owned()?;
        dup2_stdin(File::open("/dev/null")?)?;
        let neighbour = io::stdout().as_fd().try_clone_to_owned()?;
        dup2_stdout(File::options().write(true).open("/dev/null")?)?;
        // Only a socket has an address.
        let neighbour = TcpListener::from(neighbour);
        Ok(Self {
            own: TcpListener::from(own),
            neighbour: neighbour.local_addr().is_ok().then_some(neighbour),
        })
    }
}
