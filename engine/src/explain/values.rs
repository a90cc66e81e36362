//! Values as JSON.

use serde_json::value::RawValue;

use super::explanation::Json;
use crate::archive::ArchivedEnvironment;
use crate::evaluate::PropertyValue;
use crate::json::{write_float, write_integer, write_text};

/// What `write` appends, which has to be JSON; else null.
pub(super) fn json(write: impl FnOnce(&mut Vec<u8>)) -> Json {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8(out).ok();
    let json = text.and_then(|text| RawValue::from_string(text).ok());
    json.unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// The value of a property, as conditions see it.
pub(super) fn property_value(value: &PropertyValue<'_>) -> Json {
    json(|out| match value {
        PropertyValue::Null => out.extend_from_slice(b"null"),
        PropertyValue::Boolean(boolean) => out.extend_from_slice(boolean.to_string().as_bytes()),
        PropertyValue::Integer(integer) => write_integer(integer, out),
        PropertyValue::Float(float) => write_float(*float, out),
        PropertyValue::Text(text) => write_text(text, out),
    })
}

/// A piece as answers contain it.
pub(super) fn flag(environment: &ArchivedEnvironment, piece: usize) -> Json {
    json(|out| out.extend_from_slice(flag_text(environment, piece)))
}

/// The text of a piece, whoever may see it.
pub(super) fn flag_text(environment: &ArchivedEnvironment, piece: usize) -> &[u8] {
    let text = environment.server.pieces[piece].text.range();
    let text = &environment.flags[text];
    text.strip_suffix(b",").unwrap_or(text)
}
