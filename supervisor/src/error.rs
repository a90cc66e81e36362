//! Why the proxy did not start, or could not go on.

use std::io;

use thiserror::Error;

use crate::environments::Full;
use crate::{forward, poll, pool, source};

/// Why the proxy did not start, or could not go on.
#[derive(Debug, Error)]
pub enum Error {
    /// Without signals there is no orderly shutdown.
    #[error("listen to signals")]
    Signals(#[source] io::Error),
    /// Workers could not ask for fetches.
    #[error("make the pipe that workers knock at")]
    Knocks(#[source] io::Error),
    /// There is no address to serve on.
    #[error(transparent)]
    Listener(#[from] pool::listener::Error),
    /// There is no state directory that can be used. The text says why for each.
    #[error("find a state directory: {0}")]
    NoDirectory(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    Publish(snapshot::Error),
    /// There is nothing to fetch documents with.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// A reload adds more environments than this run has rows for.
    #[error(transparent)]
    Environments(Full),
    /// Polling could not start, or has ended: the documents would get old for ever.
    #[error(transparent)]
    Poll(#[from] poll::Error),
    /// What clients report could not be kept.
    #[error(transparent)]
    Forward(#[from] forward::Error),
    /// Workers cannot boot.
    #[error(transparent)]
    Pool(#[from] pool::Error),
}
