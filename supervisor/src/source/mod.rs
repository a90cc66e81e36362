//! Where documents come from. Another kind of source is a folder here and a variant of the two enums.

mod access;
pub(crate) mod api_url;
mod body;
mod fetch;
pub(crate) mod files;
pub(crate) mod realtime;
mod stamp;
pub(crate) mod upstream;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::blocking::off_thread;
use api_url::ApiUrl;
use contract::KeyPair;
use files::{FileError, FileSettings, Files, LOOK_INTERVAL};
use upstream::{FetchError, Upstream, UpstreamSettings};

pub(crate) use access::Access;
pub(crate) use body::Body;
pub(crate) use fetch::{Document, FetchOutcome, Timing};
pub(crate) use stamp::Stamp;

/// The source that the settings choose.
#[derive(PartialEq, Eq, Debug)]
pub enum Source {
    /// The Flagsmith API. With a proxy key, it also lists environments.
    Upstream(UpstreamSettings),
    /// Files, which also say which environments there are. They never get stale.
    Files(FileSettings),
}

/// Why a source cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no client to fetch with.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// A document in a file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Source {
    /// The address of upstream.
    pub(crate) fn api_url(&self) -> Option<&ApiUrl> {
        match self {
            Self::Upstream(settings) => Some(&settings.api_url),
            Self::Files(_) => None,
        }
    }

    /// Whether it says which environments there are.
    pub(crate) fn lists_environments(&self) -> bool {
        match self {
            Self::Upstream(settings) => settings.proxy_key.is_some(),
            Self::Files(_) => true,
        }
    }

    /// The environments to serve: of those that the source lists and those that are configured. Configured pairs win.
    /// In files, only environments with a document are served, and the pairs say which server-side keys they have.
    pub(crate) fn environments(&self, configured: &[KeyPair], listed: &[KeyPair]) -> Vec<KeyPair> {
        match self {
            Self::Upstream(_) => {
                let keys = configured.iter().map(|pair| &pair.client_side_key);
                let keys: HashSet<_> = keys.collect();
                let others = listed.iter();
                let others = others.filter(|pair| !keys.contains(&pair.client_side_key));
                configured.iter().chain(others).cloned().collect()
            }
            Self::Files(_) => {
                let pairs = configured.iter().map(|pair| (&pair.client_side_key, pair));
                let pairs: HashMap<_, _> = pairs.collect();
                let listed = listed.iter();
                let listed = listed.map(|pair| *pairs.get(&pair.client_side_key).unwrap_or(&pair));
                listed.cloned().collect()
            }
        }
    }

    /// Opens it. All files are read.
    pub(crate) fn open(&self) -> Result<OpenSource, Error> {
        Ok(match self {
            Self::Upstream(settings) => OpenSource::Upstream(Upstream::new(settings)?.into()),
            Self::Files(settings) => OpenSource::Files(Arc::new(Files::open(settings)?)),
        })
    }
}

/// A source that is open.
pub(crate) enum OpenSource {
    Upstream(Box<Upstream>),
    Files(Arc<Files>),
}

/// What a source lists.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) environments: Vec<KeyPair>,
    /// The client-side keys of environments whose documents are others by now.
    pub(crate) changed: HashSet<String>,
}

impl OpenSource {
    /// The environments that are known without waiting: those of files.
    pub(crate) fn known_environments(&self) -> Option<Vec<KeyPair>> {
        match self {
            Self::Upstream(_) => None,
            Self::Files(files) => Some(without_server_side_keys(files.environments())),
        }
    }

    /// How long to wait between two lists; `None` if it lists nothing.
    pub(crate) fn list_interval(&self, poll_frequency: Duration) -> Option<Duration> {
        match self {
            Self::Upstream(upstream) => upstream.has_proxy_key().then_some(poll_frequency),
            Self::Files(_) => Some(LOOK_INTERVAL),
        }
    }

    /// Lists the environments.
    pub(crate) async fn list(&self) -> Result<Listed, FetchError> {
        match self {
            Self::Upstream(upstream) => Ok(Listed {
                environments: upstream.list().await?,
                changed: HashSet::new(),
            }),
            Self::Files(files) => {
                let files = Arc::clone(files);
                let look = off_thread(move || files.look()).await;
                let look = look.map_err(FetchError::Panicked)??;
                Ok(Listed {
                    environments: without_server_side_keys(look.environments),
                    changed: look.changed,
                })
            }
        }
    }

    async fn fetch(&self, access: Arc<Access>, last: Last) -> Result<FetchOutcome, FetchError> {
        match self {
            Self::Upstream(upstream) => {
                let credential = access.credential();
                upstream.fetch(credential, last.if_modified_since).await
            }
            Self::Files(files) => {
                let files = Arc::clone(files);
                let fetch = move || files.fetch(access.environment(), last.stamp);
                Ok(off_thread(fetch).await.map_err(FetchError::Panicked)??)
            }
        }
    }
}

fn without_server_side_keys(environments: Vec<String>) -> Vec<KeyPair> {
    let environments = environments.into_iter();
    environments.map(|key| KeyPair::new(key, [])).collect()
}

/// What is known of the last document of an environment: what a source needs to tell that there is no other one.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Last {
    /// For upstream: the second of its date.
    pub(crate) if_modified_since: Option<SystemTime>,
    /// For files.
    pub(crate) stamp: Option<Stamp>,
}

/// The documents of an open source. Source and access change while environments are polled.
pub(crate) struct Documents {
    source: RefCell<Arc<OpenSource>>,
    /// By row.
    accesses: RefCell<HashMap<usize, Arc<Access>>>,
}

impl Documents {
    /// The documents of these environments, whose rows are their indices.
    pub(crate) fn new(source: OpenSource, environments: &[KeyPair]) -> Result<Self, Error> {
        let accesses = environments.iter().enumerate();
        let accesses = accesses.map(|(row, pair)| Ok((row, Arc::new(Access::of(pair)?))));
        Ok(Self {
            source: RefCell::new(Arc::new(source)),
            accesses: RefCell::new(accesses.collect::<Result<_, Error>>()?),
        })
    }

    /// The source in use.
    pub(crate) fn source(&self) -> Arc<OpenSource> {
        Arc::clone(&self.source.borrow())
    }

    /// Later fetches use this source. A fetch in progress ends with the one that it began with.
    pub(crate) fn set_source(&self, source: OpenSource) {
        self.source.replace(Arc::new(source));
    }

    /// Later fetches of this row use this.
    pub(crate) fn set_access(&self, row: usize, access: Access) {
        self.accesses.borrow_mut().insert(row, Arc::new(access));
    }

    /// Forgets the access of a row that is not fetched any more.
    pub(crate) fn remove(&self, row: usize) {
        self.accesses.borrow_mut().remove(&row);
    }

    /// The rows of these environments.
    pub(crate) fn rows_of(&self, environments: &HashSet<String>) -> Vec<usize> {
        if environments.is_empty() {
            return Vec::new();
        }
        let accesses = self.accesses.borrow();
        let found = accesses
            .iter()
            .filter(|(_, access)| environments.contains(access.environment()));
        found.map(|(row, _)| *row).collect()
    }

    /// Fetches the document of a row, unless it is the last one still.
    pub(crate) async fn fetch(&self, row: usize, last: Last) -> Result<FetchOutcome, FetchError> {
        let source = self.source();
        let access = Arc::clone(&self.accesses.borrow()[&row]);
        source.fetch(access, last).await
    }
}
