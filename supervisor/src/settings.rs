//! All that a supervisor is told.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::forward::ForwardSettings;
use crate::poll::FetchRules;
use crate::pool::WorkerCommand;
use crate::pool::listener::Address;
use crate::publish::{CompileCommand, StateDirectory};
use crate::source::Source;
use crate::source::realtime::RealtimeSettings;
use contract::{KeyPair, Readiness, ReadyWhen};
use engine::CompileOptions;

/// All that a supervisor is told.
#[derive(Debug)]
pub struct Settings {
    /// The environments that are configured. No two have the same client-side key. The source may list more.
    pub environments: Vec<KeyPair>,
    /// Where the documents come from.
    pub source: Source,
    /// The time from one fetch of an environment to the next, more than zero. It varies by a tenth either way.
    pub api_poll_frequency: Duration,
    /// Realtime beside polling, if it is on.
    pub realtime: Option<RealtimeSettings>,
    /// When fetches are conditional.
    pub fetch_rules: FetchRules,
    /// What documents are compiled to.
    pub compile_options: CompileOptions,
    /// How old the document of each environment may be beyond a poll before the proxy is not ready; `None` for any
    /// age.
    pub grace_period: Option<Duration>,
    /// How many environments have to be current.
    pub ready_when: ReadyWhen,
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

impl Settings {
    /// When the proxy is ready that serves so many environments. An environment is stale when it is older than the
    /// longer poll and the grace period once for each environment, as in the official proxy. Files do not get stale.
    pub fn readiness(&self, environments: usize) -> Readiness {
        let environments = u32::try_from(environments).unwrap_or(u32::MAX);
        let grace_period = self
            .grace_period
            .filter(|_| !matches!(self.source, Source::Files(_)));
        Readiness {
            stale_after: grace_period.map(|grace_period| {
                let grace_periods = grace_period.saturating_mul(environments);
                let realtime = self.realtime.as_ref();
                let poll_frequency = realtime.map_or(self.api_poll_frequency, |realtime| {
                    realtime.poll_frequency.max(self.api_poll_frequency)
                });
                poll_frequency.saturating_add(grace_periods)
            }),
            ready_when: self.ready_when,
        }
    }
}
