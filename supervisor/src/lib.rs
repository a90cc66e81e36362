//! The control plane, one process: polls upstream, publishes what changed, keeps the workers. Serves no request, and
//! does not know what a worker runs: it is handed a command.
//!
//! Two threads. The main thread is the parent of the workers (`pool`) and sleeps until it is told something
//! (`notice`). The poller's thread (`poll`) fetches documents, each on its own `schedule`, and publishes them;
//! its only word to the main thread is "published", which becomes SIGURG to each worker: a signal that is ignored
//! unless waited for, so it does no harm to a worker that still boots.
//!
//! ```text
//! upstream --> poll --> publication --> state directory --> workers
//!                |                                             ^
//!                '---- notice ----> pool ------- SIGURG -------'
//! ```

mod environments;
mod notice;
mod options;
mod poll;
mod pool;
mod publish;
mod run;
mod schedule;
mod source;
#[cfg(test)]
mod stub;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use contract::{KeyPair, counted, heartbeat};
use log::info;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;
use snapshot::{Publisher, Shape};
use thiserror::Error;

pub use environments::roster::Full;
pub use options::{HealthCheck, Listen, Options, Snapshot};
pub use poll::Error as PollError;
pub use pool::Error as PoolError;
pub use pool::listener::Error as ListenerError;
pub use run::reload::Reload;
pub use source::api_url::{ApiUrl, ApiUrlError};
pub use source::upstream::Error as UpstreamError;

use environments::roster::{self, Roster};
use notice::Notices;
use poll::{Poller, Polling};
use pool::{End, Pool, Times, listener};
use publish::publication::Publication;
use run::reload::Reloader;
use schedule::Seconds;
use source::Supply;
use source::upstream::{Credential, Upstream};

/// All a supervisor needs to be told.
pub struct Settings {
    /// What is served. The client-side keys differ from each other, and so do the server-side keys.
    pub environments: Vec<KeyPair>,
    /// Where the documents come from.
    pub source: Source,
    /// About how long to wait from one fetch of an environment to the next; more than nothing.
    pub poll_interval: Duration,
    /// Age of the oldest successful fetch from which the proxy is not ready; `None` for never.
    pub stale_after: Option<Duration>,
    /// The state directory, made if it is not there.
    pub directory: PathBuf,
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 picks a free one.
    pub port: u16,
    /// How many workers to keep.
    pub workers: NonZeroUsize,
    /// How long readiness fails before accepting stops, for load balancers to notice.
    pub drain_delay: Duration,
    /// How long workers may take to finish what they have in hand, before they are killed.
    pub drain_timeout: Duration,
    /// Makes the command that starts the worker of a slot: program and arguments, without stdin, which becomes its
    /// listening socket, and without stdout, which becomes its neighbour's.
    pub worker: Rc<dyn Fn(usize) -> Command>,
}

/// Where documents come from.
#[derive(PartialEq, Eq)]
pub enum Source {
    /// The Flagsmith API.
    Upstream {
        /// Where it is.
        api_url: ApiUrl,
        /// How long it may be silent: before a connection, before an answer, between two pieces of it.
        timeout: Duration,
        /// The longest document that is fetched, in bytes.
        largest_document: usize,
    },
    /// Documents at hand, one for each environment and in their order. They never change, and never get stale.
    Embedded(Vec<Vec<u8>>),
}

impl Source {
    fn api_url(&self) -> Option<&ApiUrl> {
        match self {
            Self::Upstream { api_url, .. } => Some(api_url),
            Self::Embedded(_) => None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("environments", &self.environments)
            .field("source", &self.source)
            .field("poll_interval", &self.poll_interval)
            .field("stale_after", &self.stale_after)
            .field("directory", &self.directory)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("workers", &self.workers)
            .field("drain_delay", &self.drain_delay)
            .field("drain_timeout", &self.drain_timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream {
                api_url,
                timeout,
                largest_document,
            } => formatter
                .debug_struct("Upstream")
                .field("api_url", api_url)
                .field("timeout", timeout)
                .field("largest_document", largest_document)
                .finish(),
            Self::Embedded(documents) => {
                write!(formatter, "Embedded({} documents)", documents.len())
            }
        }
    }
}

/// Why the proxy did not start, or could not go on.
#[derive(Debug, Error)]
pub enum Error {
    /// Without signals there is no orderly end.
    #[error("listen to signals")]
    Signals(#[source] io::Error),
    /// There is no address to serve on.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Publish(snapshot::Error),
    /// There is no client to fetch with.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A server-side key that no request can carry.
    #[error(
        "use the server-side key of environment {environment}: it holds a character that an HTTP header cannot carry"
    )]
    Key {
        /// The client-side key beside it.
        environment: String,
    },
    /// Each environment has a document, each document an environment.
    #[error("serve {environments} environments from {documents} embedded documents")]
    Documents {
        /// How many environments there are.
        environments: usize,
        /// How many documents there are.
        documents: usize,
    },
    /// More environments were added than a run has room for.
    #[error(transparent)]
    Environments(Full),
    /// Polling cannot start, or ended by itself: what is served would get old for ever.
    #[error(transparent)]
    Poll(#[from] PollError),
    /// The workers cannot be kept.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Serves until TERM or INT has come and the workers have drained; on HUP reads the settings again by `reload`.
///
/// To be called from the thread that lives as long as the process: the kernel ends workers with the thread that
/// started them.
///
/// # Errors
///
/// What keeps the proxy from starting, and what makes it pointless to go on; workers are drained before that returns.
pub fn run(mut settings: Settings, reload: Option<Reload>) -> Result<(), Error> {
    let mut notices = Notices::of_signals().map_err(Error::Signals)?;
    // A file that may not grow any further is then an error to be told, as a full disk is, and not the end.
    flag::register(SIGXFSZ, Arc::default()).map_err(Error::Signals)?;
    let supply = supply(&settings)?;
    let listeners = listener::open(&settings.host, settings.port, settings.workers)?;
    let publisher = Publisher::open(
        &settings.directory,
        Shape {
            format: engine::FORMAT,
            rows: roster::capacity(settings.environments.len()),
            slots: settings.workers.get(),
        },
    )
    .map_err(Error::Publish)?;
    let board = publisher.share_board();
    announce(&settings, &listeners);
    let environments = std::mem::take(&mut settings.environments);
    let roster = Roster::new(environments.clone(), board.shape().rows);
    let index = roster.index(settings.stale_after, &[]);
    let publication = Publication::open(publisher, &index).map_err(Error::Publish)?;

    let worker = Rc::clone(&settings.worker);
    let mut pool = Pool::new(
        Box::new(move |slot| worker(slot)),
        listeners,
        board.clone(),
        Times {
            drain_delay: settings.drain_delay,
            drain_timeout: settings.drain_timeout,
            patience: heartbeat::KILLED_AFTER,
            boot_timeout: pool::BOOT_TIMEOUT,
        },
    );
    let polling = Poller {
        environments,
        supply,
        interval: settings.poll_interval,
        compile: engine::compile,
        compress: engine::Environment::compress,
        publication,
        board,
        bell: notices.bell(),
    }
    .start()?;

    let mut reloader = Reloader::new(reload, settings, roster, polling);
    let end = pool
        .start()
        .and_then(|()| serve(&mut pool, &mut notices, &mut reloader));
    let drained = pool.drain(&mut notices);
    let end = end?;
    drained?;
    conclude(end, reloader.into_polling())
}

fn serve(
    pool: &mut Pool,
    notices: &mut Notices,
    reloader: &mut Reloader,
) -> Result<End, PoolError> {
    loop {
        match pool.serve(notices)? {
            End::Told(told) => reloader.told(told, pool),
            end => return Ok(end),
        }
    }
}

fn conclude(end: End, polling: Polling) -> Result<(), Error> {
    match end {
        End::Stopped | End::Told(_) => {
            // The poller is not waited for: it may be resolving a name, which can take half a minute.
            info!("stopped");
            Ok(())
        }
        End::PollerEnded => Err(polling.reason().into()),
    }
}

fn supply(settings: &Settings) -> Result<Supply, Error> {
    match &settings.source {
        Source::Upstream {
            api_url,
            timeout,
            largest_document,
        } => {
            let environments = settings.environments.iter();
            let credentials = environments
                .map(Credential::of_pair)
                .collect::<Result<_, _>>()?;
            Ok(Supply::Upstream(
                Upstream::new(api_url, *timeout, *largest_document)?,
                credentials,
            ))
        }
        Source::Embedded(documents) if documents.len() == settings.environments.len() => {
            Ok(Supply::Embedded(documents.clone()))
        }
        Source::Embedded(documents) => Err(Error::Documents {
            environments: settings.environments.len(),
            documents: documents.len(),
        }),
    }
}

/// The three lines that say what is served, from where, and on how many workers.
fn announce(settings: &Settings, listeners: &[TcpListener]) {
    const NAMED: usize = 5;
    let names: Vec<_> = settings
        .environments
        .iter()
        .take(NAMED)
        .map(|pair| pair.client_side_key.as_str())
        .collect();
    let more = match settings.environments.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    info!(
        "serving {}: {}{more}",
        counted(settings.environments.len(), "environment"),
        names.join(", ")
    );
    match &settings.source {
        Source::Upstream { api_url, .. } => info!(
            "polling {api_url} every {}, publishing in {}",
            Seconds(settings.poll_interval),
            settings.directory.display()
        ),
        Source::Embedded(_) => info!(
            "publishing embedded documents in {}",
            settings.directory.display()
        ),
    }
    if let Some(Ok(address)) = listeners.first().map(TcpListener::local_addr) {
        info!(
            "listening on http://{address} with {}",
            counted(settings.workers.get(), "worker")
        );
    }
}
