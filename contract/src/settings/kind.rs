//! The kinds of values that settings have: what is accepted, how it is read from JSON and written.
//!
//! Text that says a number or a boolean is read as one, as the official proxy (pydantic) reads it.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::origin;

/// A kind of value.
pub trait Kind {
    /// The value in the program.
    type Value;

    /// Whether a variable of the process environment holds JSON. Otherwise it holds plain text.
    const IS_JSON: bool = false;

    /// Whether nobody may see the value.
    const IS_SECRET: bool = false;

    /// What is accepted: the words after `expected`.
    fn expected() -> String;

    /// Reads a value; `None` if it is not what is expected.
    fn read(value: &Value) -> Option<Self::Value>;

    /// Writes a value so that `read` accepts it.
    fn write(value: &Self::Value) -> Value;
}

/// A text that is not empty, trimmed.
pub fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A number, or a text that is one.
pub fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number| number.is_finite())
}

/// A number from 0 without a fraction, or a text that is one.
pub fn whole_number(value: &Value) -> Option<u64> {
    let exact = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64(),
    };
    // `8000.0` is a whole number, too. From 2^53 on such a number has no exact value.
    let rounded = || {
        let number = number(value)?;
        let is_whole = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
        is_whole.then_some(number as u64)
    };
    exact.or_else(rounded)
}

/// Defines a kind without parameters in a line for each of its three parts.
macro_rules! kind {
    ($(#[$attribute:meta])* $name:ident: $type:ty, $expected:literal, $read:expr, $write:expr) => {
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct $name;

        impl Kind for $name {
            type Value = $type;

            fn expected() -> String {
                $expected.to_owned()
            }

            fn read(value: &Value) -> Option<$type> {
                let read: fn(&Value) -> Option<$type> = $read;
                read(value)
            }

            fn write(value: &$type) -> Value {
                let write: fn(&$type) -> Value = $write;
                write(value)
            }
        }
    };
}

kind!(
    /// A text that is not empty, trimmed.
    Text: String, "a text that is not empty", text, |text| text.as_str().into()
);
kind!(
    /// An address or the name of a host.
    Host: String, "an address or a host name", text, |host| host.as_str().into()
);
kind!(
    /// A path.
    Path: PathBuf,
    "a path",
    |value| text(value).map(PathBuf::from),
    |path| path.display().to_string().into()
);
kind!(
    /// The begin of the paths of URLs, with a slash before it and none behind it.
    BasePath: String,
    "a path such as \"/flagsmith\"",
    |value| {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "/-._~".contains(char);
        let text = text(value)?;
        let path = text.trim_matches('/');
        let is_path = !path.is_empty() && !path.contains("//") && path.chars().all(is_plain);
        is_path.then(|| format!("/{path}"))
    },
    |path| path.as_str().into()
);
kind!(
    /// The value of an HTTP header.
    HeaderValue: String,
    "a text of ASCII characters",
    |value| text(value).filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~'))),
    |text| text.as_str().into()
);
kind!(
    /// A port; 0 picks a free one.
    Port: u16,
    "a whole number from 0 to 65535",
    |value| u16::try_from(whole_number(value)?).ok(),
    |port| (*port).into()
);
kind!(
    /// A number of things or bytes, at least 1.
    Count: usize,
    "a whole number above 0",
    |value| usize::try_from(whole_number(value)?).ok().filter(|count| *count > 0),
    |count| (*count).into()
);
kind!(
    /// Yes or no. The texts are those of pydantic.
    Boolean: bool,
    "true or false",
    |value| match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        },
        value => match whole_number(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    },
    |boolean| (*boolean).into()
);
kind!(
    /// Seconds, 0 or more, with a fraction.
    Seconds: Duration,
    "a number from 0",
    |value| Duration::try_from_secs_f64(number(value)?).ok(),
    |duration| match duration.subsec_nanos() {
        0 => duration.as_secs().into(),
        _ => duration.as_secs_f64().into(),
    }
);
kind!(
    /// Seconds, more than 0, with a fraction.
    PositiveSeconds: Duration,
    "a number above 0",
    |value| Seconds::read(value).filter(|duration| !duration.is_zero()),
    Seconds::write
);

/// A value, or `null` for the default of the machine or the program.
#[derive(Debug)]
pub struct OrDefault<K>(PhantomData<K>);

impl<K: Kind> Kind for OrDefault<K> {
    type Value = Option<K::Value>;
    const IS_JSON: bool = K::IS_JSON;
    const IS_SECRET: bool = K::IS_SECRET;

    fn expected() -> String {
        format!("{}, or null for the default", K::expected())
    }

    fn read(value: &Value) -> Option<Self::Value> {
        match value {
            Value::Null => Some(None),
            value => K::read(value).map(Some),
        }
    }

    fn write(value: &Self::Value) -> Value {
        value.as_ref().map_or(Value::Null, K::write)
    }
}

/// A value, or `null` for never. A variable of the process environment says `null` in words.
#[derive(Debug)]
pub struct OrNever<K>(PhantomData<K>);

impl<K: Kind> Kind for OrNever<K> {
    type Value = Option<K::Value>;
    const IS_JSON: bool = K::IS_JSON;
    const IS_SECRET: bool = K::IS_SECRET;

    fn expected() -> String {
        format!("{}, or null for never", K::expected())
    }

    fn read(value: &Value) -> Option<Self::Value> {
        match value {
            Value::Null => Some(None),
            Value::String(text) if text.trim() == "null" => Some(None),
            value => K::read(value).map(Some),
        }
    }

    fn write(value: &Self::Value) -> Value {
        value.as_ref().map_or(Value::Null, K::write)
    }
}

/// A value, or `null` for none. A variable of the process environment says `null` in words.
#[derive(Debug)]
pub struct OrNone<K>(PhantomData<K>);

impl<K: Kind> Kind for OrNone<K> {
    type Value = Option<K::Value>;
    const IS_JSON: bool = K::IS_JSON;
    const IS_SECRET: bool = K::IS_SECRET;

    fn expected() -> String {
        format!("{}, or null for none", K::expected())
    }

    fn read(value: &Value) -> Option<Self::Value> {
        OrNever::<K>::read(value)
    }

    fn write(value: &Self::Value) -> Value {
        OrNever::<K>::write(value)
    }
}

/// A value without a default. `None` is a value that nobody set.
#[derive(Debug)]
pub struct Required<K>(PhantomData<K>);

impl<K: Kind> Kind for Required<K> {
    type Value = Option<K::Value>;
    const IS_JSON: bool = K::IS_JSON;
    const IS_SECRET: bool = K::IS_SECRET;

    fn expected() -> String {
        K::expected()
    }

    fn read(value: &Value) -> Option<Self::Value> {
        K::read(value).map(Some)
    }

    fn write(value: &Self::Value) -> Value {
        value.as_ref().map_or(Value::Null, K::write)
    }
}

/// An enumeration whose values have names in the file.
pub trait Choice: Copy + PartialEq + 'static {
    /// All values with their names, in any case.
    const CHOICES: &'static [(&'static str, Self)];
}

/// One of the names of a [`Choice`].
#[derive(Debug)]
pub struct OneOf<T>(PhantomData<T>);

impl<T: Choice> Kind for OneOf<T> {
    type Value = T;

    fn expected() -> String {
        let mut names: Vec<_> = T::CHOICES
            .iter()
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        let last = names.pop().unwrap_or_default();
        format!("{} or {last}", names.join(", "))
    }

    fn read(value: &Value) -> Option<T> {
        let text = value.as_str()?.trim();
        let mut choices = T::CHOICES.iter();
        let (_, choice) = choices.find(|(name, _)| name.eq_ignore_ascii_case(text))?;
        Some(*choice)
    }

    fn write(value: &T) -> Value {
        let mut choices = T::CHOICES.iter();
        let name = choices.find(|(_, choice)| choice == value);
        name.map_or(Value::Null, |(name, _)| (*name).into())
    }
}

/// Origins, as browsers write them: a list, or a text with commas between them. What is no origin stays as it is.
#[derive(Debug)]
pub struct Origins;

impl Kind for Origins {
    type Value = Vec<String>;
    const IS_JSON: bool = true;

    fn expected() -> String {
        "an origin, \"*\" or a list of origins".to_owned()
    }

    fn read(value: &Value) -> Option<Vec<String>> {
        let normalised = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| origin::normalised(text).unwrap_or_else(|| text.to_owned()))
        };
        match value {
            Value::Array(origins) => origins
                .iter()
                .map(|origin| normalised(origin.as_str()?))
                .collect(),
            value => value.as_str()?.split(',').map(normalised).collect(),
        }
    }

    fn write(value: &Vec<String>) -> Value {
        value.as_slice().into()
    }
}
