//! Why an environment was not updated.

use thiserror::Error;

use crate::source::upstream::FetchError;

/// Why an environment was not updated. Its last document stays published.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Fetch(FetchError),
    #[error("the document does not compile: {0}")]
    Compile(String),
    #[error("{0}")]
    Publish(String),
    #[error("the process that compiles the document failed: {0}")]
    Process(String),
    #[error("compiling the document failed: {0}")]
    Panicked(String),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            // It is not upstream's fault, and ends as an outage of the disk does.
            FetchError::Unkept(_) => Self::Publish(error.to_string()),
            error => Self::Fetch(error),
        }
    }
}

impl Failure {
    /// As the board tells it.
    pub(crate) fn kind(&self) -> contract::Failure {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::Compile(_) | Self::Process(_) => contract::Failure::Compile,
            Self::Publish(_) => contract::Failure::Publish,
            Self::Panicked(_) => contract::Failure::Defect,
        }
    }
}
