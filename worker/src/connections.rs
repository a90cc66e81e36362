//! The connections a worker has open: how long one may be silent, and how they end when the worker does. Knows nothing
//! of what goes through them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use actix_rt::time::{Instant, interval, timeout};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How often connections are looked at; also what a silence is counted in.
const TICK: Duration = Duration::from_secs(1);

/// How long a drain leaves connections open that wait for a request: a client that uses them is told with an answer that
/// they close, and does not find out with a request.
const GRACE: Duration = Duration::from_millis(500);

/// How long it leaves those open on which nothing was asked so far.
const FIRST_GRACE: Duration = Duration::from_secs(2);

/// How often a drain looks for connections that have come to wait.
const CLOSE_AGAIN: Duration = Duration::from_millis(100);

/// Every connection of this worker.
pub(crate) struct Connections {
    /// After so many ticks without a byte in either direction a connection is closed, whether it waits for its next
    /// request or its client does not take the answer.
    silence: u32,
    tick: Cell<u32>,
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
    moved: Rc<Cell<u32>>,
    /// Set once its task runs.
    task: Option<AbortHandle>,
    /// Gives that task a turn.
    waker: Option<Waker>,
}

/// A connection's entry among the others, for as long as it is open.
pub(crate) struct Registration {
    connections: Rc<Connections>,
    number: u64,
    moved: Rc<Cell<u32>>,
}

impl Connections {
    /// Also starts the clock that silence is measured by.
    pub(crate) fn new(silence: Duration) -> Rc<Self> {
        let seconds = silence.as_secs() + u64::from(silence.subsec_nanos() > 0);
        let connections = Rc::new(Self {
            silence: u32::try_from(seconds).unwrap_or(u32::MAX),
            tick: Cell::default(),
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
        let moved = Rc::new(Cell::new(self.tick.get()));
        let open = Open {
            moved: Rc::clone(&moved),
            task: None,
            waker: None,
        };
        self.open.borrow_mut().insert(number, open);
        Registration {
            connections: Rc::clone(self),
            number,
            moved,
        }
    }

    /// Runs what serves the connection of that number until it ends, or is found silent for too long.
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

    fn close_silent(&self) {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        for open in self.open.borrow().values() {
            if tick.wrapping_sub(open.moved.get()) > self.silence
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

async fn watch(connections: Weak<Connections>) {
    let mut interval = interval(TICK);
    loop {
        interval.tick().await;
        match connections.upgrade() {
            Some(connections) => connections.close_silent(),
            None => return,
        }
    }
}

impl Registration {
    /// Notes that bytes moved.
    #[inline]
    pub(crate) fn moved(&self) {
        self.moved.set(self.connections.tick.get());
    }

    /// Whether the connection is to close once it waits for a request.
    pub(crate) fn is_closing(&self) -> bool {
        self.connections.closing.get()
    }

    /// Whether it is to close even if nothing was asked on it.
    pub(crate) fn is_closing_all(&self) -> bool {
        self.connections.closing_all.get()
    }

    /// Its number, for [`Connections::serve`].
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().remove(&self.number);
        self.connections.closed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const SILENCE: Duration = Duration::from_secs(75);

    /// A connection on which nothing happens, but for as many ticks as it is told.
    fn open(connections: &Rc<Connections>, busy_ticks: u32) -> Rc<Cell<u32>> {
        let registration = connections.enter();
        let moved = Rc::clone(&registration.moved);
        connections.serve(registration.number(), async move {
            for _ in 0..busy_ticks {
                registration.moved();
                actix_rt::time::sleep(TICK).await;
            }
            pending::<()>().await;
            drop(registration);
        });
        moved
    }

    async fn ticks(count: u32) {
        for _ in 0..count {
            actix_rt::time::sleep(TICK).await;
        }
    }

    #[test]
    fn closes_what_is_silent_for_too_long_and_nothing_else() {
        actix_rt::System::new().block_on(async {
            tokio::time::pause();
            let connections = Connections::new(SILENCE);
            open(&connections, 0);
            open(&connections, 10);
            ticks(73).await;
            assert_eq!(connections.open.borrow().len(), 2);
            ticks(4).await;
            assert_eq!(connections.open.borrow().len(), 1);
            ticks(10).await;
            assert_eq!(connections.open.borrow().len(), 0);
        });
    }

    /// A connection that takes so long once it is to close.
    fn closing_for(connections: &Rc<Connections>, time: Duration) {
        let registration = connections.enter();
        connections.serve(registration.number(), async move {
            poll_fn(|_| match registration.is_closing() {
                true => Poll::Ready(()),
                // Woken when there is a reason to look.
                false => Poll::Pending,
            })
            .await;
            actix_rt::time::sleep(time).await;
            drop(registration);
        });
    }

    #[test]
    fn drains_until_the_last_connection_is_closed_or_the_time_is_over() {
        actix_rt::System::new().block_on(async {
            tokio::time::pause();
            let connections = Connections::new(SILENCE);
            closing_for(&connections, Duration::from_secs(3));
            actix_rt::task::yield_now().await;
            let begun = actix_rt::time::Instant::now();
            connections.drain(Duration::from_secs(10)).await;
            assert_eq!(begun.elapsed().as_millis() / 100, 35);

            open(&connections, 0);
            let begun = actix_rt::time::Instant::now();
            connections.drain(Duration::from_secs(10)).await;
            assert_eq!(begun.elapsed().as_secs(), 10);
            assert_eq!(connections.open.borrow().len(), 1);
        });
    }

    #[test]
    fn a_drain_without_connections_takes_no_time() {
        actix_rt::System::new().block_on(async {
            tokio::time::pause();
            let connections = Connections::new(SILENCE);
            let begun = actix_rt::time::Instant::now();
            connections.drain(Duration::from_secs(10)).await;
            assert_eq!(begun.elapsed().as_millis(), 0);
            assert!(connections.is_draining());
        });
    }
}
