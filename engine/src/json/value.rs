//! A JSON value as a tree.

use super::integer::Integer;
use super::text::Text;

/// A JSON value, which borrows from its text where it can. Members keep their order. A repeated name keeps its first
/// position and its last value, as in a Python dictionary.
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
    /// The member of that name; `None` if it is missing or this is no object.
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

    /// The name of its type in errors.
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
