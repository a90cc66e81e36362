//! The configuration file: where it is, and its text.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::error::{ConfigError, kind};

/// Where the configuration file is.
#[derive(Clone, Debug)]
pub(crate) struct ConfigPath {
    path: PathBuf,
    named_by: NamedBy,
}

/// What says where the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// `--config`: the file must exist.
    CommandLine,
    /// `$CONFIG_PATH`.
    Variable,
    Nothing,
}

impl ConfigPath {
    pub(super) fn new(path: PathBuf, named_by: NamedBy) -> Self {
        Self { path, named_by }
    }

    /// Whether somebody named the file.
    pub(super) fn is_named(&self) -> bool {
        self.named_by != NamedBy::Nothing
    }

    /// What the configuration is read from, if it can be read.
    pub(crate) fn read_from(&self) -> String {
        match self.path.exists() {
            true => self.to_string(),
            false => "the process environment".to_owned(),
        }
    }

    /// Reads the file. `None` if it does not exist and need not.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not JSON of an object. It must be there if the command line names it, or if nothing
    /// else names environments.
    pub(super) fn read(
        &self,
        has_environments: bool,
    ) -> Result<Option<Map<String, Value>>, ConfigError> {
        let name = self.to_string();
        let may_be_missing = has_environments && self.named_by != NamedBy::CommandLine;
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && may_be_missing => {
                return Ok(None);
            }
            Err(error) => {
                let hint = match error.kind() {
                    ErrorKind::NotFound => ", or ENVIRONMENT_KEY_PAIRS in the process environment",
                    ErrorKind::IsADirectory => {
                        " (a container engine makes a directory where it finds no file to mount)"
                    }
                    _ => "",
                };
                let problem = format!(
                    "cannot be read: {error}; expected a readable file{hint}; see config.json.example, or try --demo"
                );
                return Err(ConfigError::new(&name, "", problem));
            }
        };
        parse(&name, &bytes).map(Some)
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(formatter)
    }
}

/// Reads the object in a file of that name.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Map<String, Value>, ConfigError> {
    let refuse = |problem: String| ConfigError::new(name, "", problem);
    let has_zero = |start: usize| {
        bytes
            .iter()
            .skip(start)
            .step_by(2)
            .take(2)
            .any(|byte| *byte == 0)
    };
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, text @ ..] => text,
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Err(refuse(UTF_16.to_owned())),
        // Characters of ASCII have a zero in one of their two bytes.
        _ if has_zero(0) || has_zero(1) => return Err(refuse(UTF_16.to_owned())),
        text => text,
    };
    let text = std::str::from_utf8(text)
        .map_err(|error| refuse(format!("is not text in UTF-8: {error}")))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(value) => Err(refuse(format!("is {}, expected an object", kind(&value)))),
        Err(error) => Err(refuse(format!("is not JSON: {error}"))),
    }
}

const UTF_16: &str = "is text in UTF-16, expected UTF-8";
