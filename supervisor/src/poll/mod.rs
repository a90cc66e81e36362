//! The poller: one thread that keeps every environment as new as upstream has it.
//!
//! Each environment has a task with a schedule of its own. Compiling and publishing happen in other threads, so that a
//! large document delays nobody's timeout. If anything goes wrong with a document, only that environment fails, and its
//! last document stays published.

mod change;
mod freshness;
mod knocks;
mod listing;
mod orders;
mod realtime;
mod recovery;
mod schedule;
mod shared;
mod task;
mod tasks;

use std::io::{self, PipeReader};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use engine::CompileOptions;
use snapshot::Board;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::blocking::{join_error, panic_message};
use crate::notice::{Notice, Notifier};
use crate::publish::Compiler;
use crate::source::Documents;
use crate::source::realtime::Realtime;
use contract::KeyPair;
use knocks::Knocks;
use orders::Orders;
use shared::Shared;
use tasks::Tasks;

pub(crate) use change::Change;
pub use freshness::{ConditionalFetch, FetchRules};

/// Why polling ended, which it never should.
#[derive(Debug, Error)]
pub enum Error {
    /// The thread or its runtime could not start.
    #[error("start the poller")]
    Start(#[source] io::Error),
    /// A defect of ours.
    #[error("poll: {0}")]
    Panicked(String),
    /// The thread ended without a reason.
    #[error("poll: ended without being asked to")]
    Ended,
}

/// What the poller is made of.
pub(crate) struct Poller {
    pub(crate) environments: Vec<KeyPair>,
    pub(crate) documents: Documents,
    pub(crate) poll_frequency: Duration,
    /// Realtime beside polling.
    pub(crate) realtime: Option<Realtime>,
    pub(crate) fetch_rules: FetchRules,
    pub(crate) compile_options: CompileOptions,
    pub(crate) compiler: Compiler,
    pub(crate) board: Arc<Board>,
    /// Where workers knock.
    pub(crate) knocks: PipeReader,
}

/// The poller's thread, which ends soon after this is dropped.
pub(crate) struct Polling {
    thread: JoinHandle<Result<(), Error>>,
    /// Dropping it ends the thread.
    changes: UnboundedSender<Change>,
}

impl Poller {
    /// Starts the thread. If it ends by itself, [`Notice::PollerEnded`] follows.
    pub(crate) fn start(self) -> Result<Polling, Error> {
        let (changes, received) = unbounded_channel();
        let end = NotifyOnDrop(self.compiler.notifier.clone());
        let thread = thread::Builder::new()
            .name("poller".to_owned())
            .spawn(move || {
                let _end = end;
                self.run(received)
            })
            .map_err(Error::Start)?;
        Ok(Polling { thread, changes })
    }

    fn run(self, mut changes: UnboundedReceiver<Change>) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Start)?;
        LocalSet::new().block_on(&runtime, async move {
            let shared = Shared::new(
                self.documents,
                self.poll_frequency,
                self.fetch_rules,
                self.compile_options,
                self.compiler,
                self.board,
            );
            let knocks = Knocks::new(self.knocks).map_err(Error::Start)?;
            let recovery = Rc::clone(&shared.recovery);
            let mut tasks = Tasks::new(shared);
            let (changed, mut has_changed) = unbounded_channel();
            tasks.list(changed);
            tasks.set_realtime(self.realtime);
            for (row, pair) in self.environments.into_iter().enumerate() {
                tasks.start(row, pair.client_side_key, Orders::default());
            }
            loop {
                let poll_frequency = tasks.poll_frequency();
                tokio::select! {
                    Some(rows) = has_changed.recv() => tasks.fetch_now(&rows),
                    change = changes.recv() => match change {
                        Some(change) => tasks.apply(change).await,
                        None => return Ok(()),
                    },
                    () = recovery.wait(poll_frequency) => tasks.upstream_is_back(),
                    () = knocks.next() => tasks.fetch_wanted(),
                    // A task that did not panic has done its work, or its environment was removed.
                    ended = tasks.ended() => if let Some(Err(error)) = ended && error.is_panic() {
                        return Err(Error::Panicked(join_error(error)));
                    },
                }
            }
        })
    }
}

impl Polling {
    /// Changes what is polled, and how. [`Notice::ChangeApplied`] follows; until then there must be no other change.
    pub(crate) fn change(&self, change: Change) {
        // It fails when the thread has ended, and then `PollerEnded` follows.
        let _ = self.changes.send(change);
    }

    /// Why the thread ended, after [`Notice::PollerEnded`].
    pub(crate) fn reason(self) -> Error {
        match self.thread.join() {
            Ok(Err(error)) => error,
            Ok(Ok(())) => Error::Ended,
            Err(panic) => Error::Panicked(panic_message(&*panic)),
        }
    }
}

/// Also notifies if the thread panics.
struct NotifyOnDrop(Notifier);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify(Notice::PollerEnded);
    }
}

#[cfg(test)]
mod tests;
