//! What the tasks of all environments share.

use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::CompileOptions;
use log::info;
use snapshot::Board;
use tokio::sync::{Notify, Semaphore};

use super::freshness::{FetchRules, Trust};
use super::recovery::Recovery;
use crate::publish::{Compiler, Outage};
use crate::source::Documents;
use contract::counted;

/// Bounds the load on upstream, and the memory for documents on their way.
const CONCURRENT_FETCHES: usize = 8;

/// What the tasks of all environments share.
pub(super) struct Shared {
    pub(super) documents: Documents,
    pub(super) compiler: Arc<Compiler>,
    pub(super) board: Arc<Board>,
    /// The time between two fetches of an environment.
    pub(super) poll_frequency: Cell<Duration>,
    pub(super) fetch_rules: Cell<FetchRules>,
    pub(super) compile_options: Cell<CompileOptions>,
    /// The trust in the current upstream.
    pub(super) trust: RefCell<Rc<Trust>>,
    pub(super) fetch_permits: Semaphore,
    /// One for each core: more large documents at the same time would only take more memory.
    pub(super) large_permits: Arc<Semaphore>,
    /// Notified when something was published.
    pub(super) unsettled: Rc<Notify>,
    /// Notified when environments are to be listed anew.
    pub(super) relist: Notify,
    pub(super) first_documents: FirstDocuments,
    pub(super) outage: Outage,
    pub(super) recovery: Rc<Recovery>,
    /// Bounds how many streams of upstream are opened at once.
    pub(super) open_permits: Semaphore,
    /// A time in which streams are not connected.
    pub(super) disconnection: Outage,
    dice: RefCell<fastrand::Rng>,
}

impl Shared {
    pub(super) fn new(
        documents: Documents,
        poll_frequency: Duration,
        fetch_rules: FetchRules,
        compile_options: CompileOptions,
        compiler: Compiler,
        board: Arc<Board>,
    ) -> Self {
        Self {
            documents,
            compiler: Arc::new(compiler),
            board,
            poll_frequency: Cell::new(poll_frequency),
            fetch_rules: Cell::new(fetch_rules),
            compile_options: Cell::new(compile_options),
            trust: RefCell::default(),
            fetch_permits: Semaphore::new(CONCURRENT_FETCHES),
            large_permits: Arc::new(Semaphore::new(
                thread::available_parallelism().map_or(1, NonZeroUsize::get),
            )),
            unsettled: Rc::default(),
            relist: Notify::new(),
            first_documents: FirstDocuments::default(),
            outage: Outage::new(
                "serving what was published before, trying again with every poll",
                "publishing again",
            ),
            recovery: Rc::default(),
            open_permits: Semaphore::new(CONCURRENT_FETCHES),
            disconnection: Outage::new("polling as without it", "realtime is connected again"),
            dice: RefCell::default(),
        }
    }

    /// A random number from 0 to 1.
    pub(super) fn chance(&self) -> f64 {
        self.dice.borrow_mut().f64()
    }
}

/// Counts the environments that have their first document. There may be thousands, so a line is logged at most once a
/// second, and for the last one.
pub(super) struct FirstDocuments {
    expected: Cell<usize>,
    published: Cell<usize>,
    started: Instant,
    logged: Cell<Instant>,
}

const LOG_PERIOD: Duration = Duration::from_secs(1);

impl Default for FirstDocuments {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            expected: Cell::default(),
            published: Cell::default(),
            started: now,
            logged: Cell::new(now),
        }
    }
}

impl FirstDocuments {
    /// Another environment has no document yet.
    pub(super) fn expect(&self) {
        self.expected.update(|expected| expected + 1);
    }

    /// Another first document was published.
    pub(super) fn publish(&self) {
        if let Some(line) = self.line(Instant::now()) {
            info!(
                published = self.published.get(),
                environments = self.expected.get(),
                seconds = self.started.elapsed().as_secs_f64();
                "{line}"
            );
        }
    }

    fn line(&self, now: Instant) -> Option<String> {
        let (published, expected) = (self.published.get() + 1, self.expected.get());
        self.published.set(published);
        if published < expected && now.duration_since(self.logged.get()) < LOG_PERIOD {
            return None;
        }
        self.logged.set(now);
        let seconds = now.duration_since(self.started).as_secs_f64();
        let environments = counted(expected, "environment");
        Some(format!(
            "published {published} of {environments} in {seconds:.1} s"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_the_last_first_document_always_and_the_others_once_a_second() {
        let documents = FirstDocuments::default();
        (0..5).for_each(|_| documents.expect());
        let after =
            |tenths: u64| documents.line(documents.started + Duration::from_millis(100 * tenths));
        let logged = |line: &str| Some(line.to_owned());
        assert_eq!(after(1), None);
        assert_eq!(after(11), logged("published 2 of 5 environments in 1.1 s"));
        assert_eq!(after(20), None);
        assert_eq!(after(21), logged("published 4 of 5 environments in 2.1 s"));
        assert_eq!(after(22), logged("published 5 of 5 environments in 2.2 s"));
    }
}
