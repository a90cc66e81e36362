//! The connections a worker has open: how long one may be silent, and how they end when the worker does. Knows nothing
//! of what goes through them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::{Rc, Weak};
use std::time::Duration;

use actix_rt::time::{interval, timeout};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How often connections are looked at; also what a silence is counted in.
const TICK: Duration = Duration::from_secs(1);

/// Every connection of this worker.
pub(crate) struct Connections {
    /// After so many ticks without a byte in either direction a connection is closed, whether it waits for its next
    /// request or its client does not take the answer.
    silence: u32,
    tick: Cell<u32>,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Open, foldhash::fast::RandomState>>,
    draining: Cell<bool>,
    drain: Notify,
    closed: Notify,
}

struct Open {
    moved: Rc<Cell<u32>>,
    /// Set once its task runs.
    task: Option<AbortHandle>,
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
            drain: Notify::default(),
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
        };
        self.open.borrow_mut().insert(number, open);
        Registration {
            connections: Rc::clone(self),
            number,
            moved,
        }
    }

    /// Runs what serves the connection of that number until it ends, or is found silent for too long.
    pub(crate) fn serve(&self, number: u64, connection: impl Future<Output = ()> + 'static) {
        let task = actix_rt::spawn(connection).abort_handle();
        if let Some(open) = self.open.borrow_mut().get_mut(&number) {
            open.task = Some(task);
        }
    }

    /// Ready when draining begins, or if it has: a connection that waits for a request is closed then, and one that
    /// has a request in hand after its answer.
    pub(crate) fn draining(self: &Rc<Self>) -> impl Future<Output = ()> + use<> {
        let this = Rc::clone(self);
        async move {
            if !this.draining.get() {
                this.drain.notified().await;
            }
        }
    }

    /// Drains: waits until every connection is closed, or the time is over.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.draining.set(true);
        self.drain.notify_waiters();
        let empty = async {
            while !self.open.borrow().is_empty() {
                self.closed.notified().await;
            }
        };
        if timeout(patience, empty).await.is_err() {
            log::warn!(
                "drain not finished in time: {} connections cut",
                self.open.borrow().len()
            );
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

    #[test]
    fn drains_until_the_last_connection_is_closed_or_the_time_is_over() {
        actix_rt::System::new().block_on(async {
            tokio::time::pause();
            let connections = Connections::new(SILENCE);
            let registration = connections.enter();
            let draining = connections.draining();
            connections.serve(registration.number(), async move {
                draining.await;
                actix_rt::time::sleep(Duration::from_secs(3)).await;
                drop(registration);
            });
            actix_rt::task::yield_now().await;
            let begun = actix_rt::time::Instant::now();
            connections.drain(Duration::from_secs(10)).await;
            assert_eq!(begun.elapsed().as_secs(), 3);

            open(&connections, 0);
            let begun = actix_rt::time::Instant::now();
            connections.drain(Duration::from_secs(10)).await;
            assert_eq!(begun.elapsed().as_secs(), 10);
            assert_eq!(connections.open.borrow().len(), 1);
        });
    }
}
