//! What the operator chooses for the log of both processes: the section `logging`, which the official proxy has too.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// The least level that is logged.
    pub log_level: LogLevel,
    /// How a line is written.
    pub log_format: LogFormat,
    /// The name of the field with the text, in a line of JSON.
    pub log_event_field_name: String,
    /// Whether text has colours; `None` for on a terminal only.
    pub colours: Option<bool>,
    /// Whether each answer is logged.
    pub enable_access_log: bool,
    /// A configuration of Python's logging.
    pub r#override: Override,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            log_level: LogLevel::Info,
            log_format: LogFormat::Generic,
            log_event_field_name: "message".to_owned(),
            colours: None,
            enable_access_log: false,
            r#override: Override::default(),
        }
    }
}

/// A level of Python's logging, which the official proxy uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Only what ends the process.
    Critical,
    /// What failed.
    Error,
    /// What may fail, too.
    Warning,
    /// What the proxy does, too.
    Info,
    /// Details, too.
    Debug,
    /// Everything.
    NotSet,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text for people.
    Generic,
    /// A JSON object in each line.
    Json,
}

/// A configuration of Python's logging, as `logging.config.dictConfig` takes it. The levels of its loggers are honoured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Override(Map<String, Value>);

/// Members that change nothing in the official proxy either.
const WITHOUT_EFFECT: [&str; 2] = ["version", "disable_existing_loggers"];

impl Override {
    /// `None` if it is no object, or has a logger whose level is none.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let read = Self(value.as_object()?.clone());
        let loggers = match read.0.get("loggers") {
            None | Some(Value::Null) => return Some(read),
            Some(loggers) => loggers.as_object()?,
        };
        let is_valid = |logger: &Value| match logger.as_object()?.get("level") {
            None | Some(Value::Null) => Some(()),
            Some(level) => LogLevel::of_python(level).map(drop),
        };
        loggers
            .values()
            .all(|logger| is_valid(logger).is_some())
            .then_some(read)
    }

    /// The names of loggers, as Python writes them, and their levels.
    pub fn levels(&self) -> impl Iterator<Item = (&str, LogLevel)> {
        self.loggers()
            .filter_map(|(name, logger)| Some((name, LogLevel::of_python(logger.get("level")?)?)))
    }

    /// The paths of what only Python's logging can apply.
    #[must_use]
    pub fn inapplicable(&self) -> Vec<String> {
        let sections = self.0.iter().filter(|(name, section)| {
            let is_empty = section.is_null() || section.as_object().is_some_and(Map::is_empty);
            *name != "loggers" && !is_empty && !WITHOUT_EFFECT.contains(&name.as_str())
        });
        let of_loggers = self.loggers().flat_map(|(logger, members)| {
            let members = members.as_object().into_iter().flat_map(Map::keys);
            members
                .filter(|name| *name != "level")
                .map(move |name| format!("loggers.{logger}.{name}"))
        });
        sections
            .map(|(name, _)| name.clone())
            .chain(of_loggers)
            .collect()
    }

    fn loggers(&self) -> impl Iterator<Item = (&str, &Value)> {
        let loggers = self.0.get("loggers").and_then(Value::as_object);
        loggers
            .into_iter()
            .flatten()
            .map(|(name, logger)| (name.as_str(), logger))
    }
}

impl LogLevel {
    /// A level as Python's logging has it: a name, or a number from 0 to 50.
    fn of_python(level: &Value) -> Option<Self> {
        if let Some(number) = level.as_u64() {
            return Some(match number {
                0 => Self::NotSet,
                1..=10 => Self::Debug,
                11..=20 => Self::Info,
                21..=30 => Self::Warning,
                31..=40 => Self::Error,
                _ => Self::Critical,
            });
        }
        match level.as_str()?.trim().to_ascii_uppercase().as_str() {
            "CRITICAL" | "FATAL" => Some(Self::Critical),
            "ERROR" => Some(Self::Error),
            "WARNING" | "WARN" => Some(Self::Warning),
            "INFO" => Some(Self::Info),
            "DEBUG" => Some(Self::Debug),
            "NOTSET" => Some(Self::NotSet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_of_loggers_are_read_as_python_has_them() {
        let read = Override::read(&json!({"version": 1, "loggers": {
            "a": {"level": "debug"}, "b": {"level": 30}, "c": {"level": "WARN"}, "d": {"propagate": false},
            "e": {"level": null}, "": {"level": "ERROR", "handlers": ["default"]},
        }}));
        let read = read.unwrap();
        let mut levels: Vec<_> = read.levels().collect();
        levels.sort_by_key(|(name, _)| *name);
        let expected = [
            ("", LogLevel::Error),
            ("a", LogLevel::Debug),
            ("b", LogLevel::Warning),
            ("c", LogLevel::Warning),
        ];
        assert_eq!(levels, expected);
    }

    #[test]
    fn what_only_python_can_apply_is_named() {
        let read = Override::read(&json!({
            "version": 1, "filters": {}, "handlers": {"file": {"class": "logging.FileHandler"}},
            "loggers": {"uvicorn": {"level": "INFO", "handlers": ["file"]}},
        }));
        let read = read.unwrap();
        assert_eq!(
            read.inapplicable(),
            ["handlers", "loggers.uvicorn.handlers"]
        );
        assert!(Override::default().inapplicable().is_empty());
    }

    #[test]
    fn a_level_that_is_none_is_refused() {
        for loggers in [
            json!({"a": {"level": "loud"}}),
            json!({"a": {"level": -1}}),
            json!({"a": "INFO"}),
            json!(["a"]),
        ] {
            assert_eq!(
                Override::read(&json!({"loggers": loggers})),
                None,
                "{loggers}"
            );
        }
        assert_eq!(Override::read(&json!([])), None);
        assert!(Override::read(&json!({"loggers": null})).is_some());
    }
}
