//! Where documents come from. Another kind of source is a file here and a variant of the two enums.

pub(crate) mod api_url;
mod body;
mod embedded;
mod fetch;
pub(crate) mod upstream;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;

use api_url::ApiUrl;
use contract::KeyPair;
use embedded::Embedded;
use upstream::{Credential, FetchError, Upstream, UpstreamSettings};

pub(crate) use body::Body;
pub(crate) use fetch::{Document, FetchOutcome, Timing};

/// The source that the settings choose.
#[derive(PartialEq, Eq, Debug)]
pub enum Source {
    /// The Flagsmith API.
    Upstream(UpstreamSettings),
    /// Documents of the executable, one for each environment, in their order. They never change and never get stale.
    Embedded(Vec<Vec<u8>>),
}

/// Why a source cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no client to fetch with.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// Each environment needs one document.
    #[error("serve {environments} environments from {documents} embedded documents")]
    Documents {
        /// The number of environments.
        environments: usize,
        /// The number of documents.
        documents: usize,
    },
}

impl Source {
    /// The address of upstream.
    pub(crate) fn api_url(&self) -> Option<&ApiUrl> {
        match self {
            Self::Upstream(settings) => Some(&settings.api_url),
            Self::Embedded(_) => None,
        }
    }

    /// The documents of these environments, whose rows are their indices.
    pub(crate) fn open(&self, environments: &[KeyPair]) -> Result<Documents, Error> {
        match self {
            Self::Upstream(settings) => {
                let credentials = environments
                    .iter()
                    .map(|pair| Credential::of(pair).map(Arc::new))
                    .collect::<Result<Vec<_>, _>>()?;
                let upstream = Upstream::new(settings)?;
                Ok(Documents::Upstream {
                    upstream: RefCell::new(Arc::new(upstream)),
                    credentials: RefCell::new(credentials.into_iter().enumerate().collect()),
                })
            }
            Self::Embedded(documents) if documents.len() == environments.len() => {
                Ok(Documents::Embedded(Embedded::new(documents)))
            }
            Self::Embedded(documents) => Err(Error::Documents {
                environments: environments.len(),
                documents: documents.len(),
            }),
        }
    }
}

/// The documents of an open source. Upstream's client and the credentials change while environments are polled.
pub(crate) enum Documents {
    Upstream {
        upstream: RefCell<Arc<Upstream>>,
        /// By row.
        credentials: RefCell<HashMap<usize, Arc<Credential>>>,
    },
    Embedded(Embedded),
}

impl Documents {
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// Later fetches use this client. A fetch in progress ends with the one that it began with.
    pub(crate) fn set_upstream(&self, new: Upstream) {
        if let Self::Upstream { upstream, .. } = self {
            upstream.replace(Arc::new(new));
        }
    }

    /// Later fetches of this row use this credential.
    pub(crate) fn set_credential(&self, row: usize, credential: Credential) {
        if let Self::Upstream { credentials, .. } = self {
            credentials.borrow_mut().insert(row, Arc::new(credential));
        }
    }

    /// Forgets the credential of a row that is not fetched any more.
    pub(crate) fn remove(&self, row: usize) {
        if let Self::Upstream { credentials, .. } = self {
            credentials.borrow_mut().remove(&row);
        }
    }

    /// Fetches the document of a row; from upstream only if it changed after `if_modified_since`, an embedded one only
    /// if it is not published.
    pub(crate) async fn fetch(
        &self,
        row: usize,
        if_modified_since: Option<SystemTime>,
        is_published: bool,
    ) -> Result<FetchOutcome, FetchError> {
        match self {
            Self::Upstream {
                upstream,
                credentials,
            } => {
                let upstream = Arc::clone(&upstream.borrow());
                let credential = Arc::clone(&credentials.borrow()[&row]);
                upstream.fetch(&credential, if_modified_since).await
            }
            Self::Embedded(documents) => Ok(documents.fetch(row, is_published)),
        }
    }
}
