//! A document in pages: the first is the document, and later ones extend its list of identity overrides.
//!
//! Pages are joined as text, so that the document is served as it was sent, number for number and space for space.

use super::node::DocumentError;
use crate::json::{Dialect, Reader, Value};

const LIST: &str = "identity_overrides";

/// A document while its pages arrive.
#[derive(Debug)]
pub struct Pages {
    /// The first page. Once something was appended it ends where the next override goes.
    document: Vec<u8>,
    gap: Gap,
    /// The text behind the last override, once something was appended.
    rest: Option<Vec<u8>>,
    updated_at: Option<String>,
}

/// Where the first appended override goes.
#[derive(Debug, PartialEq)]
struct Gap {
    /// The bytes that it replaces: none, or a null in place of a list.
    start: usize,
    end: usize,
    /// The text that makes a list of what is appended.
    before: &'static str,
    after: &'static str,
}

/// How a page's `updated_at` compares with that of the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// They are equal.
    Same,
    /// They differ: the document was edited after the first page was sent. Nothing was appended.
    Another,
    /// One of the pages has none.
    Unknown,
}

impl Pages {
    /// Takes the first page.
    ///
    /// # Errors
    /// If it is no JSON object, or its identity overrides are neither a list nor null.
    pub fn new(first: Vec<u8>) -> Result<Pages, DocumentError> {
        let page = Page::read(&first)?;
        Ok(Pages {
            gap: page.gap(),
            updated_at: page.updated_at.map(str::to_owned),
            document: first,
            rest: None,
        })
    }

    /// How many bytes the document has so far.
    #[must_use]
    pub fn length(&self) -> usize {
        self.document.len() + self.rest.as_ref().map_or(0, Vec::len)
    }

    /// Appends the identity overrides of a later page.
    ///
    /// # Errors
    /// If it is no JSON object, or its identity overrides are neither a list nor null.
    pub fn append(&mut self, page: &[u8]) -> Result<Edition, DocumentError> {
        let read = Page::read(page)?;
        let edition = match (self.updated_at.as_deref(), read.updated_at) {
            (Some(first), Some(own)) if first == own => Edition::Same,
            (Some(_), Some(_)) => return Ok(Edition::Another),
            _ => Edition::Unknown,
        };
        let Overrides::List {
            elements: Some((start, end)),
            ..
        } = read.overrides
        else {
            return Ok(edition);
        };
        let separator = if self.rest.is_none() {
            let mut rest = self.gap.after.as_bytes().to_vec();
            rest.extend_from_slice(&self.document[self.gap.end..]);
            self.document.truncate(self.gap.start);
            self.rest = Some(rest);
            self.gap.before
        } else {
            ","
        };
        self.document.extend_from_slice(separator.as_bytes());
        self.document.extend_from_slice(&page[start..end]);
        Ok(edition)
    }

    /// The document with all that was appended.
    #[must_use]
    pub fn into_document(mut self) -> Vec<u8> {
        self.document.append(&mut self.rest.unwrap_or_default());
        self.document
    }
}

/// The parts of one page that matter.
struct Page<'a> {
    overrides: Overrides,
    updated_at: Option<&'a str>,
    /// The position behind the last member, or behind the brace that opens an empty object.
    end: usize,
    empty: bool,
}

/// The list of identity overrides, by its position in the text.
enum Overrides {
    Missing,
    Null {
        start: usize,
        end: usize,
    },
    List {
        /// The position behind its opening bracket.
        opened: usize,
        /// The bytes from the first to the last; `None` if it is empty.
        elements: Option<(usize, usize)>,
    },
}

impl<'a> Page<'a> {
    fn read(bytes: &'a [u8]) -> Result<Page<'a>, DocumentError> {
        let text = std::str::from_utf8(bytes).map_err(|error| DocumentError::not_utf8(&error))?;
        let mut reader = Reader::new(text, Dialect::Document).within(1);
        if !reader.take(b'{') {
            return Err(DocumentError::whole("expected an object"));
        }
        let mut page = Page {
            overrides: Overrides::Missing,
            updated_at: None,
            end: reader.position(),
            empty: true,
        };
        let mut another = !reader.take(b'}');
        while another {
            another = page.member(&mut reader, text)?;
        }
        reader.end()?;
        Ok(page)
    }

    /// Reads a member and what follows it: `true` for another one. Of a repeated name the last one counts, as it does
    /// when the document is compiled.
    fn member(&mut self, reader: &mut Reader<'a>, text: &'a str) -> Result<bool, DocumentError> {
        let name = reader.name()?;
        match name.as_str() {
            LIST => self.overrides = Overrides::read(reader)?,
            "updated_at" => {
                reader.peek();
                let start = reader.position();
                // With its quotes and escapes: it is only compared with that of another page.
                self.updated_at = matches!(reader.value()?, Value::Text(_))
                    .then(|| &text[start..reader.position()]);
            }
            _ => drop(reader.value()?),
        }
        self.end = reader.position();
        self.empty = false;
        Ok(reader.another(b'}')?)
    }

    fn gap(&self) -> Gap {
        let at = |position, before, after| Gap {
            start: position,
            end: position,
            before,
            after,
        };
        match self.overrides {
            Overrides::List {
                elements: Some((_, end)),
                ..
            } => at(end, ",", ""),
            Overrides::List { opened, .. } => at(opened, "", ""),
            Overrides::Null { start, end } => Gap {
                start,
                end,
                before: "[",
                after: "]",
            },
            Overrides::Missing if self.empty => at(self.end, "\"identity_overrides\":[", "]"),
            Overrides::Missing => at(self.end, ",\"identity_overrides\":[", "]"),
        }
    }
}

impl Overrides {
    fn read(reader: &mut Reader<'_>) -> Result<Overrides, DocumentError> {
        if !reader.take(b'[') {
            let start = reader.position();
            return match reader.value()? {
                Value::Null => Ok(Overrides::Null {
                    start,
                    end: reader.position(),
                }),
                other => Err(DocumentError::of_member(
                    LIST,
                    format!("expected a list, found {}", other.kind()),
                )),
            };
        }
        let opened = reader.position();
        let mut elements = None;
        let mut another = !reader.take(b']');
        while another {
            reader.peek();
            let (start, _) = elements.unwrap_or((reader.position(), 0));
            reader.value()?;
            elements = Some((start, reader.position()));
            another = reader.another(b']')?;
        }
        Ok(Overrides::List { opened, elements })
    }
}

#[cfg(test)]
mod tests;
