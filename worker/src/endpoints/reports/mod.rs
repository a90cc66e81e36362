//! What clients report: each report is a record in this worker's ring before the client is told that it is accepted.

mod analytics;
mod events;
mod json;
mod labels;
mod traits;
mod usage;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix_http::RequestHead;
use actix_web::web::Bytes;
use engine::{ArchivedEnvironment, Side};
use journal::{Record, Refused, Report, Writer};

use crate::environments::Environments;
use crate::environments::mapped::MappedEnvironment;
use crate::http::environment_key::environment_key;
use crate::http::refusal::Refusal;
use crate::http::request_body::UnreadBody;
use crate::throttle::Throttle;

pub(crate) use usage::report_usage;

/// What goes upstream beside evaluations.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forwards {
    /// What clients say of traits.
    pub(crate) traits: bool,
    /// Events, which have a host of their own.
    pub(crate) events: bool,
    /// How many requests each environment has answered.
    pub(crate) usage: bool,
}

/// Where reports go, and which of them.
pub(crate) struct Reports {
    /// `None` if there was no room for a ring.
    ring: RefCell<Option<Writer>>,
    forwards: Forwards,
    /// The bytes of a record, used again for each.
    buffer: Cell<Vec<u8>>,
    log: Throttle,
}

/// Who reports, and what.
pub(super) struct Reporter<'a> {
    head: &'a RequestHead,
    environment: Rc<MappedEnvironment>,
    side: Side,
    body: Bytes,
}

impl Reports {
    pub(crate) fn new(ring: Option<Writer>, forwards: Forwards) -> Self {
        Self {
            ring: RefCell::new(ring),
            forwards,
            buffer: Cell::default(),
            log: Throttle::default(),
        }
    }

    /// Whether events have a host to go to.
    pub(super) fn accepts_events(&self) -> bool {
        self.forwards.events
    }

    /// Whether what clients say of traits goes upstream.
    pub(super) fn forwards_traits(&self) -> bool {
        self.forwards.traits
    }

    /// Accepts a report. Costs one write into shared memory.
    fn accept(&self, reporter: &Reporter<'_>, report: Report<'_>) -> Result<(), Refusal> {
        let record = Record {
            environment: reporter.client_side_key()?,
            labels: labels::labels(&reporter.head.headers),
            report,
        };
        self.append(&record).map_err(|refused| match refused {
            Refused::TooLarge => Refusal::UnreadBody(UnreadBody::TooLarge),
            Refused::Full => {
                if self.log.is_due() {
                    log::warn!("refusing what clients report: there is no room in the ring");
                }
                Refusal::JournalFull
            }
        })
    }

    fn append(&self, record: &Record<'_>) -> Result<(), Refused> {
        let mut buffer = self.buffer.take();
        buffer.clear();
        // Texts, bytes and numbers cannot fail to be written.
        let payload = record.write(buffer).unwrap_or_default();
        let mut ring = self.ring.borrow_mut();
        let appended = match ring.as_mut() {
            Some(ring) => ring.append(&payload),
            None => Err(Refused::Full),
        };
        self.buffer.set(payload);
        appended
    }
}

impl<'a> Reporter<'a> {
    /// Opens the environment of the request's key.
    pub(super) fn open(
        environments: &Environments,
        head: &'a RequestHead,
        body: Bytes,
    ) -> Result<Self, Refusal> {
        let (environment, side) = environments.index().open(environment_key(head)?)?;
        Ok(Self {
            head,
            environment,
            side,
            body,
        })
    }

    fn archive(&self) -> &ArchivedEnvironment {
        self.environment.archive()
    }

    /// The key under which the report goes upstream.
    fn client_side_key(&self) -> Result<&str, Refusal> {
        match self.side {
            // A server-side key must not be written to disk.
            Side::Server => Ok(self.archive().api_key()),
            Side::Client => {
                let key = environment_key(self.head)?;
                std::str::from_utf8(key).map_err(|_| Refusal::unknown_key(key))
            }
        }
    }
}
