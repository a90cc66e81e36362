//! How values of settings are read and written: functions for `deserialize_with`, modules for `with`.
//!
//! An error of a value is the text `expected …`. The executable puts the path and the value that it found before it.
//! The value of a secret must not be shown, so the error of a secret is the whole text: `found …, expected …`.

use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use crate::origin;

/// Reads a value with `parse`, which returns `None` for what is not `expected`.
///
/// # Errors
///
/// `expected …`, if `parse` returns `None`.
pub fn parse<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    parse: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    parse(&value).ok_or_else(|| Error::custom(format_args!("expected {expected}")))
}

/// Reads a secret text, trimmed.
///
/// # Errors
///
/// `found …, expected …` without the value, if it is not a text that is `valid`.
pub fn parse_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    valid: impl FnOnce(&str) -> bool,
) -> Result<String, D::Error> {
    secret(&Value::deserialize(deserializer)?, expected, valid)
}

/// Reads a secret text, trimmed, or `null`.
///
/// # Errors
///
/// As [`parse_secret`].
pub fn parse_secret_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    valid: impl FnOnce(&str) -> bool,
) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        value => secret(&value, expected, valid).map(Some),
    }
}

fn secret<E: Error>(
    value: &Value,
    expected: &str,
    valid: impl FnOnce(&str) -> bool,
) -> Result<String, E> {
    match value.as_str().map(str::trim) {
        Some(text) if valid(text) => Ok(text.to_owned()),
        Some(_) => Err(Error::custom(format_args!(
            "found another string, expected {expected}"
        ))),
        None => {
            let found = kind(value);
            Err(Error::custom(format_args!(
                "found {found}, expected {expected}"
            )))
        }
    }
}

/// The kind of a value in words.
pub fn kind(value: &Value) -> &'static str {
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

/// A text that is not empty, trimmed.
pub fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An object of settings. `null` means all defaults.
///
/// # Errors
///
/// Those of its settings.
pub fn section<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A number of things or bytes, at least 1.
///
/// # Errors
///
/// If it is not a whole number above 0.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    parse(deserializer, "a whole number above 0", |value| {
        let number = value.as_u64().filter(|number| *number > 0)?;
        usize::try_from(number).ok()
    })
}

/// `true` or `false`.
///
/// # Errors
///
/// If it is anything else.
pub fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    parse(deserializer, "true or false", Value::as_bool)
}

/// A port; 0 picks a free one.
///
/// # Errors
///
/// If it is not a whole number from 0 to 65535.
pub fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    parse(deserializer, "a whole number from 0 to 65535", |value| {
        u16::try_from(value.as_u64()?).ok()
    })
}

/// A port; 0 picks a free one, `null` turns the listener off.
///
/// # Errors
///
/// If it is neither a whole number from 0 to 65535 nor `null`.
pub fn port_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let expected = "a whole number from 0 to 65535, or null for no listener";
    parse(deserializer, expected, |value| {
        or_null(value, |value| u16::try_from(value.as_u64()?).ok())
    })
}

/// An address or the name of a host.
///
/// # Errors
///
/// If it is empty or not a text.
pub fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    parse(deserializer, "an address or a host name", text)
}

/// A path; `null` for the default.
///
/// # Errors
///
/// If it is empty or neither a text nor `null`.
pub fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    parse(deserializer, "a path, or null for the default", |value| {
        or_null(value, |value| text(value).map(PathBuf::from))
    })
}

/// The value of an HTTP header; `null` for the default.
///
/// # Errors
///
/// If it is neither `null` nor a text of visible ASCII characters and blanks.
pub fn header_value<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let expected = "a text of ASCII characters, or null for the default";
    parse(deserializer, expected, |value| {
        or_null(value, |value| {
            text(value).filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')))
        })
    })
}

/// A list of origins, as browsers write them. One origin may stand for a list of one. What is no origin stays as it is.
///
/// # Errors
///
/// If it is neither a text nor a list of texts, or one of them is empty.
pub fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let expected = "an origin, \"*\" or a list of origins";
    let origin = |value: &Value| text(value).map(|text| origin::normalised(&text).unwrap_or(text));
    parse(deserializer, expected, |value| match value {
        Value::Array(origins) => origins.iter().map(origin).collect(),
        one => Some(vec![origin(one)?]),
    })
}

fn or_null<T>(value: &Value, parse: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    match value {
        Value::Null => Some(None),
        value => parse(value).map(Some),
    }
}

/// Seconds, 0 or more, with a fraction.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};
    use serde_json::Value;

    use super::parse;

    /// # Errors
    ///
    /// If it is not a number from 0.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        parse(deserializer, "a number from 0", from_json)
    }

    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        match duration.subsec_nanos() {
            0 => serializer.serialize_u64(duration.as_secs()),
            _ => serializer.serialize_f64(duration.as_secs_f64()),
        }
    }

    pub(super) fn from_json(value: &Value) -> Option<Duration> {
        Duration::try_from_secs_f64(value.as_f64()?).ok()
    }
}

/// Seconds, more than 0, with a fraction.
pub mod positive_seconds {
    use std::time::Duration;

    use serde::Deserializer;

    pub use super::seconds::serialize;

    /// # Errors
    ///
    /// If it is not a number above 0.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse(deserializer, "a number above 0", |value| {
            super::seconds::from_json(value).filter(|duration| !duration.is_zero())
        })
    }
}

/// Seconds, 0 or more, with a fraction; `null` for never.
pub mod seconds_or_never {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    use super::{or_null, parse, seconds};

    /// # Errors
    ///
    /// If it is neither a number from 0 nor `null`.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        parse(
            deserializer,
            "a number from 0, or null for never",
            |value| or_null(value, seconds::from_json),
        )
    }

    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => seconds::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }
}
