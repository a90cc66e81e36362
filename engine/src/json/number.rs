//! JSON numbers. The type of the result depends on how the number is written.

use super::dialect::{Dialect, JsonError, Read};
use super::integer::Integer;
use super::value::Value;

/// The most bytes of an integer in a body: Python's `int_max_str_digits`.
const LONGEST_INTEGER: usize = 4300;

/// Reads the number at `start`, whose first byte is a digit or a minus sign. Returns where it ends; `None` if it is a
/// word like `-Infinity`, or nothing.
#[inline]
pub(super) fn number(
    text: &str,
    start: usize,
    dialect: Dialect,
) -> Read<Option<(Value<'_>, usize)>> {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let first = start + usize::from(bytes[start] == b'-');
    let mut end = match bytes.get(first) {
        Some(b'0') => first + 1,
        Some(b'1'..=b'9') => digits(first),
        _ => return Ok(None),
    };
    let mut is_integer = true;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if fraction > end + 1 {
            (end, is_integer) = (fraction, false);
        }
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(sign);
        if exponent > sign {
            (end, is_integer) = (exponent, false);
        }
    }
    let text = &text[start..end];
    let value = if is_integer {
        integer(text, start, dialect)
    } else {
        float(text, start, dialect)
    };
    Ok(Some((value?, end)))
}

fn integer(text: &str, start: usize, dialect: Dialect) -> Read<Value<'_>> {
    let integer = Integer::from_decimal(text);
    match (&integer, dialect) {
        // orjson keeps integers that fit 64 bits, signed or unsigned, and reads the others as doubles.
        (Integer::Big { negative, .. }, Dialect::Document)
            if *negative || text.parse::<u64>().is_err() =>
        {
            float(text, start, dialect)
        }
        (Integer::Big { .. }, Dialect::Body) if text.len() > LONGEST_INTEGER => {
            let message = "Exceeds the limit for integer string conversion";
            Err(JsonError::fatal(message, start))
        }
        _ => Ok(Value::Integer(integer)),
    }
}

fn float<'a>(text: &str, start: usize, dialect: Dialect) -> Read<Value<'a>> {
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() || dialect == Dialect::Body => Ok(Value::Float(float)),
        _ => {
            let message = "number is infinity when parsed as double";
            Err(JsonError::syntax(message, start))
        }
    }
}
