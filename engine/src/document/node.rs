//! Walking a document: every value knows its path, so that an error can name it.

use std::collections::HashMap;
use std::fmt;
use std::str::Utf8Error;

use crate::json::{JsonError, Value};

/// The result of reading a part of a document.
pub(super) type Parsed<T> = Result<T, DocumentError>;

/// Why a document is refused: the path of a member, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    path: String,
    problem: String,
}

impl DocumentError {
    /// An error of the document as a whole.
    pub(crate) fn whole(problem: impl Into<String>) -> DocumentError {
        DocumentError {
            path: "document".to_owned(),
            problem: problem.into(),
        }
    }

    /// An error of one of the document's own members.
    pub(crate) fn of_member(name: &str, problem: impl Into<String>) -> DocumentError {
        DocumentError {
            path: name.to_owned(),
            problem: problem.into(),
        }
    }

    /// An error of a document that is no text.
    pub(crate) fn not_utf8(error: &Utf8Error) -> DocumentError {
        DocumentError::whole(format!("not UTF-8 at byte {}", error.valid_up_to()))
    }
}

impl From<JsonError> for DocumentError {
    fn from(error: JsonError) -> DocumentError {
        DocumentError::whole(format!(
            "not JSON at byte {}: {}",
            error.position, error.message
        ))
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for DocumentError {}

/// A value and its path, for errors.
pub(super) struct Node<'v, 'p> {
    pub(super) value: &'v Value<'v>,
    path: Path<'p>,
}

/// The path of a value, linked through the calls that read it.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'static str),
    Element(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Member(Path::Root, name) => write!(formatter, "{name}"),
            Path::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Path::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

impl<'v> Node<'v, '_> {
    /// The whole document.
    pub(super) fn root(value: &'v Value<'v>) -> Node<'v, 'static> {
        Node {
            value,
            path: Path::Root,
        }
    }

    /// The member of that name. It is an error if there is none.
    pub(super) fn member<'n>(&'n self, name: &'static str) -> Parsed<Node<'v, 'n>> {
        let path = Path::Member(&self.path, name);
        match (self.value, self.value.member(name)) {
            (_, Some(value)) => Ok(Node { value, path }),
            (Value::Object(_), None) => refuse(&path, "missing"),
            (other, None) => self.refuse(&format!("expected an object, found {}", other.kind())),
        }
    }

    /// The member of that name, which is null if it is missing.
    pub(super) fn or_null(&self, name: &str) -> &'v Value<'v> {
        self.value.member(name).unwrap_or(&Value::Null)
    }

    /// The member of that name, which is an empty list if it is missing.
    pub(super) fn or_empty<'n>(&'n self, name: &'static str) -> Parsed<Node<'v, 'n>> {
        const EMPTY: &Value<'static> = &Value::List(Vec::new());
        match (self.value, self.value.member(name)) {
            (Value::Object(_), None) => Ok(Node {
                value: EMPTY,
                path: Path::Member(&self.path, name),
            }),
            _ => self.member(name),
        }
    }

    pub(super) fn element<'n>(&'n self, index: usize, value: &'v Value<'v>) -> Node<'v, 'n> {
        Node {
            value,
            path: Path::Element(&self.path, index),
        }
    }

    /// The member of that name, unless it is missing or null.
    pub(super) fn optional(&self, name: &str) -> Option<&'v Value<'v>> {
        self.value
            .member(name)
            .filter(|value| !matches!(value, Value::Null))
    }

    pub(super) fn list(&self) -> Parsed<&'v [Value<'v>]> {
        match self.value {
            Value::List(elements) => Ok(elements),
            other => self.refuse(&format!("expected a list, found {}", other.kind())),
        }
    }

    pub(super) fn text(&self) -> Parsed<&'v str> {
        match self.value {
            Value::Text(text) => Ok(text.as_str()),
            other => self.refuse(&format!("expected a string, found {}", other.kind())),
        }
    }

    pub(super) fn number(&self) -> Parsed<f64> {
        match self.value {
            Value::Integer(integer) => Ok(integer.to_double()),
            Value::Float(float) => Ok(*float),
            Value::Boolean(boolean) => Ok(f64::from(u8::from(*boolean))),
            other => self.refuse(&format!("expected a number, found {}", other.kind())),
        }
    }

    pub(super) fn refuse<T>(&self, problem: &str) -> Parsed<T> {
        refuse(&self.path, problem)
    }
}

fn refuse<T>(path: &Path<'_>, problem: &str) -> Parsed<T> {
    let path = match path {
        Path::Root => "document".to_owned(),
        path => path.to_string(),
    };
    Err(DocumentError {
        path,
        problem: problem.to_owned(),
    })
}

/// Each name once, at its first position and with its last content.
pub(super) fn last_of_each<T>(items: Vec<(String, T)>) -> Vec<T> {
    let mut indices = HashMap::new();
    let mut values: Vec<T> = Vec::with_capacity(items.len());
    for (name, item) in items {
        match indices.get(&name) {
            Some(index) => values[*index] = item,
            None => {
                indices.insert(name, values.len());
                values.push(item);
            }
        }
    }
    values
}
