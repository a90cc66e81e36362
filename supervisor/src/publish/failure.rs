//! Why an environment was not updated.

use thiserror::Error;

use crate::source::upstream::FetchError;

/// Why an environment was not updated. Its last document stays published.
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

impl Failure {
    /// As the board tells it.
    pub(crate) fn kind(&self) -> contract::Failure {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::Compile(_) => contract::Failure::Compile,
            Self::Publish(_) => contract::Failure::Publish,
            Self::Panicked(_) => contract::Failure::Defect,
        }
    }
}
