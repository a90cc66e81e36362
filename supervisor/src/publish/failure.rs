//! Why a document is not newer than before.

use thiserror::Error;

use crate::source::upstream::FetchError;

/// Why a document is not newer than before.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the document does not compile: {0}")]
    Compile(String),
    #[error("{0}")]
    Publish(String),
    #[error("compiling the document failed: {0}")]
    Panicked(String),
}
