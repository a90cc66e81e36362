//! JSON as Flagsmith reads it: documents by orjson's rules, request bodies by those of Python's `json`.
//!
//! A parser of our own because the answer depends on what general ones do not tell: whether a number was
//! `1`, `1.0` or beyond 64 bits, lone surrogates, `NaN`, and where and why Python would have refused.
//! Knows nothing of documents or identities.

mod integer;
mod members;
mod read;
mod text;
mod write;

pub(crate) use integer::{Integer, StoredInteger};
pub(crate) use read::{JsonError, Reader};
pub(crate) use text::Text;
pub(crate) use write::{write_float, write_integer, write_string, write_text, write_value};

/// Whose rules to read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// orjson: no `NaN`, integers beyond 64 bits become doubles, an overflowing double is an error.
    Document,
    /// Python's `json`: `NaN` and `Infinity` are numbers, integers have any size, doubles overflow to infinity.
    Body,
}

/// A JSON value, borrowing from its text where it can. Members keep their order; of a repeated name the
/// first one's place and the last one's value remain, as in a Python dictionary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(Integer<'a>),
    Float(f64),
    Text(Text<'a>),
    List(Vec<Value<'a>>),
    Object(Vec<(Text<'a>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads a whole document by orjson's rules.
    pub(crate) fn from_document(text: &'a str) -> Result<Value<'a>, JsonError> {
        Reader::new(text, Dialect::Document).document()
    }

    /// Reads a whole request body by the rules of Python's `json`.
    pub(crate) fn from_body(text: &'a str) -> Result<Value<'a>, JsonError> {
        Reader::new(text, Dialect::Body).document()
    }

    /// The member of that name; `None` when absent or when this is not an object.
    pub(crate) fn member(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(members) => members
                .iter()
                .find(|(key, _)| key.as_str() == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Python's `bool(value)`.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Boolean(boolean) => *boolean,
            Value::Integer(integer) => *integer != Integer::Small(0),
            Value::Float(float) => *float != 0.0,
            Value::Text(text) => !text.as_str().is_empty(),
            Value::List(elements) => !elements.is_empty(),
            Value::Object(members) => !members.is_empty(),
        }
    }

    /// A text that is the same for values that Python holds equal: `1 == 1.0 == True`.
    pub(crate) fn equality_key(&self) -> String {
        match self {
            Value::Boolean(boolean) => u8::from(*boolean).to_string(),
            Value::Float(float) if *float == float.trunc() => format!("{float:.0}"),
            other => {
                let mut out = Vec::new();
                write_value(other, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
        }
    }

    /// What to call this value in an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests;
