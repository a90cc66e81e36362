//! Data files of the repository, which are compressed where they are large.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the repository").to_owned()
}

/// The text of a file, by its path from the root; a file whose name ends with `.gz` is decompressed.
///
/// # Panics
///
/// When the file is missing or is no text.
#[must_use]
#[track_caller]
pub fn file(path: &str) -> String {
    let read = || {
        let file = File::open(root().join(path))?;
        if path.ends_with(".gz") {
            std::io::read_to_string(GzDecoder::new(file))
        } else {
            std::io::read_to_string(file)
        }
    };
    read().unwrap_or_else(|error| panic!("read {path}: {error}"))
}
