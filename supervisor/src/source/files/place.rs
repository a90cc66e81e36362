//! Where documents in files are: the setting `environment_documents`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use contract::settings::{Kind, text};
use serde_json::Value;

use super::error::FileError;

/// What the names of documents in a directory end with.
const EXTENSION: &str = "json";

/// Where documents in files are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DocumentPlace {
    /// All files of this directory whose names end with `.json` and do not begin with a dot; or this file.
    Path(PathBuf),
    /// These files.
    Files(Vec<PathBuf>),
}

/// What a place was when it was opened. A directory that is gone later, or not mounted, is no file.
#[derive(Debug)]
pub(super) enum Listing {
    Directory(PathBuf),
    Files(BTreeSet<PathBuf>),
}

impl DocumentPlace {
    /// Looks whether it is a directory.
    pub(super) fn open(&self) -> Listing {
        match self {
            Self::Path(path) if path.is_dir() => Listing::Directory(path.clone()),
            Self::Path(path) => Listing::Files(BTreeSet::from([path.clone()])),
            Self::Files(paths) => Listing::Files(paths.iter().cloned().collect()),
        }
    }
}

impl Listing {
    /// The files, of which there is at least one. Whether they can be read is another question.
    pub(super) fn files(&self) -> Result<BTreeSet<PathBuf>, FileError> {
        match self {
            Self::Directory(path) => in_directory(path),
            Self::Files(paths) => Ok(paths.clone()),
        }
    }
}

fn in_directory(directory: &Path) -> Result<BTreeSet<PathBuf>, FileError> {
    let failed = |error| FileError::io("list", directory, &error);
    let mut paths = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default();
        // Kubernetes keeps what it mounts in directories with such names, and editors what they have not finished.
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if !is_hidden && path.extension().is_some_and(|found| found == EXTENSION) {
            paths.insert(path);
        }
    }
    match paths.is_empty() {
        true => Err(FileError::new("list", directory, "no file *.json is there")),
        false => Ok(paths),
    }
}

impl Kind for DocumentPlace {
    type Value = Self;
    const IS_JSON: bool = true;

    fn expected() -> String {
        "the path of a directory or a file, or a list of files".to_owned()
    }

    fn read(value: &Value) -> Option<Self> {
        let path = |value| text(value).map(PathBuf::from);
        match value {
            Value::Array(list) if !list.is_empty() => list
                .iter()
                .map(path)
                .collect::<Option<_>>()
                .map(Self::Files),
            value => path(value).map(Self::Path),
        }
    }

    fn write(place: &Self) -> Value {
        let path = |path: &PathBuf| Value::from(path.display().to_string());
        match place {
            Self::Path(one) => path(one),
            Self::Files(list) => list.iter().map(path).collect(),
        }
    }
}

impl fmt::Display for DocumentPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Files(paths) => formatter.write_str(&contract::counted(paths.len(), "file")),
        }
    }
}
