//! What is wrong with the configuration, in one line.

use std::fmt;

/// The file (or the process environment), the path of the setting, and the problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    source: String,
    path: String,
    problem: String,
}

impl ConfigError {
    /// An error of the setting at `path`; an empty path is the file as a whole.
    pub(super) fn new(source: &str, path: &str, problem: impl Into<String>) -> Self {
        Self {
            source: source.to_owned(),
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// The same error, with the older name of the setting where the file has that: pairs of newer and older names.
    pub(super) fn with_names_of_file(mut self, renamed: &[(&str, &str)]) -> Self {
        if let Some((_, older)) = renamed.iter().find(|(name, _)| *name == self.path) {
            self.path = (*older).to_owned();
        }
        self
    }

    /// The same error, of a setting that is missing instead of null.
    pub(super) fn of_missing(mut self) -> Self {
        if let Some(expected) = self.problem.strip_prefix("found null") {
            self.problem = format!("missing{expected}");
        }
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(formatter, "{} {}", self.source, self.problem),
            path => write!(formatter, "{}: {path}: {}", self.source, self.problem),
        }
    }
}

impl std::error::Error for ConfigError {}
