//! A request with a body: what a proxy forwards.

use std::io::{self, Read};
use std::sync::Arc;

use super::{Answer, header};

/// Makes an answer of a report.
pub(super) type Make = Arc<dyn Fn(&Report) -> Answer + Send + Sync>;

/// A request with a body that has come whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Its head, one line after the other.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Report {
    /// Reads the body behind a head; `None` if the head announces none.
    pub(super) fn read(head: &str, reader: &mut impl Read) -> io::Result<Option<Self>> {
        let length = header(head, "content-length").and_then(|length| length.parse().ok());
        let Some(length) = length else {
            return Ok(None);
        };
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let head = head.to_owned();
        Ok(Some(Self { head, body }))
    }

    /// Method and path.
    ///
    /// # Panics
    ///
    /// If the head has no request line.
    #[must_use]
    pub fn target(&self) -> (&str, &str) {
        let mut words = self.head.split(' ');
        let method = words.next().expect("a method");
        (method, words.next().expect("a path"))
    }

    /// The value of a header; `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}
