//! Why a ring cannot be used.

use std::path::PathBuf;

use thiserror::Error;

/// Why a ring cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be made or mapped.
    #[error(transparent)]
    File(#[from] snapshot::Error),
    /// The file is not a ring of this release, or its positions cannot be right.
    #[error("open ring {}: {what}", path.display())]
    Defective {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Another process appends to it.
    #[error("open ring {}: another process appends to it", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
}
