//! The poller: one thread that keeps every environment as new as upstream has it. Knows nothing of workers but a bell.
//!
//! Each environment has a task with a schedule of its own; a bound on how many of them fetch at once spares upstream
//! and memory. Compiling and publishing happen off the thread, so that nobody's timeout suffers from a large document.
//! Whatever goes wrong with one document is that document's failure: what was published of it stays.

mod environment;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use snapshot::Board;
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinError, JoinSet};

use crate::keys::KeyPair;
use crate::notice::{Bell, Notice};
use crate::publication::Publication;
use crate::upstream::{Credential, Upstream};
use environment::Polled;

const FETCHES_AT_ONCE: usize = 8;

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

/// Where documents come from.
pub(crate) enum Supply {
    /// Fetched, with the credentials in the order of the environments.
    Upstream(Upstream, Vec<Credential>),
    /// At hand, in the order of the environments.
    Embedded(Vec<Vec<u8>>),
}

/// How a document becomes an environment: [`engine::compile`], but for a test that wants it to panic.
pub(crate) type Compile = fn(&[u8]) -> Result<engine::Compiled, engine::DocumentError>;

/// What the poller is made of.
pub(crate) struct Poller {
    pub(crate) environments: Vec<KeyPair>,
    pub(crate) supply: Supply,
    pub(crate) interval: Duration,
    pub(crate) compile: Compile,
    pub(crate) publication: Publication,
    pub(crate) board: Arc<Board>,
    pub(crate) bell: Bell,
}

/// The poller's thread, which ends soon after this is dropped.
pub(crate) struct Polling {
    thread: JoinHandle<Result<(), Error>>,
    /// Dropping it is the signal to end.
    _stop: oneshot::Sender<()>,
}

impl Poller {
    /// Starts the thread. Should it ever end by itself, it rings [`Notice::PollerEnded`].
    pub(crate) fn start(self) -> Result<Polling, Error> {
        let (stop, stopped) = oneshot::channel();
        let end = RingAtEnd(self.bell.clone());
        let thread = thread::Builder::new()
            .name("poller".to_owned())
            .spawn(move || {
                let _end = end;
                self.run(stopped)
            })
            .map_err(Error::Start)?;
        Ok(Polling {
            thread,
            _stop: stop,
        })
    }

    fn run(self, stopped: oneshot::Receiver<()>) -> Result<(), Error> {
        let runtime = actix_rt::Runtime::new().map_err(Error::Start)?;
        let shared = Rc::new(Shared {
            supply: self.supply,
            compile: self.compile,
            publication: Arc::new(Mutex::new(self.publication)),
            board: self.board,
            bell: self.bell,
            permits: Semaphore::new(FETCHES_AT_ONCE),
            dice: RefCell::default(),
        });
        runtime.block_on(async move {
            let mut tasks = JoinSet::new();
            tasks.spawn_local(async move {
                // An error says that the other end was dropped: that is the signal.
                let _ = stopped.await;
            });
            for (row, pair) in self.environments.into_iter().enumerate() {
                let environment =
                    Polled::new(row, pair.client_side_key, self.interval, Rc::clone(&shared));
                tasks.spawn_local(environment.keep());
            }
            match tasks.join_next().await {
                Some(Err(error)) => Err(Error::Panicked(message(error))),
                _ => Ok(()),
            }
        })
    }
}

impl Polling {
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
    supply: Supply,
    compile: Compile,
    publication: Arc<Mutex<Publication>>,
    board: Arc<Board>,
    bell: Bell,
    permits: Semaphore,
    dice: RefCell<fastrand::Rng>,
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
