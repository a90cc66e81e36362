//! How many streams there may be. They do not count as connections, so neither keep the others out.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::process::slot::Slot;

/// The places for the streams of this worker.
pub(super) struct Places {
    max: usize,
    taken: Rc<Cell<usize>>,
    freed: Notify,
    slot: Rc<Slot>,
}

/// The place of one stream, until it is dropped.
pub(super) struct Place(Rc<Places>);

impl Places {
    pub(super) fn new(max: usize, slot: &Rc<Slot>) -> Rc<Self> {
        Rc::new(Self {
            max,
            taken: Rc::default(),
            freed: Notify::new(),
            slot: Rc::clone(slot),
        })
    }

    /// Takes a place; `None` if there is none left.
    pub(super) fn take(self: &Rc<Self>) -> Option<Place> {
        if self.taken.get() >= self.max {
            return None;
        }
        self.set_taken(self.taken.get() + 1);
        Some(Place(Rc::clone(self)))
    }

    pub(super) fn taken(&self) -> &Rc<Cell<usize>> {
        &self.taken
    }

    /// Ready once no place is taken.
    pub(super) async fn all_free(&self) {
        while self.taken.get() > 0 {
            self.freed.notified().await;
        }
    }

    fn set_taken(&self, taken: usize) {
        self.taken.set(taken);
        self.slot.set_open_streams(taken);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set_taken(self.0.taken.get() - 1);
        self.0.freed.notify_one();
    }
}
