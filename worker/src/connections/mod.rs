//! The connections a worker has open: how many there may be, how long one may be at what it does, how much all of them
//! may hold, and how they end when the worker does. Knows nothing of what goes through them.

pub(crate) mod activity;
mod pipelining;
pub(crate) mod stream;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use actix_rt::time::{Instant, interval, timeout};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::connections::activity::{Activity, Patience};
use contract::Limits;

/// How often connections are looked at; also what their times are counted in.
const TICK: Duration = Duration::from_secs(1);

/// How often to look for a connection to close when all were busy.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How many bytes all connections together may hold of requests that are not answered and of answers that wait. Beyond
/// it those that hold more than their `SHARE` are closed when they bring more.
const HELD: usize = 64 * 1024 * 1024;

/// What a connection may hold whatever others do.
const SHARE: usize = 16 * 1024;
/// How long a drain leaves connections open that wait for a request: a client that uses them is told with an answer that
/// they close, and does not find out with a request.
const GRACE: Duration = Duration::from_millis(500);

/// How long it leaves those open on which nothing was asked so far.
const FIRST_GRACE: Duration = Duration::from_secs(2);

/// How often a drain looks for connections that have come to wait.
const CLOSE_AGAIN: Duration = Duration::from_millis(100);

/// Every connection of this worker.
pub(crate) struct Connections {
    /// How many may be open.
    limit: usize,
    patience: Patience,
    tick: Cell<u32>,
    /// What all of them hold, in bytes.
    held: Cell<usize>,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Open, foldhash::fast::RandomState>>,
    draining: Cell<bool>,
    /// Whether connections that wait for a request are to close.
    closing: Cell<bool>,
    /// Whether those are to close, too, that never had one.
    closing_all: Cell<bool>,
    closed: Notify,
}

struct Open {
    activity: Rc<Activity>,
    /// Set once its task runs.
    task: Option<AbortHandle>,
    /// Gives that task a turn.
    waker: Option<Waker>,
}

/// A connection's entry among the others, for as long as it is open.
pub(crate) struct Registration {
    connections: Rc<Connections>,
    number: u64,
    activity: Rc<Activity>,
}

/// Together the connections hold so much that this one may not bring more.
#[derive(Debug, thiserror::Error)]
#[error("requests hold too much memory, this one {0} bytes of it")]
struct TooMuch(usize);

impl Connections {
    /// Also starts the clock that their times are measured by.
    pub(crate) fn new(limits: Limits) -> Rc<Self> {
        let connections = Rc::new(Self {
            limit: limits.max_connections.max(1),
            patience: Patience {
                silence: ticks(limits.keep_alive),
                head: ticks(limits.header_timeout),
            },
            tick: Cell::default(),
            held: Cell::default(),
            next: Cell::default(),
            open: RefCell::default(),
            draining: Cell::default(),
            closing: Cell::default(),
            closing_all: Cell::default(),
            closed: Notify::default(),
        });
        actix_rt::spawn(watch(Rc::downgrade(&connections)));
        connections
    }

    /// Takes in a connection.
    pub(crate) fn enter(self: &Rc<Self>) -> Registration {
        let number = self.next.get();
        self.next.set(number + 1);
        let activity = Rc::new(Activity::new(self.tick.get()));
        let open = Open {
            activity: Rc::clone(&activity),
            task: None,
            waker: None,
        };
        self.open.borrow_mut().insert(number, open);
        Registration {
            connections: Rc::clone(self),
            number,
            activity,
        }
    }

    /// Ready once another connection may be opened. At the limit, those that wait for a request are closed for it, the
    /// longest silent first; only when all are busy does the next one wait.
    pub(crate) async fn room(&self) {
        while self.open.borrow().len() >= self.limit {
            self.make_room();
            // What was closed is gone after its next turn.
            let _ = timeout(LOOK_AGAIN, self.closed.notified()).await;
        }
    }

    /// Closes some of the connections that wait for a request, the longest silent ones: more than one of many, so that
    /// who comes next need not look at all of them again.
    pub(crate) fn make_room(&self) {
        let tick = self.tick.get();
        let open = self.open.borrow();
        let mut idle: Vec<(u32, u64)> = open
            .iter()
            .filter(|(_, open)| open.activity.is_idle(tick) && open.task.is_some())
            .map(|(&number, open)| (u32::MAX - open.activity.silent_for(tick), number))
            .collect();
        let count = idle.len().min(1 + open.len() / 64);
        if count == 0 {
            return;
        }
        idle.select_nth_unstable(count - 1);
        log::debug!("closing {count} idle connections to make room");
        for (_, number) in &idle[..count] {
            if let Some(task) = open.get(number).and_then(|open| open.task.as_ref()) {
                task.abort();
            }
        }
    }

    /// Runs what serves the connection of that number until it ends, or has been at what it does for too long.
    pub(crate) fn serve(
        self: &Rc<Self>,
        number: u64,
        connection: impl Future<Output = ()> + 'static,
    ) {
        let this = Rc::downgrade(self);
        let task = actix_rt::spawn(async move {
            // A task has one waker for as long as it lives.
            let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
            if let Some(this) = this.upgrade()
                && let Some(open) = this.open.borrow_mut().get_mut(&number)
            {
                open.waker = Some(waker);
            }
            connection.await;
        });
        if let Some(open) = self.open.borrow_mut().get_mut(&number) {
            open.task = Some(task.abort_handle());
        }
    }

    /// Begins to drain: from now on each answer says that its connection closes.
    pub(crate) fn begin_drain(&self) {
        self.draining.set(true);
    }

    /// Whether answers are to say that their connection closes.
    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Drains: waits until every connection is closed, or the time is over. Those that wait for a request are closed
    /// after a while.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.begin_drain();
        let grace = GRACE.min(patience / 4);
        let drained = async {
            if timeout(grace, self.empty()).await.is_ok() {
                return;
            }
            self.closing.set(true);
            let begun = Instant::now();
            loop {
                self.closing_all.set(begun.elapsed() > FIRST_GRACE);
                for waker in self.open.borrow().values().filter_map(Open::waker) {
                    waker.wake_by_ref();
                }
                if timeout(CLOSE_AGAIN, self.empty()).await.is_ok() {
                    return;
                }
            }
        };
        if timeout(patience, drained).await.is_err() {
            log::warn!(
                "drain not finished in time: {} connections cut",
                self.open.borrow().len()
            );
        }
    }

    async fn empty(&self) {
        while !self.open.borrow().is_empty() {
            self.closed.notified().await;
        }
    }

    fn close_overdue(&self) {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        for open in self.open.borrow().values() {
            if open.activity.is_overdue(tick, self.patience)
                && let Some(task) = &open.task
            {
                // It ends at its next turn, not in this one: nothing is removed while this looks.
                task.abort();
            }
        }
    }
}

impl Open {
    fn waker(&self) -> Option<&Waker> {
        self.waker.as_ref()
    }
}

/// A time in ticks, a fraction counting as one more.
fn ticks(time: Duration) -> u32 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

async fn watch(connections: Weak<Connections>) {
    let mut interval = interval(TICK);
    loop {
        interval.tick().await;
        match connections.upgrade() {
            Some(connections) => connections.close_overdue(),
            None => return,
        }
    }
}

impl Registration {
    /// Notes that so many bytes were read; an error if they are too many to be held.
    #[inline]
    pub(crate) fn read(&self, bytes: usize) -> io::Result<()> {
        self.activity.read(bytes, self.connections.tick.get());
        self.hold(bytes)
    }

    #[inline]
    fn hold(&self, more: usize) -> io::Result<()> {
        let all = self.connections.held.get() + more;
        self.connections.held.set(all);
        if all > HELD && self.activity.held() > SHARE {
            return Err(io::Error::other(TooMuch(self.activity.held())));
        }
        Ok(())
    }

    /// Notes that bytes moved that belong to no answer.
    pub(crate) fn moved(&self) {
        self.activity.moved(self.connections.tick.get());
    }

    /// Notes that so many bytes of an answer were written.
    #[inline]
    pub(crate) fn wrote(&self, bytes: usize) {
        self.activity.wrote(bytes, self.connections.tick.get());
    }

    /// Notes that the socket takes no more for now, and that so many more bytes are held for that; an error if they are
    /// too many.
    pub(crate) fn blocked(&self, more: usize) -> io::Result<()> {
        let more = self.activity.blocked(more, self.connections.tick.get());
        self.hold(more)
    }

    /// Notes that everything is written. Returns whether the client had to be waited for.
    #[inline]
    pub(crate) fn flushed(&self) -> bool {
        let (released, waited) = self.activity.flushed();
        self.connections.held.update(|held| held - released);
        waited
    }

    /// What it is doing.
    pub(crate) fn activity(&self) -> &Rc<Activity> {
        &self.activity
    }

    /// Whether the connection is to close, unless something of a request has come: one on which nothing was asked yet is
    /// given longer than one that may never be used again.
    pub(crate) fn is_closing(&self) -> bool {
        let connections = &self.connections;
        let closing = if self.activity.has_served() {
            &connections.closing
        } else {
            &connections.closing_all
        };
        closing.get() && self.activity.is_waiting()
    }

    /// Its number, for [`Connections::serve`].
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let held = self.activity.held();
        self.connections.held.update(|all| all - held);
        self.connections.open.borrow_mut().remove(&self.number);
        self.connections.closed.notify_one();
    }
}

#[cfg(test)]
mod tests;
