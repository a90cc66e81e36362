//! What can go wrong with a document in a file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What went wrong with a file or a directory of documents.
#[derive(Clone, Debug, Error)]
#[error("{act} {}: {problem}", path.display())]
pub struct FileError {
    act: &'static str,
    path: PathBuf,
    problem: String,
}

impl FileError {
    pub(super) fn new(act: &'static str, path: &Path, problem: impl Into<String>) -> Self {
        Self {
            act,
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn io(act: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::new(act, path, error.to_string())
    }
}
