//! The value that a condition looks at, after Flagsmith's coercion of strings that look numeric.

use std::borrow::Cow;

use crate::json::Integer;
use crate::python::python_float_text;
use crate::request::TraitValue;

/// The value of a property. That of a list, an object or a missing property is `Null`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PropertyValue<'a> {
    Null,
    Boolean(bool),
    Integer(Integer<'a>),
    Float(f64),
    Text(Cow<'a, str>),
}

impl<'a> PropertyValue<'a> {
    /// The value of a trait.
    #[inline]
    pub(super) fn of_trait(value: &'a TraitValue<'_>) -> PropertyValue<'a> {
        match value {
            TraitValue::Null => PropertyValue::Null,
            TraitValue::Boolean(boolean) => PropertyValue::Boolean(*boolean),
            TraitValue::Integer(integer) => PropertyValue::Integer(integer.borrowed()),
            TraitValue::Float(float) => PropertyValue::Float(*float),
            TraitValue::Text(text) => PropertyValue::coerce(text.as_str()),
        }
    }

    /// Coerces a string: `-?[0-9]+` becomes an integer, `-?[0-9]+\.[0-9]+` a double; others stay as they are.
    #[inline]
    pub(super) fn coerce(text: &'a str) -> PropertyValue<'a> {
        match numeric_shape(text) {
            None => PropertyValue::Text(Cow::Borrowed(text)),
            Some(Shape::Integer) => PropertyValue::Integer(Integer::from_decimal(text)),
            Some(Shape::Float) => PropertyValue::Float(text.parse().unwrap_or(f64::NAN)),
        }
    }

    /// Coerces a string as [`coerce`](Self::coerce) does, and owns the result.
    pub(super) fn coerce_owned(text: String) -> PropertyValue<'static> {
        match PropertyValue::coerce(&text) {
            PropertyValue::Integer(integer) => PropertyValue::Integer(integer.into_owned()),
            PropertyValue::Float(float) => PropertyValue::Float(float),
            _ => PropertyValue::Text(Cow::Owned(text)),
        }
    }

    /// Python's `str(value)`; `Null` is `None`.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            PropertyValue::Null => Cow::Borrowed("None"),
            PropertyValue::Boolean(true) => Cow::Borrowed("True"),
            PropertyValue::Boolean(false) => Cow::Borrowed("False"),
            PropertyValue::Integer(integer) => Cow::Owned(integer.to_string()),
            PropertyValue::Float(float) => Cow::Owned(python_float_text(*float)),
            PropertyValue::Text(text) => Cow::Borrowed(text),
        }
    }
}

enum Shape {
    Integer,
    Float,
}

#[inline]
fn numeric_shape(text: &str) -> Option<Shape> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match digits.split_once('.') {
        None => all_digits(digits).then_some(Shape::Integer),
        Some((whole, fraction)) => {
            (all_digits(whole) && all_digits(fraction)).then_some(Shape::Float)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coerces_exactly_what_looks_numeric() {
        for (text, expected) in [
            ("7", PropertyValue::Integer(Integer::Small(7))),
            ("007", PropertyValue::Integer(Integer::Small(7))),
            ("-0", PropertyValue::Integer(Integer::Small(0))),
            ("1.50", PropertyValue::Float(1.5)),
            ("-0.0", PropertyValue::Float(-0.0)),
        ] {
            assert_eq!(PropertyValue::coerce(text), expected, "{text}");
        }
        for text in [
            "", "-", "1.", ".5", "+1", " 1", "1e5", "1_000", "٣", "1.2.3", "--1",
        ] {
            assert_eq!(
                PropertyValue::coerce(text),
                PropertyValue::Text(text.into())
            );
        }
    }
}
