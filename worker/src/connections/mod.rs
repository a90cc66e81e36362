//! The connections that a worker has open: how many there may be, how long each may take, how much memory they may
//! hold, and how they end when the worker does.

pub(crate) mod activity;
mod framing;
mod malformed;
pub(crate) mod outlet;
mod registry;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod tick;

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::rc::{Rc, Weak};
use std::time::Duration;

use actix_rt::time::{Instant, interval, timeout};

use activity::Timeouts;
use contract::{Closed, Limits, counted};
pub(crate) use registry::Registration;
use registry::{DrainStage, Registry};
use tick::{TICK, ticks};

use crate::process::slot::Slot;

/// How often to look for an idle connection when the limit is reached and all are busy.
const EVICT_RETRY: Duration = Duration::from_millis(20);

/// How long a drain leaves idle connections open. A client that uses one meanwhile learns from the answer that the
/// connection closes, and not from a failed request.
const SERVED_GRACE: Duration = Duration::from_millis(500);

/// How long a drain, after that, leaves connections open that have not sent a request yet.
const UNUSED_GRACE: Duration = Duration::from_secs(2);

/// How often a drain looks for connections that have become idle.
const CLOSE_RETRY: Duration = Duration::from_millis(100);

/// Every connection of this worker, and its limits.
pub(crate) struct Connections {
    max_connections: usize,
    beside: OnceCell<Beside>,
    timeouts: Timeouts,
    registry: Rc<Registry>,
}

/// Streams, which hold descriptors too.
struct Beside {
    streams: Rc<Cell<usize>>,
    /// How many there may be of both.
    max_both: usize,
}

impl Connections {
    /// Also starts the clock that connections are timed by. With a slot, the connections are counted there.
    pub(crate) fn new(limits: Limits, slot: Option<Rc<Slot>>) -> Rc<Self> {
        let connections = Rc::new(Self {
            max_connections: limits.max_connections.max(1),
            beside: OnceCell::new(),
            timeouts: Timeouts {
                keep_alive: ticks(limits.keep_alive),
                header_timeout: ticks(limits.header_timeout),
            },
            registry: Rc::new(Registry::new(slot)),
        });
        actix_rt::spawn(tick(Rc::downgrade(&connections)));
        connections
    }

    /// Leaves room for streams: there are never more than `max_both` of both. To be called once.
    pub(crate) fn leave_to(&self, streams: &Rc<Cell<usize>>, max_both: usize) {
        let streams = Rc::clone(streams);
        self.beside.get_or_init(|| Beside { streams, max_both });
    }

    fn is_full(&self) -> bool {
        let count = self.registry.count();
        let beside = self.beside.get();
        count >= self.max_connections
            || beside.is_some_and(|it| count > 0 && count + it.streams.get() >= it.max_both)
    }

    /// Adds a connection.
    pub(crate) fn register(&self) -> Registration {
        self.registry.register()
    }

    /// Counts a connection that could not be accepted.
    pub(crate) fn count_not_accepted(&self) {
        self.registry.count_closed(Closed::NotAccepted);
    }

    /// Spawns the task that serves the connection of that number. It is aborted when the connection is overdue, or
    /// evicted to make room.
    pub(crate) fn spawn(&self, number: u64, connection: impl Future<Output = ()> + 'static) {
        self.registry.spawn(number, connection);
    }

    /// Ready once another connection may be opened. At the limit, idle connections are closed for it; while all are
    /// busy, the new one waits.
    pub(crate) async fn room(&self) {
        while self.is_full() {
            self.make_room();
            // A connection that was aborted is gone after its next turn.
            let _ = timeout(EVICT_RETRY, self.registry.one_closed()).await;
        }
    }

    /// Closes the connections that have been idle for the longest time: one, and one more for each 64 that are open, so
    /// that the next new connections find room without a search of their own.
    pub(crate) fn make_room(&self) {
        let now = self.registry.now();
        let open = self.registry.open();
        let mut evictable: Vec<(u32, &u64)> = open
            .iter()
            .filter(|(_, entry)| entry.activity.is_evictable(now) && entry.task.is_some())
            .map(|(number, entry)| (u32::MAX - entry.activity.silent_for(now), number))
            .collect();
        let count = evictable.len().min(1 + open.len() / 64);
        if count == 0 {
            return;
        }
        evictable.select_nth_unstable(count - 1);
        log::debug!("closing {count} idle connections to make room");
        for (_, number) in &evictable[..count] {
            if let Some(task) = &open[number].task {
                self.registry.count_closed(Closed::ForRoom);
                task.abort();
            }
        }
    }

    /// Begins to drain: from now on each answer says that its connection closes.
    pub(crate) fn begin_drain(&self) {
        self.registry.advance_drain(DrainStage::Announcing);
    }

    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.registry.drain_stage() != DrainStage::None
    }

    /// Waits until all connections are closed, or for `shutdown_timeout`. Idle connections are closed after a while.
    pub(crate) async fn drain(&self, shutdown_timeout: Duration) {
        self.begin_drain();
        let grace = SERVED_GRACE.min(shutdown_timeout / 4);
        let drained = async {
            if timeout(grace, self.registry.all_closed()).await.is_ok() {
                return;
            }
            let begun = Instant::now();
            loop {
                self.registry
                    .advance_drain(if begun.elapsed() > UNUSED_GRACE {
                        DrainStage::ClosingAll
                    } else {
                        DrainStage::ClosingServed
                    });
                self.registry.wake_all();
                if timeout(CLOSE_RETRY, self.registry.all_closed())
                    .await
                    .is_ok()
                {
                    return;
                }
            }
        };
        if timeout(shutdown_timeout, drained).await.is_err() {
            let open = counted(self.registry.count(), "connection");
            log::warn!("drain timeout: {open} cut");
        }
    }

    /// Ends what is left: closes idle connections at once, and waits so long for the others to be answered.
    pub(crate) async fn finish(&self, wait: Duration) {
        self.registry.advance_drain(DrainStage::ClosingAll);
        self.registry.wake_all();
        if timeout(wait, self.registry.all_closed()).await.is_err() {
            log::debug!("{} cut", counted(self.registry.count(), "connection"));
        }
    }

    fn close_overdue(&self) {
        self.registry.advance_clock();
        let now = self.registry.now();
        for entry in self.registry.open().values() {
            if entry.activity.is_overdue(now, self.timeouts)
                && let Some(task) = &entry.task
            {
                self.registry.count_closed(Closed::Overdue);
                task.abort();
            }
        }
    }
}

async fn tick(connections: Weak<Connections>) {
    let mut interval = interval(TICK);
    loop {
        interval.tick().await;
        match connections.upgrade() {
            Some(connections) => connections.close_overdue(),
            None => return,
        }
    }
}
