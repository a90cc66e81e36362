//! What is noted of each request when its answer is made: this worker's slot counts it on the board.
//!
//! A request begins for this file when HTTP has read its head, and ends when its answer is handed to HTTP: waiting for
//! the request's body counts, sending the answer does not, because it takes as long as the client lets it.

use std::rc::Rc;
use std::time::Instant;

use contract::Endpoint;

use crate::process::slot::Slot;

/// An answer that was made.
pub(super) struct Answered {
    pub(super) endpoint: Endpoint,
    pub(super) status: u16,
    /// The length of the body that is sent.
    pub(super) bytes: usize,
    /// When the request began.
    pub(super) since: Instant,
}

/// Notes what a listener answers.
#[derive(Clone)]
pub(super) struct Observer(Option<Rc<Slot>>);

impl Observer {
    /// Without a slot nothing is noted.
    pub(super) fn new(slot: Option<&Rc<Slot>>) -> Self {
        Self(slot.cloned())
    }

    /// Costs a look at the clock and four atomic additions to words that hardly anybody else touches.
    #[inline]
    pub(super) fn answered(&self, answered: &Answered) {
        let Some(slot) = &self.0 else {
            return;
        };
        let took = answered.since.elapsed();
        let counters = slot.counters();
        counters.answered(answered.endpoint, answered.status, answered.bytes, took);
    }
}
