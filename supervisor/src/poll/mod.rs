//! The poller: one thread that keeps every environment as new as upstream has it. Knows nothing of workers but a bell.
//!
//! Each environment has a task with a schedule of its own; a bound on how many of them fetch at once spares upstream
//! and memory. Compiling and publishing happen off the thread, so that nobody's timeout suffers from a large document.
//! Whatever goes wrong with one document is that document's failure: what was published of it stays.

mod change;
pub(crate) mod freshness;
mod orders;
mod progress;
mod task;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use contract::{KeyPair, with_causes};
use snapshot::Board;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::notice::{Bell, Notice};
use crate::publish::compile::{Adopter, Compile, Compress};
use crate::publish::outage::{Outage, Trouble};
use crate::publish::publication::Publication;
use crate::source::{Supplier, Supply};
use change::Task;
use orders::Orders;
use progress::Progress;

pub(crate) use change::Change;

const FETCHES_AT_ONCE: usize = 8;
/// What could not be settled is tried again after this long, or with what is published next.
const SETTLE_AGAIN: Duration = Duration::from_secs(5);

/// Why polling ended, which it never should.
#[derive(Debug, Error)]
pub enum Error {
    /// No runtime, hence no sockets and no timers.
    #[error("start the poller")]
    Start(#[source] io::Error),
    /// A defect of ours.
    #[error("poll: {0}")]
    Panicked(String),
    /// The thread is gone and left no word.
    #[error("poll: ended without being asked to")]
    Ended,
}

/// What the poller is made of.
pub(crate) struct Poller {
    pub(crate) environments: Vec<KeyPair>,
    pub(crate) supply: Supply,
    pub(crate) interval: Duration,
    pub(crate) compile: Compile,
    pub(crate) compress: Compress,
    pub(crate) publication: Publication,
    pub(crate) board: Arc<Board>,
    pub(crate) bell: Bell,
}

/// The poller's thread, which ends soon after this is dropped.
pub(crate) struct Polling {
    thread: JoinHandle<Result<(), Error>>,
    /// Dropping it is the signal to end.
    changes: UnboundedSender<Change>,
    outcomes: mpsc::Receiver<Result<(), String>>,
}

impl Poller {
    /// Starts the thread. Should it ever end by itself, it rings [`Notice::PollerEnded`].
    pub(crate) fn start(self) -> Result<Polling, Error> {
        let (changes, ordered) = unbounded_channel();
        let (concluded, outcomes) = mpsc::channel();
        let end = RingAtEnd(self.bell.clone());
        let thread = thread::Builder::new()
            .name("poller".to_owned())
            .spawn(move || {
                let _end = end;
                self.run(ordered, concluded)
            })
            .map_err(Error::Start)?;
        Ok(Polling {
            thread,
            changes,
            outcomes,
        })
    }

    fn run(
        self,
        mut changes: UnboundedReceiver<Change>,
        outcomes: mpsc::Sender<Result<(), String>>,
    ) -> Result<(), Error> {
        let runtime = actix_rt::Runtime::new().map_err(Error::Start)?;
        let shared = Rc::new(Shared {
            supplier: Supplier::new(self.supply),
            interval: Cell::new(self.interval),
            tasks: RefCell::default(),
            outcomes,
            adopter: Arc::new(Adopter {
                compile: self.compile,
                compress: self.compress,
                publication: self.publication,
                bell: self.bell,
            }),
            board: self.board,
            permits: Semaphore::new(FETCHES_AT_ONCE),
            unsettled: Notify::new(),
            progress: Progress::default(),
            outage: Outage::new(
                "serving what was published before, trying again with every poll",
                "publishing again",
            ),
            dice: RefCell::default(),
        });
        runtime.block_on(async move {
            let mut tasks = JoinSet::new();
            shared.unsettled.notify_one();
            tasks.spawn_local(Rc::clone(&shared).settle());
            for (row, pair) in self.environments.into_iter().enumerate() {
                shared.keep(&mut tasks, row, pair.client_side_key, Orders::default());
            }
            loop {
                match poll_fn(|context| Event::poll(context, &mut changes, &mut tasks)).await {
                    Event::Change(change) => shared.change(&mut tasks, *change).await,
                    Event::Ended(Err(error)) if error.is_panic() => {
                        return Err(Error::Panicked(message(error)));
                    }
                    // That of an environment that was removed, or one that has done its part.
                    Event::Ended(_) => {}
                    Event::Stop => return Ok(()),
                }
            }
        })
    }
}

/// What the poller's thread has to deal with, but for what its tasks do.
enum Event {
    Change(Box<Change>),
    Ended(Result<(), JoinError>),
    Stop,
}

impl Event {
    fn poll(
        context: &mut Context<'_>,
        changes: &mut UnboundedReceiver<Change>,
        tasks: &mut JoinSet<()>,
    ) -> Poll<Self> {
        if let Poll::Ready(change) = changes.poll_recv(context) {
            return Poll::Ready(change.map_or(Self::Stop, |change| Self::Change(Box::new(change))));
        }
        let ended = ready!(tasks.poll_join_next(context));
        Poll::Ready(ended.map_or(Self::Stop, Self::Ended))
    }
}

impl Polling {
    /// Changes what is polled, and how. Rings [`Notice::Changed`] when that has come to its [`outcome`](Self::outcome);
    /// one change at a time.
    pub(crate) fn change(&self, change: Change) {
        // Should the thread have ended, that is told by another notice.
        let _ = self.changes.send(change);
    }

    /// What became of the change: all of it, or nothing and the reason. `None`: not known yet.
    pub(crate) fn outcome(&self) -> Option<Result<(), String>> {
        self.outcomes.try_recv().ok()
    }

    /// Why the thread ended. To be asked after [`Notice::PollerEnded`].
    pub(crate) fn reason(self) -> Error {
        match self.thread.join() {
            Ok(Err(error)) => error,
            Ok(Ok(())) => Error::Ended,
            Err(panic) => Error::Panicked(panic_message(&*panic)),
        }
    }
}

struct RingAtEnd(Bell);

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.0.ring(Notice::PollerEnded);
    }
}

/// What all environments have in common.
struct Shared {
    supplier: Supplier,
    interval: Cell<Duration>,
    /// By row.
    tasks: RefCell<HashMap<usize, Task>>,
    outcomes: mpsc::Sender<Result<(), String>>,
    adopter: Arc<Adopter>,
    board: Arc<Board>,
    permits: Semaphore,
    /// Something was published.
    unsettled: Notify,
    progress: Progress,
    outage: Rc<Outage>,
    dice: RefCell<fastrand::Rng>,
}

impl Shared {
    /// Settles what was published, for ever. Disks are slow: whatever is published while one is waited for is settled
    /// together, and neither fetching nor publishing waits for it.
    async fn settle(self: Rc<Self>) {
        let outage = Outage::new("trying again every few seconds", "durable again");
        let mut trouble = Trouble::with(&outage);
        let mut failed = false;
        loop {
            let notified = self.unsettled.notified();
            if failed {
                // It does not matter which of the two it is.
                let _ = actix_rt::time::timeout(SETTLE_AGAIN, notified).await;
            } else {
                notified.await;
            }
            let adopter = Arc::clone(&self.adopter);
            let settled = match spawn_blocking(move || adopter.publication.settle()).await {
                Ok(settled) => settled.map_err(|error| with_causes(&error)),
                Err(error) => Err(message(error)),
            };
            failed = settled.is_err();
            match settled {
                Ok(()) => _ = trouble.passed(),
                Err(reason) => {
                    let what = format!("what was published may not outlive a power cut: {reason}");
                    trouble.failed(&what);
                }
            }
        }
    }
}

fn message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic_message(&*panic),
        Err(error) => error.to_string(),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "panicked".to_owned()
    }
}

#[cfg(test)]
mod tests;
