//! One object of the configuration: takes settings out of it, remembers which, and words what is wrong.
//!
//! Knows no setting by name.

use std::fmt;
use std::time::Duration;

use contract::key::SERVER_SIDE_PREFIX;
use serde_json::{Map, Value};

/// What is wrong with the configuration, in one line: the file, the setting, the problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: String,
    setting: String,
    problem: String,
}

impl ConfigError {
    /// An error of `setting`, or of the file as a whole when that is empty.
    pub(crate) fn new(file: &str, setting: &str, problem: impl Into<String>) -> ConfigError {
        let problem = problem.into();
        ConfigError {
            file: file.to_owned(),
            setting: setting.to_owned(),
            problem,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting.as_str() {
            "" => write!(formatter, "{} {}", self.file, self.problem),
            setting => write!(formatter, "{}: {setting}: {}", self.file, self.problem),
        }
    }
}

impl std::error::Error for ConfigError {}

/// One object of the configuration, or the absence of one.
pub(crate) struct Section<'j> {
    file: &'j str,
    /// What stands before the name of a setting: empty, or ends in a full stop.
    prefix: String,
    members: Option<&'j Map<String, Value>>,
    taken: Vec<String>,
}

impl<'j> Section<'j> {
    /// The whole configuration.
    pub(crate) fn root(file: &'j str, root: &'j Value) -> Result<Section<'j>, ConfigError> {
        match root {
            Value::Object(members) => Ok(Section::new(file, String::new(), Some(members))),
            other => Err(ConfigError::new(
                file,
                "",
                format!("is {}, expected an object", kind(other)),
            )),
        }
    }

    fn new(file: &'j str, prefix: String, members: Option<&'j Map<String, Value>>) -> Section<'j> {
        Section {
            file,
            prefix,
            members,
            taken: Vec::new(),
        }
    }

    /// An object among the settings; absent or null is an empty one.
    pub(crate) fn section(&mut self, name: &str) -> Result<Section<'j>, ConfigError> {
        let prefix = format!("{}{name}.", self.prefix);
        match self.take(name) {
            None | Some(Value::Null) => Ok(Section::new(self.file, prefix, None)),
            Some(Value::Object(members)) => Ok(Section::new(self.file, prefix, Some(members))),
            Some(other) => {
                Err(self.refuse(name, format!("found {}, expected an object", kind(other))))
            }
        }
    }

    /// A list of objects, at least one.
    pub(crate) fn sections(&mut self, name: &str) -> Result<Vec<Section<'j>>, ConfigError> {
        let expected = "expected a list with at least one object";
        let list = match self.take(name) {
            None => return Err(self.refuse(name, format!("missing, {expected}"))),
            Some(Value::Array(list)) if list.is_empty() => {
                return Err(self.refuse(name, format!("found an empty list, {expected}")));
            }
            Some(Value::Array(list)) => list,
            Some(other) => {
                return Err(self.refuse(name, format!("found {}, {expected}", kind(other))));
            }
        };
        let section = |(place, value): (usize, &'j Value)| match value {
            Value::Object(members) => Ok(Section::new(
                self.file,
                format!("{}{name}[{place}].", self.prefix),
                Some(members),
            )),
            other => {
                let problem = format!("found {}, expected an object", kind(other));
                Err(self.refuse(&format!("{name}[{place}]"), problem))
            }
        };
        list.iter().enumerate().map(section).collect()
    }

    /// A setting with a default; the first of `names` that is there counts.
    pub(crate) fn setting<T>(
        &mut self,
        names: &[&str],
        expected: &str,
        default: impl FnOnce() -> Option<T>,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let mut found = None;
        for name in names {
            let value = self.take(name);
            found = found.or(value.map(|value| (*name, value)));
        }
        match found {
            None => default()
                .ok_or_else(|| self.refuse(names[0], format!("missing, expected {expected}"))),
            Some((name, value)) => read(value).ok_or_else(|| {
                self.refuse(name, format!("found {}, expected {expected}", shown(value)))
            }),
        }
    }

    /// A string that must be there, trimmed.
    pub(crate) fn required(
        &mut self,
        name: &str,
        expected: &str,
        valid: impl FnOnce(&str) -> bool,
    ) -> Result<String, ConfigError> {
        match self
            .take(name)
            .map(|value| (value, value.as_str().map(str::trim)))
        {
            None => Err(self.refuse(name, format!("missing, expected {expected}"))),
            Some((_, Some(text))) if valid(text) => Ok(text.to_owned()),
            Some((value, _)) => {
                Err(self.refuse(name, format!("found {}, expected {expected}", shown(value))))
            }
        }
    }

    /// As [`required`](Self::required), of a value that no error may show.
    pub(crate) fn secret(
        &mut self,
        name: &str,
        expected: &str,
        valid: impl FnOnce(&str) -> bool,
    ) -> Result<String, ConfigError> {
        match self.take(name) {
            None => Err(self.refuse(name, format!("missing, expected {expected}"))),
            Some(Value::String(text)) if valid(text.trim()) => Ok(text.trim().to_owned()),
            Some(Value::String(_)) => {
                Err(self.refuse(name, format!("found another string, expected {expected}")))
            }
            Some(other) => {
                Err(self.refuse(name, format!("found {}, expected {expected}", kind(other))))
            }
        }
    }

    /// What is wrong with a setting of this section.
    pub(crate) fn refuse(&self, name: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(self.file, &format!("{}{name}", self.prefix), problem)
    }

    /// The full names of what is here and no setting.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let names = self.members.into_iter().flat_map(Map::keys);
        names
            .filter(|name| !self.taken.contains(name))
            .map(|name| format!("{}{name}", self.prefix))
            .collect()
    }

    fn take(&mut self, name: &str) -> Option<&'j Value> {
        self.taken.push(name.to_owned());
        self.members?.get(name)
    }
}

/// A string that is not empty, trimmed.
pub(crate) fn non_empty(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A number of seconds, 0 or more.
pub(crate) fn seconds(value: &Value) -> Option<Duration> {
    value
        .as_f64()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// A number of seconds, more than 0.
pub(crate) fn positive(value: &Value) -> Option<Duration> {
    seconds(value).filter(|duration| !duration.is_zero())
}

/// A value as an error may show it: not a server-side key in the wrong place, nor a URL with a password.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.contains(SERVER_SIDE_PREFIX) || text.contains('@') || text.len() > LONGEST {
        kind(value).to_owned()
    } else {
        text
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
