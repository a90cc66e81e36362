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

/// Notes what is answered.
#[derive(Clone)]
pub(super) struct Observer(Rc<Slot>);

impl Observer {
    pub(super) fn new(slot: &Rc<Slot>) -> Self {
        Self(Rc::clone(slot))
    }

    /// Costs a look at the clock and four atomic additions to words that hardly anybody else touches.
    #[inline]
    pub(super) fn answered(&self, answered: &Answered) {
        let took = answered.since.elapsed();
        let counters = self.0.counters();
        counters.answered(answered.endpoint, answered.status, answered.bytes, took);
    }
}
