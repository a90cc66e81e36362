//! The list of open connections, and what they share: the clock, the memory they may hold, the stage of a drain.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use contract::{Closed, Endpoint};
use foldhash::fast::RandomState;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::activity::Activity;
use super::tick::Tick;
use crate::process::slot::Slot;

/// How many bytes all connections together may hold, of requests that are not answered and of answers that are not
/// sent.
pub(super) const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes a connection may hold even when all together hold too much.
pub(super) const SHARE: usize = 16 * 1024;

/// All open connections of this worker.
pub(super) struct Registry {
    /// Where they are counted.
    slot: Option<Rc<Slot>>,
    now: Cell<Tick>,
    held_bytes: Cell<usize>,
    next_number: Cell<u64>,
    open: RefCell<HashMap<u64, Entry, RandomState>>,
    drain: Cell<DrainStage>,
    closed: Notify,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DrainStage {
    /// The worker does not drain.
    #[default]
    None,
    /// Each answer says that its connection closes.
    Announcing,
    /// Idle connections that have served a request close, too.
    ClosingServed,
    /// All idle connections close.
    ClosingAll,
}

/// One open connection.
pub(super) struct Entry {
    pub(super) activity: Rc<Activity>,
    /// The task that serves the connection, once it is spawned.
    pub(super) task: Option<AbortHandle>,
    /// Wakes that task, once it has run.
    waker: Option<Waker>,
}

/// A connection's place in the registry, for as long as it is open.
pub(crate) struct Registration {
    registry: Rc<Registry>,
    number: u64,
    activity: Rc<Activity>,
}

#[derive(Debug, thiserror::Error)]
#[error("connections hold more than {MAX_HELD_BYTES} bytes, this one {0} of them")]
struct TooManyBytes(usize);

impl Registry {
    pub(super) fn new(slot: Option<Rc<Slot>>) -> Self {
        Self {
            slot,
            now: Cell::default(),
            held_bytes: Cell::default(),
            next_number: Cell::default(),
            open: RefCell::default(),
            drain: Cell::default(),
            closed: Notify::new(),
        }
    }

    /// Adds a connection.
    pub(super) fn register(self: &Rc<Self>) -> Registration {
        let number = self.next_number.replace(self.next_number.get() + 1);
        let activity = Rc::new(Activity::new(self.now.get()));
        let entry = Entry {
            activity: Rc::clone(&activity),
            task: None,
            waker: None,
        };
        self.open.borrow_mut().insert(number, entry);
        if let Some(slot) = &self.slot {
            slot.counters().accepted();
            slot.set_open_connections(self.count());
        }
        Registration {
            registry: Rc::clone(self),
            number,
            activity,
        }
    }

    /// Spawns the task that serves the connection of that number.
    pub(super) fn spawn(
        self: &Rc<Self>,
        number: u64,
        connection: impl Future<Output = ()> + 'static,
    ) {
        let registry = Rc::downgrade(self);
        let task = actix_rt::spawn(async move {
            // A task has the same waker for as long as it lives.
            let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
            if let Some(registry) = registry.upgrade()
                && let Some(entry) = registry.open.borrow_mut().get_mut(&number)
            {
                entry.waker = Some(waker);
            }
            connection.await;
        });
        if let Some(entry) = self.open.borrow_mut().get_mut(&number) {
            entry.task = Some(task.abort_handle());
        }
    }

    /// The open connections by their numbers. A task that is aborted meanwhile removes its connection at its next turn.
    pub(super) fn open(&self) -> Ref<'_, HashMap<u64, Entry, RandomState>> {
        self.open.borrow()
    }

    pub(super) fn count(&self) -> usize {
        self.open.borrow().len()
    }

    /// Ready once a connection has closed.
    pub(super) async fn one_closed(&self) {
        self.closed.notified().await;
    }

    /// Ready once no connection is open.
    pub(super) async fn all_closed(&self) {
        while self.count() > 0 {
            self.one_closed().await;
        }
    }

    pub(super) fn now(&self) -> Tick {
        self.now.get()
    }

    pub(super) fn advance_clock(&self) {
        self.now.update(Tick::next);
    }

    #[inline]
    pub(super) fn drain_stage(&self) -> DrainStage {
        self.drain.get()
    }

    /// Goes on to a later stage. A stage that is over does not come back.
    pub(super) fn advance_drain(&self, stage: DrainStage) {
        self.drain.update(|reached| reached.max(stage));
    }

    /// Wakes all connections, so that each looks at the stage of the drain.
    pub(super) fn wake_all(&self) {
        for waker in self
            .open
            .borrow()
            .values()
            .filter_map(|entry| entry.waker.as_ref())
        {
            waker.wake_by_ref();
        }
    }

    /// Counts a connection that is closed for this reason.
    pub(super) fn count_closed(&self, reason: Closed) {
        if let Some(slot) = &self.slot {
            slot.counters().closed(reason);
        }
    }

    /// Counts a refusal of bytes that are no request.
    pub(super) fn count_malformed(&self, status: u16, bytes: usize) {
        if let Some(slot) = &self.slot {
            let counters = slot.counters();
            counters.answered(Endpoint::Other, status, bytes, Duration::ZERO);
        }
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes.get()
    }
}

impl Registration {
    /// Notes that bytes were received; an error if the connections hold too many.
    #[inline]
    pub(super) fn received(&self, bytes: usize) -> io::Result<()> {
        self.activity.received(bytes, self.registry.now.get());
        self.hold(bytes)
    }

    /// Notes that `100 Continue` was sent.
    pub(super) fn sent_continue(&self) {
        self.activity.sent_continue(self.registry.now.get());
    }

    /// Notes that bytes of an answer were sent.
    #[inline]
    pub(super) fn sent(&self, bytes: usize) {
        self.activity.sent(bytes, self.registry.now.get());
    }

    /// Notes that the socket is full and that `waiting` more bytes are held until it takes them; an error if the
    /// connections hold too many.
    pub(super) fn blocked(&self, waiting: usize) -> io::Result<()> {
        let more = self.activity.blocked(waiting, self.registry.now.get());
        self.hold(more)
    }

    /// Notes that everything is sent. Returns whether the socket was full.
    #[inline]
    pub(super) fn flushed(&self) -> bool {
        let (released, was_full) = self.activity.flushed();
        self.registry.held_bytes.update(|held| held - released);
        was_full
    }

    #[inline]
    fn hold(&self, more: usize) -> io::Result<()> {
        let all = self.registry.held_bytes.get() + more;
        self.registry.held_bytes.set(all);
        if all > MAX_HELD_BYTES && self.activity.held_bytes() > SHARE {
            self.registry.count_closed(Closed::ForMemory);
            return Err(io::Error::other(TooManyBytes(self.activity.held_bytes())));
        }
        Ok(())
    }

    pub(super) fn activity(&self) -> &Rc<Activity> {
        &self.activity
    }

    /// The drain wants this connection closed, unless bytes of a request are still in the socket. A connection that has
    /// not served a request has more time to send one.
    pub(super) fn should_close(&self) -> bool {
        let from = if self.activity.has_served() {
            DrainStage::ClosingServed
        } else {
            DrainStage::ClosingAll
        };
        self.registry.drain.get() >= from && self.activity.is_idle()
    }

    /// Counts a refusal of bytes that are no request.
    pub(super) fn count_malformed(&self, status: u16, bytes: usize) {
        self.registry.count_malformed(status, bytes);
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let released = self.activity.held_bytes();
        self.registry.held_bytes.update(|held| held - released);
        self.registry.open.borrow_mut().remove(&self.number);
        if let Some(slot) = &self.registry.slot {
            slot.set_open_connections(self.registry.count());
        }
        self.registry.closed.notify_one();
    }
}
