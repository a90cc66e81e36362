//! What the operator chooses for the log of both processes: the section `logging`, which the official proxy has too.

use serde_json::{Map, Value};

use crate::settings;
use crate::settings::{Boolean, Choice, Kind, OneOf, OrDefault, text};

settings! {
    /// What is logged, and how.
    pub struct Logging {
        /// The least level that is logged; `CRITICAL` is what ends the process, `NOTSET` everything.
        pub log_level: LogLevel as OneOf<LogLevel> = LogLevel::Info,
        /// `generic` for lines of text, `json` for an object in each line.
        pub log_format: LogFormat as OneOf<LogFormat> = LogFormat::Generic,
        /// The name of the field with the text, in a line of JSON.
        pub log_event_field_name: String as EventFieldName = "message".to_owned(),
        /// Whether lines of text have colours; by default on a terminal only.
        #[names("colours", "colors")]
        pub colours: Option<bool> as OrDefault<Boolean> = None,
        /// Whether each answer has a line.
        pub enable_access_log: bool as Boolean = false,
        /// Levels of single loggers, in the form of Python's `logging.config`; what else is in it cannot apply here.
        #[names("override")]
        pub overrides: Override as Override = Override::default(),
    }
}

/// A level of Python's logging, which the official proxy uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Generic,
    /// A JSON object in each line.
    Json,
}

impl Choice for LogLevel {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("CRITICAL", Self::Critical),
        ("ERROR", Self::Error),
        ("WARNING", Self::Warning),
        ("INFO", Self::Info),
        ("DEBUG", Self::Debug),
        ("NOTSET", Self::NotSet),
    ];
}

impl Choice for LogFormat {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("generic", Self::Generic), ("json", Self::Json)];
}

/// The name of a field of JSON lines that they do not have anyway.
#[derive(Debug)]
pub struct EventFieldName;

impl EventFieldName {
    /// The fields that every line has.
    pub const OTHERS: [&'static str; 3] = ["timestamp", "level", "logger"];
}

impl Kind for EventFieldName {
    type Value = String;

    fn expected() -> String {
        format!("a text other than {}", Self::OTHERS.join(", "))
    }

    fn read(value: &Value) -> Option<String> {
        text(value).filter(|name| !Self::OTHERS.contains(&name.as_str()))
    }

    fn write(value: &String) -> Value {
        value.as_str().into()
    }
}

/// A configuration of Python's logging, as `logging.config.dictConfig` takes it. Levels of its loggers are honoured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Override(Map<String, Value>);

/// Members that change nothing in the official proxy either.
const WITHOUT_EFFECT: [&str; 2] = ["version", "disable_existing_loggers"];

impl Kind for Override {
    type Value = Self;
    const IS_JSON: bool = true;

    fn expected() -> String {
        "an object as of Python's logging.config: {\"loggers\": {NAME: {\"level\": LEVEL}}}"
            .to_owned()
    }

    fn read(value: &Value) -> Option<Self> {
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

    fn write(value: &Self) -> Value {
        Value::Object(value.0.clone())
    }
}

impl Override {
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
            "FATAL" => Some(Self::Critical),
            "WARN" => Some(Self::Warning),
            _ => OneOf::read(level),
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
