//! The streams of one environment: the event that is current, and how they learn of the next one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::yield_now;

use super::event::Event;
use crate::environments::mapped::MappedEnvironment;

/// How many streams are woken before requests get their turn: a fraction of a millisecond's work.
const WOKEN_PER_TURN: usize = 64;

/// The streams of one environment.
pub(super) struct Channel {
    /// The snapshot that was looked at last.
    generation: Cell<u64>,
    /// What the current document is to clients; `None` when the streams are to end.
    event: RefCell<Option<Rc<Event>>>,
    changed: Notify,
    streams: Cell<usize>,
}

/// A stream's part in its channel.
pub(super) struct Member(Rc<Channel>);

impl Channel {
    pub(super) fn new(environment: &MappedEnvironment) -> Self {
        Self {
            generation: Cell::new(environment.generation()),
            event: RefCell::new(Some(Rc::new(Event::of(environment)))),
            changed: Notify::new(),
            streams: Cell::default(),
        }
    }

    /// Tells the streams if this is another document. The same one may have been published again, for example when it
    /// was compressed.
    pub(super) fn follow(self: &Rc<Self>, environment: &MappedEnvironment) {
        if self.generation.replace(environment.generation()) == environment.generation() {
            return;
        }
        let Some(before) = self.event() else {
            return;
        };
        let event = Event::of(environment);
        if event.id() != before.id() {
            self.change(Some(Rc::new(event.after(before.id()))));
        }
    }

    /// Ends the streams.
    pub(super) fn end(self: &Rc<Self>) {
        self.change(None);
    }

    /// What the current document is to clients; `None` when the streams are to end.
    pub(super) fn event(&self) -> Option<Rc<Event>> {
        self.event.borrow().clone()
    }

    /// Ready when there may be another event.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn is_unused(&self) -> bool {
        self.streams.get() == 0
    }

    fn change(self: &Rc<Self>, event: Option<Rc<Event>>) {
        self.event.replace(event);
        if !self.is_unused() {
            actix_rt::spawn(Rc::clone(self).wake());
        }
    }

    /// Wakes all streams that wait, the longest waiting first, so nobody who waits again is woken in another's place.
    async fn wake(self: Rc<Self>) {
        let mut left = self.streams.get();
        while left > 0 {
            let batch = left.min(WOKEN_PER_TURN);
            (0..batch).for_each(|_| self.changed.notify_one());
            left -= batch;
            yield_now().await;
        }
    }
}

impl Member {
    pub(super) fn of(channel: Rc<Channel>) -> Self {
        channel.streams.update(|streams| streams + 1);
        Self(channel)
    }
}

impl std::ops::Deref for Member {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.0
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.streams.update(|streams| streams - 1);
    }
}
