//! Where documents come from, and with which key: by row, for these change while environments are polled. Knows
//! nothing of schedules.

pub(crate) mod api_url;
pub(crate) mod upstream;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use crate::poll::freshness::Timing;
use crate::source::upstream::{Answer, Credential, Document, FetchError, Upstream};

/// Where documents come from.
pub(crate) enum Supply {
    /// Fetched, with the credentials in the order of the environments.
    Upstream(Upstream, Vec<Credential>),
    /// At hand, in the order of the environments.
    Embedded(Vec<Vec<u8>>),
}

/// A supply that can change.
pub(crate) enum Supplier {
    Upstream(RefCell<Access>),
    Embedded(Vec<Vec<u8>>),
}

/// What it takes to fetch.
pub(crate) struct Access {
    upstream: Rc<Upstream>,
    /// By row.
    credentials: HashMap<usize, Rc<Credential>>,
}

impl Supplier {
    pub(crate) fn new(supply: Supply) -> Self {
        match supply {
            Supply::Embedded(documents) => Self::Embedded(documents),
            Supply::Upstream(upstream, credentials) => Self::Upstream(RefCell::new(Access {
                upstream: Rc::new(upstream),
                credentials: credentials.into_iter().map(Rc::new).enumerate().collect(),
            })),
        }
    }

    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// Fetches from here from now on. What is on its way comes from where it was asked for.
    pub(crate) fn renew(&self, upstream: Upstream) {
        if let Self::Upstream(access) = self {
            access.borrow_mut().upstream = Rc::new(upstream);
        }
    }

    /// Fetches the environment of this row with this credential from now on.
    pub(crate) fn learn(&self, row: usize, credential: Credential) {
        if let Self::Upstream(access) = self {
            let credentials = &mut access.borrow_mut().credentials;
            credentials.insert(row, Rc::new(credential));
        }
    }

    /// Nobody fetches this row any more.
    pub(crate) fn forget(&self, row: usize) {
        if let Self::Upstream(access) = self {
            access.borrow_mut().credentials.remove(&row);
        }
    }

    /// Asks for the document of a row: only if it changed after `since`; one at hand does not once it `is_published`.
    pub(crate) async fn ask(
        &self,
        row: usize,
        since: Option<SystemTime>,
        is_published: bool,
    ) -> Result<Answer, FetchError> {
        match self {
            Self::Upstream(access) => {
                let (upstream, credential) = {
                    let access = access.borrow();
                    (
                        Rc::clone(&access.upstream),
                        Rc::clone(&access.credentials[&row]),
                    )
                };
                upstream.fetch(&credential, since).await
            }
            Self::Embedded(documents) => {
                let timing = Timing {
                    asked: Instant::now(),
                    elapsed: Duration::ZERO,
                    date: None,
                };
                if is_published {
                    return Ok(Answer::NotModified(timing));
                }
                Ok(Answer::Document(Document {
                    body: documents[row].clone(),
                    timing,
                    last_modified: None,
                }))
            }
        }
    }
}
