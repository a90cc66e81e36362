//! Documents in files. Each names its environment by its client-side key.
//!
//! Whoever writes a file is not known, and may do so in any way: by a rename, as Kubernetes does for a whole directory
//! at once, or piece by piece. So a file counts when two looks in a row see the same, and is gone when two in a row do
//! not see it. What was read last is served until something else can be read.

mod error;
mod file;
mod place;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::warn;

use super::fetch::{Document, FetchOutcome, Timing};
use super::stamp::Stamp;
use file::ReadDocument;

pub use error::FileError;
pub use place::DocumentPlace;
use place::Listing;

/// From one look to the next.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How documents in files are read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSettings {
    /// Where they are.
    pub place: DocumentPlace,
    /// The largest document that is accepted, in bytes.
    pub max_document_bytes: usize,
}

/// Documents in files.
pub(crate) struct Files {
    settings: FileSettings,
    listing: Listing,
    known: Mutex<Known>,
}

/// What is known of the files.
#[derive(Default)]
struct Known {
    files: BTreeMap<PathBuf, Seen>,
    /// The file of each environment, by its client-side key.
    paths: HashMap<String, PathBuf>,
    /// A file is no longer of its environment, so another one may be.
    is_any_free: bool,
}

/// One file, as it was seen.
#[derive(Default)]
struct Seen {
    /// By the last look; `None` if it was not there.
    last: Option<Stamp>,
    /// When it was read, with or without success.
    read: Option<Stamp>,
    /// The client-side key of the document that was read last.
    environment: Option<String>,
}

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The client-side keys of all environments that have a file.
    pub(crate) environments: Vec<String>,
    /// Of those, whose files are others than at the last look.
    pub(crate) changed: HashSet<String>,
}

impl Files {
    /// Reads all documents.
    ///
    /// # Errors
    ///
    /// Names the file that cannot be read, is no document, or is of the same environment as another one.
    pub(crate) fn open(settings: &FileSettings) -> Result<Self, FileError> {
        let mut known = Known::default();
        let listing = settings.place.open();
        for path in listing.files()? {
            let document = file::read(&path, settings.max_document_bytes)?;
            let (stamp, environment) = (Some(document.stamp), document.environment);
            if let Some(other) = known.paths.insert(environment.clone(), path.clone()) {
                return Err(of_same_environment(&path, &other, &environment));
            }
            let seen = Seen {
                last: stamp,
                read: stamp,
                environment: Some(environment),
            };
            known.files.insert(path, seen);
        }
        Ok(Self {
            settings: settings.clone(),
            listing,
            known: Mutex::new(known),
        })
    }

    /// The client-side keys of all environments that have a file.
    pub(crate) fn environments(&self) -> Vec<String> {
        self.known().environments()
    }

    /// Looks at all files, and reads those that have changed. Slow.
    ///
    /// # Errors
    ///
    /// If the directory cannot be listed or is empty: perhaps it is not mounted. Then nothing has changed.
    pub(crate) fn look(&self) -> Result<Look, FileError> {
        let listed = self.listing.files()?;
        let mut known = self.known();
        for path in &listed {
            known.files.entry(path.clone()).or_default();
        }
        let mut changed = HashSet::new();
        let mut settled = Vec::new();
        let count = known.files.len();
        known.files.retain(|path, seen| {
            let is_listed = listed.contains(path);
            let now = is_listed.then(|| Stamp::of_path(path).ok()).flatten();
            let before = std::mem::replace(&mut seen.last, now);
            if now.is_some() && now == before && now != seen.read {
                settled.push(path.clone());
            }
            is_listed || before.is_some()
        });
        known.is_any_free = known.files.len() < count;
        let max_bytes = self.settings.max_document_bytes;
        for path in settled {
            known.read(&path, max_bytes, &mut changed);
        }
        if std::mem::take(&mut known.is_any_free) {
            for path in known.refused() {
                known.read(&path, max_bytes, &mut changed);
            }
        }
        known.note_paths();
        Ok(Look {
            environments: known.environments(),
            changed,
        })
    }

    /// The document of an environment, unless it is the one that has this stamp. Slow.
    pub(crate) fn fetch(
        &self,
        environment: &str,
        published: Option<Stamp>,
    ) -> Result<FetchOutcome, FileError> {
        let timing = Timing {
            sent: Instant::now(),
            elapsed: Duration::ZERO,
            date: None,
        };
        let known = self.known();
        let Some(path) = known.paths.get(environment).cloned() else {
            let problem = format!("no file is of the environment {environment}");
            let place = PathBuf::from(self.settings.place.to_string());
            return Err(FileError::new("read", &place, problem));
        };
        let read = known.files.get(&path).and_then(|seen| seen.read);
        drop(known);
        if published.is_some() && published == read {
            return Ok(FetchOutcome::NotModified(timing));
        }
        let ReadDocument {
            body,
            stamp,
            environment: found,
        } = file::read(&path, self.settings.max_document_bytes)?;
        if found != environment {
            let problem = format!("it is of the environment {found} now");
            return Err(FileError::new("read", &path, problem));
        }
        Ok(FetchOutcome::Document(Document {
            pages: 1,
            body,
            timing,
            last_modified: None,
            stamp: Some(stamp),
        }))
    }

    /// A thread that panicked with the lock has left the state as of a look.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn environments(&self) -> Vec<String> {
        let files = self.files.values();
        files.filter_map(|seen| seen.environment.clone()).collect()
    }

    /// Reads whose document is in a file that has changed.
    fn read(&mut self, path: &PathBuf, max_bytes: usize, changed: &mut HashSet<String>) {
        let found = file::read(path, max_bytes).and_then(|document| {
            let environment = document.environment;
            let mut others = self.files.iter().filter(|(other, _)| *other != path);
            let other = others.find(|(_, seen)| seen.environment.as_ref() == Some(&environment));
            match other {
                Some((other, _)) => Err(of_same_environment(path, other, &environment)),
                None => Ok(environment),
            }
        });
        let Some(seen) = self.files.get_mut(path) else {
            return;
        };
        seen.read = seen.last;
        match found {
            Ok(environment) => {
                changed.insert(environment.clone());
                let before = seen.environment.replace(environment);
                self.is_any_free |= before != seen.environment;
            }
            Err(error) => match &seen.environment {
                // Its task reads the file again, and tells why it is refused.
                Some(environment) => _ = changed.insert(environment.clone()),
                None => warn!(error:%; "no environment is added: {error}"),
            },
        }
    }

    /// The files of no environment.
    fn refused(&self) -> Vec<PathBuf> {
        let files = self.files.iter();
        let refused = files.filter(|(_, seen)| seen.read.is_some() && seen.environment.is_none());
        refused.map(|(path, _)| path.clone()).collect()
    }

    fn note_paths(&mut self) {
        let files = self.files.iter();
        let paths =
            files.filter_map(|(path, seen)| Some((seen.environment.clone()?, path.clone())));
        self.paths = paths.collect();
    }
}

fn of_same_environment(path: &Path, other: &Path, environment: &str) -> FileError {
    let other = other.display();
    let problem = format!("{other} is of the environment {environment}, too");
    FileError::new("read", path, problem)
}
