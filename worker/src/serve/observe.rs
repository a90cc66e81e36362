//! What is noted of each request: this worker's slot counts it on the board, and the access log gets a line, if it is
//! on.
//!
//! A request begins for the counters when HTTP has read its head, and ends when its answer is handed to HTTP: waiting
//! for the request's body counts, sending the answer does not, because it takes as long as the client lets it. The
//! access log writes its line when the answer is sent.

use std::rc::Rc;
use std::time::Instant;

use actix_http::{Method, RequestHead};
use contract::Endpoint;

use crate::access::{AccessLog, Entry};
use crate::http::response::{self, Response};
use crate::process::slot::Slot;

/// Notes what a listener answers.
#[derive(Clone)]
pub(super) struct Observer {
    slot: Option<Rc<Slot>>,
    access_log: Option<Rc<AccessLog>>,
}

/// A request that is being answered.
pub(super) struct Observed {
    since: Instant,
    entry: Option<Box<Entry>>,
}

impl Observer {
    /// Without a slot nothing is counted, without a log nothing is logged.
    pub(super) fn new(slot: Option<Rc<Slot>>, access_log: Option<Rc<AccessLog>>) -> Self {
        Self { slot, access_log }
    }

    /// A request begins.
    #[inline]
    pub(super) fn begin(&self, head: &RequestHead) -> Observed {
        let since = Instant::now();
        Observed {
            since,
            entry: self.access_log.as_ref().map(|log| log.begin(head, since)),
        }
    }

    /// Its answer is made. Returns that answer, which notes itself when it is sent.
    ///
    /// Costs two looks at the clock and four atomic additions to words that hardly anybody else touches.
    #[inline]
    pub(super) fn answered(
        &self,
        observed: &mut Observed,
        head: &RequestHead,
        endpoint: Endpoint,
        response: Response,
    ) -> Response {
        if let Some(slot) = &self.slot {
            let bytes = match head.method {
                Method::HEAD => 0,
                _ => response.body().len(),
            };
            let (status, took) = (response.status().as_u16(), observed.since.elapsed());
            slot.counters().answered(endpoint, status, bytes, took);
        }
        match observed.entry.take() {
            Some(entry) => response::logged(response, entry),
            None => response,
        }
    }
}
