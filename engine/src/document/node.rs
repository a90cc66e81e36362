//! Walking a document with a name for every place, so that an error can say where it is.
//!
//! Knows no member by name.

use std::fmt;
use std::str::Utf8Error;

use crate::json::{JsonError, Value};

/// What reading a document gives.
pub(super) type Parsed<T> = Result<T, DocumentError>;

/// Why a document is refused: which member, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    place: String,
    problem: String,
}

impl DocumentError {
    /// An error of the document as a whole.
    pub(crate) fn whole(problem: impl Into<String>) -> DocumentError {
        DocumentError {
            place: "document".to_owned(),
            problem: problem.into(),
        }
    }

    /// An error of one of the document's own members.
    pub(crate) fn of_member(name: &str, problem: impl Into<String>) -> DocumentError {
        DocumentError {
            place: name.to_owned(),
            problem: problem.into(),
        }
    }

    /// The document is no text.
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
        write!(formatter, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for DocumentError {}

/// A value and where in the document it stands, for errors.
pub(super) struct Node<'v, 'p> {
    pub(super) value: &'v Value<'v>,
    place: Place<'p>,
}

/// A path from the document's root, linked through the calls that follow it.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'static str),
    Element(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Member(Place::Root, name) => write!(formatter, "{name}"),
            Place::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Place::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

impl<'v> Node<'v, '_> {
    /// The document itself.
    pub(super) fn root(value: &'v Value<'v>) -> Node<'v, 'static> {
        Node {
            value,
            place: Place::Root,
        }
    }

    /// The member of that name, which must be there.
    pub(super) fn member<'n>(&'n self, name: &'static str) -> Parsed<Node<'v, 'n>> {
        let place = Place::Member(&self.place, name);
        match (self.value, self.value.member(name)) {
            (_, Some(value)) => Ok(Node { value, place }),
            (Value::Object(_), None) => refuse(&place, "missing"),
            (other, None) => self.refuse(&format!("expected an object, found {}", other.kind())),
        }
    }

    pub(super) fn element<'n>(&'n self, index: usize, value: &'v Value<'v>) -> Node<'v, 'n> {
        Node {
            value,
            place: Place::Element(&self.place, index),
        }
    }

    /// The member, unless it is missing or null.
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
        refuse(&self.place, problem)
    }
}

fn refuse<T>(place: &Place<'_>, problem: &str) -> Parsed<T> {
    let place = match place {
        Place::Root => "document".to_owned(),
        place => place.to_string(),
    };
    Err(DocumentError {
        place,
        problem: problem.to_owned(),
    })
}
