//! Writing JSON as orjson does: compact, UTF-8 unescaped, the shortest text that reads back as the same double.

use super::text::plain_length;
use super::{Text, Value};
use crate::json::Integer;

/// Writes `text` as a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = special.split_first() else {
            break;
        };
        rest = behind;
        out.push(b'\\');
        match byte {
            b'"' | b'\\' => out.push(byte),
            8 => out.push(b'b'),
            9 => out.push(b't'),
            10 => out.push(b'n'),
            12 => out.push(b'f'),
            13 => out.push(b'r'),
            _ => {
                out.extend_from_slice(b"u00");
                out.push(HEXADECIMAL[usize::from(byte >> 4)]);
                out.push(HEXADECIMAL[usize::from(byte & 15)]);
            }
        }
    }
    out.push(b'"');
}

/// Writes an integer of any size.
pub(crate) fn write_integer(integer: &Integer<'_>, out: &mut Vec<u8>) {
    match integer {
        Integer::Small(small) => {
            out.extend_from_slice(itoa::Buffer::new().format(*small).as_bytes());
        }
        Integer::Big { negative, digits } => {
            if *negative {
                out.push(b'-');
            }
            out.extend_from_slice(digits.as_bytes());
        }
    }
}

/// Writes a double; `null` for one that JSON cannot express.
pub(crate) fn write_float(float: f64, out: &mut Vec<u8>) {
    if float.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(float).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Writes any value.
pub(crate) fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Integer(integer) => write_integer(integer, out),
        Value::Float(float) => write_float(*float, out),
        Value::Text(text) => write_string(text, out),
        Value::List(elements) => {
            out.push(b'[');
            for (position, element) in elements.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_value(element, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (position, (name, value)) in members.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write_value(value, out);
            }
            out.push(b'}');
        }
    }
}

/// A string as it was written where that needs no change, or where only its escapes can express it.
pub(crate) fn write_string(text: &Text<'_>, out: &mut Vec<u8>) {
    if text.verbatim().is_some() || text.has_lone_surrogate() {
        out.push(b'"');
        out.extend_from_slice(text.raw().as_bytes());
        out.push(b'"');
    } else {
        write_text(text.as_str(), out);
    }
}
