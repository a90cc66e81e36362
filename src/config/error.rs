//! What is wrong with the configuration, in one line.

use std::fmt;
use std::path::Path;

use contract::PROXY_KEY_PREFIX;
use contract::key::SERVER_SIDE_PREFIX;
use serde_json::Value;

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
            path: shown_name(path),
            problem: problem.into(),
        }
    }

    /// An error of a value that a setting cannot have.
    pub(super) fn of_value(source: &str, path: &str, found: &str, expected: &str) -> Self {
        Self::new(source, path, format!("found {found}, expected {expected}"))
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

/// The kind of a value in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(list) if list.is_empty() => "an empty list",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value as an error may show it: no secret, no key in the wrong place, and no URL with a password.
pub(super) fn shown(value: &Value, is_secret: bool) -> String {
    const MAX_LENGTH: usize = 80;
    let text = value.to_string();
    if is_secret && value.is_string() {
        "another string".to_owned()
    } else if is_secret || may_be_secret(&text) || text.len() > MAX_LENGTH {
        kind(value).to_owned()
    } else {
        text
    }
}

/// A name of a setting as a message may show it.
pub(super) fn shown_name(name: &str) -> String {
    if may_be_secret(name) {
        "a name that may be a secret".to_owned()
    } else {
        name.escape_debug().collect()
    }
}

/// The path of a file as a message may show it: some take the secret for the name of the file.
pub(super) fn shown_path(path: &Path) -> String {
    let path = path.display().to_string();
    if may_be_secret(&path) {
        "a file whose name may be a secret".to_owned()
    } else {
        path
    }
}

/// A wrong value may be a URL that is none, so an `@` is enough.
fn may_be_secret(text: &str) -> bool {
    holds_secret_key(text) || text.contains('@')
}

/// Whether a secret key is in the text, or a URL with a password.
pub(super) fn holds_secret(text: &str) -> bool {
    holds_secret_key(text) || text.contains("://") && text.contains('@')
}

/// `ser.`, but not that of `/home/user.name`; or `pk.`.
fn holds_secret_key(text: &str) -> bool {
    let begins = |prefix| {
        text.match_indices(prefix).any(|(start, _)| {
            let before = text[..start].chars().next_back();
            !before.is_some_and(char::is_alphanumeric)
        })
    };
    begins(SERVER_SIDE_PREFIX) || begins(PROXY_KEY_PREFIX)
}
