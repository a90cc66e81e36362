//! The way back: what workers accepted goes upstream.
//!
//! Two threads do it. The **collector** reads the rings and commits what it read to the outbox; the **forwarder** sends
//! what the outbox holds. Both tidy up after an earlier run that was killed at any moment.

mod analytics;
mod collect;
mod delivery;
mod merge;
mod outbox;
mod rings;
mod send;
mod settings;
#[cfg(test)]
mod tests;
mod traits;
mod upstream;
mod usage;

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use contract::BoardWords;
use log::{debug, warn};
use snapshot::Board;
use thiserror::Error as ThisError;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::source::Source;
use crate::source::upstream as source_upstream;
use collect::Collector;
use delivery::Lane;
use outbox::Outbox;
use send::{Sender, Shared};
use upstream::Upstream;

pub(crate) use rings::{Lease, Rings};
pub use settings::ForwardSettings;

/// How often the collector looks at empty rings: a worker that does nothing else but accept reports takes longer to
/// fill one.
const IDLE_LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How often it looks at rings that hold something: several times while such a worker fills half of one.
const LOOK_INTERVAL: Duration = Duration::from_millis(40);
/// How long the end of the proxy may wait for what was accepted last to go upstream. The rest waits for the next run.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Why nothing can be forwarded.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The directory of the journal cannot be used.
    #[error("use {} for what clients report", directory.display())]
    Directory {
        /// The directory.
        directory: std::path::PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The outbox cannot be read.
    #[error("{0}")]
    Outbox(String),
    /// There is no client.
    #[error(transparent)]
    Upstream(#[from] source_upstream::Error),
    /// A thread or its runtime could not start.
    #[error("start the forwarder")]
    Start(#[source] io::Error),
}

/// The threads.
pub(crate) struct Forwarding {
    rings: Arc<Rings>,
    outbox: Arc<Outbox>,
    collector: mpsc::Sender<Order>,
    forwarder: Option<UnboundedSender<Change>>,
    /// Each thread says when it has finished.
    finished: mpsc::Receiver<()>,
}

/// What the collector is told.
enum Order {
    SetFrequency(Duration),
    Finish,
}

/// What the forwarder is told.
enum Change {
    Upstream(Box<Upstream>),
    Finish(Instant),
}

impl Forwarding {
    /// Opens the journal of a state directory and starts the threads, which note on the board what waits. Without an
    /// upstream, what was accepted is forgotten.
    pub(crate) fn start(
        state_directory: &Path,
        board: Arc<Board>,
        source: &Source,
        settings: &ForwardSettings,
    ) -> Result<Self, Error> {
        let directory = journal::directory(state_directory);
        let rings =
            Rings::open(&directory, board.shape().slots).map_err(|source| Error::Directory {
                directory: directory.clone(),
                source,
            })?;
        let rings = Arc::new(rings);
        let outbox = Outbox::open(&directory, settings.max_bytes)
            .map_err(|error| Error::Outbox(contract::with_causes(&error)))?;
        let outbox = Arc::new(outbox);
        let forget_traits = Arc::new(AtomicBool::new(false));
        let committed = Arc::new(Notify::new());
        let (finished, has_finished) = mpsc::channel();

        let upstream = upstream_of(source, settings)?;
        let mut collector = Collector::new(
            Arc::clone(&rings),
            Arc::clone(&outbox),
            Arc::clone(&forget_traits),
            upstream.is_some(),
            settings.frequency,
        );
        let (orders, received) = mpsc::channel();
        let (notify, done) = (Arc::clone(&committed), finished.clone());
        let waiting = Arc::clone(&outbox);
        spawn("collector", move || {
            let note_backlog = || board.proxy().set_backlog(waiting.backlog());
            collect(&mut collector, &received, &notify, note_backlog);
            let _ = done.send(());
        })?;
        let forwarder = upstream.map(|upstream| {
            let (changes, received) = unbounded_channel();
            let outbox = Arc::clone(&outbox);
            spawn("forwarder", move || {
                forward(outbox, upstream, forget_traits, committed, received);
                let _ = finished.send(());
            })?;
            Ok::<_, Error>(changes)
        });
        Ok(Self {
            rings,
            outbox,
            collector: orders,
            forwarder: forwarder.transpose()?,
            finished: has_finished,
        })
    }

    /// The rings, for the workers.
    pub(crate) fn rings(&self) -> Arc<Rings> {
        Arc::clone(&self.rings)
    }

    /// Does all that can fail of a change of the settings, and changes nothing.
    pub(crate) fn prepare(source: &Source, settings: &ForwardSettings) -> Result<Prepared, Error> {
        Ok(Prepared {
            upstream: upstream_of(source, settings)?.map(Box::new),
            frequency: settings.frequency,
            max_bytes: settings.max_bytes,
        })
    }

    /// Changes where deliveries go, how often, and how many may wait.
    pub(crate) fn change(&self, prepared: Prepared) {
        self.outbox.set_max_bytes(prepared.max_bytes);
        // Sending fails when a thread has ended, which only a defect of ours causes.
        let _ = self.collector.send(Order::SetFrequency(prepared.frequency));
        if let (Some(forwarder), Some(upstream)) = (&self.forwarder, prepared.upstream) {
            let _ = forwarder.send(Change::Upstream(upstream));
        }
    }

    /// Collects what the last worker left, and sends what upstream takes at once. To be called when no worker is left.
    pub(crate) fn finish(self) {
        let deadline = Instant::now() + FINISH_TIMEOUT;
        let wait = || {
            let left = deadline.saturating_duration_since(Instant::now());
            self.finished.recv_timeout(left)
        };
        let _ = self.collector.send(Order::Finish);
        if wait().is_err() {
            return warn!("what clients reported last stays in the rings until the next run");
        }
        self.rings.remove_empty();
        if let Some(forwarder) = &self.forwarder {
            let _ = forwarder.send(Change::Finish(deadline));
            if wait().is_err() {
                debug!("the forwarder did not finish in time");
            }
        }
    }
}

/// What a change of the settings needs.
pub(crate) struct Prepared {
    upstream: Option<Box<Upstream>>,
    frequency: Duration,
    max_bytes: u64,
}

fn upstream_of(source: &Source, settings: &ForwardSettings) -> Result<Option<Upstream>, Error> {
    match source {
        Source::Upstream(upstream) => Ok(Some(Upstream::new(upstream, settings.events.as_ref())?)),
        Source::Files(_) => Ok(None),
    }
}

fn spawn(name: &str, act: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(act);
    thread.map(drop).map_err(Error::Start)
}

/// The collector's thread.
fn collect(
    collector: &mut Collector,
    orders: &mpsc::Receiver<Order>,
    committed: &Notify,
    note_backlog: impl Fn(),
) {
    loop {
        note_backlog();
        let interval = match collector.has_records() {
            true => LOOK_INTERVAL,
            false => IDLE_LOOK_INTERVAL,
        };
        let is_last = match orders.recv_timeout(interval) {
            Ok(Order::SetFrequency(frequency)) => {
                collector.set_frequency(frequency);
                false
            }
            Ok(Order::Finish) | Err(mpsc::RecvTimeoutError::Disconnected) => true,
            Err(mpsc::RecvTimeoutError::Timeout) => false,
        };
        let is_any = match is_last {
            true => collector.collect(),
            false => collector.tend(),
        };
        if is_any {
            committed.notify_waiters();
        }
        if is_last {
            return;
        }
    }
}

/// The forwarder's thread.
fn forward(
    outbox: Arc<Outbox>,
    upstream: Upstream,
    forget_traits: Arc<AtomicBool>,
    committed: Arc<Notify>,
    mut changes: UnboundedReceiver<Change>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return warn!("the forwarder cannot start: {error}"),
    };
    LocalSet::new().block_on(&runtime, async move {
        let shared = Rc::new(Shared::new(outbox, upstream, forget_traits, committed));
        let mut lanes = tokio::task::JoinSet::new();
        for lane in Lane::ALL {
            lanes.spawn_local(Sender::new(lane, Rc::clone(&shared)).run());
        }
        loop {
            match changes.recv().await {
                Some(Change::Upstream(upstream)) => shared.set_upstream(*upstream),
                Some(Change::Finish(deadline)) => {
                    shared.finish(deadline);
                    while lanes.join_next().await.is_some() {}
                    return;
                }
                None => return,
            }
        }
    });
}
