//! All that a supervisor is told.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::forward::ForwardSettings;
use crate::poll::FetchRules;
use crate::pool::WorkerCommand;
use crate::pool::listener::Address;
use crate::publish::{CompileCommand, StateDirectory};
use crate::source::Source;
use contract::{KeyPair, Readiness};
use engine::CompileOptions;

/// All that a supervisor is told.
#[derive(Debug)]
pub struct Settings {
    /// The environments to serve. No two have the same client-side key.
    pub environments: Vec<KeyPair>,
    /// Where the documents come from.
    pub source: Source,
    /// The time from one fetch of an environment to the next, more than zero. It varies by a tenth either way.
    pub api_poll_frequency: Duration,
    /// When fetches are conditional.
    pub fetch_rules: FetchRules,
    /// What documents are compiled to.
    pub compile_options: CompileOptions,
    /// When the proxy is ready.
    pub readiness: Readiness,
    /// Where to publish. The directory is created if it does not exist.
    pub directory: StateDirectory,
    /// Where to listen for SDKs.
    pub public: Address,
    /// Where to listen for who runs the proxy; `None` for nowhere.
    pub admin: Option<Address>,
    /// The number of workers.
    pub workers: NonZeroUsize,
    /// Readiness fails so long before workers stop accepting, for load balancers to notice.
    pub shutdown_delay: Duration,
    /// Workers may take so long to finish the requests in progress before they are killed.
    pub shutdown_timeout: Duration,
    /// What goes back upstream.
    pub forward: ForwardSettings,
    /// Makes the command that starts the worker of a slot.
    pub worker: WorkerCommand,
    /// Makes the command of a process that compiles a large document.
    pub compile: CompileCommand,
}
