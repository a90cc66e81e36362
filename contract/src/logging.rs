//! What the operator chooses for the log of both processes: the section `logging`, which the official proxy has too.

use serde::{Deserialize, Serialize};

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
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            log_level: LogLevel::Info,
            log_format: LogFormat::Generic,
            log_event_field_name: "message".to_owned(),
            colours: None,
            enable_access_log: false,
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
