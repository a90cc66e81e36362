//! A document that comes in pages: the first is the document, the later ones only extend its list of identity overrides.
//!
//! Works on the text and copies it, so that what is served is what was sent, number for number and space for space.
//! Knows neither where a page comes from nor what an override says.

use super::node::DocumentError;
use crate::json::{Dialect, Reader, Value};

const LIST: &str = "identity_overrides";

/// A document while its pages arrive.
#[derive(Debug)]
pub struct Pages {
    /// The first page; once something was appended, only what stands before the end of its list.
    document: Vec<u8>,
    gap: Gap,
    /// What follows the last override, once something was appended.
    rest: Option<Vec<u8>>,
    updated_at: Option<String>,
}

/// Where the first override to append goes.
#[derive(Debug, PartialEq)]
struct Gap {
    /// What it replaces: nothing, or the null that stood for a list.
    start: usize,
    end: usize,
    before: &'static str,
    after: &'static str,
}

/// How a page's `updated_at` compares with that of the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// They say the same.
    Same,
    /// They differ, so the document was edited after the first page was sent. Nothing was appended.
    Another,
    /// One of them does not say.
    Unknown,
}

impl Pages {
    /// Takes the first page.
    ///
    /// # Errors
    /// When it is no JSON object, or its list of identity overrides is something else.
    pub fn new(first: Vec<u8>) -> Result<Pages, DocumentError> {
        let page = Page::read(&first)?;
        Ok(Pages {
            gap: page.gap(),
            updated_at: page.updated_at.map(str::to_owned),
            document: first,
            rest: None,
        })
    }

    /// How many bytes there are so far.
    #[must_use]
    pub fn length(&self) -> usize {
        self.document.len() + self.rest.as_ref().map_or(0, Vec::len)
    }

    /// Appends a later page's identity overrides.
    ///
    /// # Errors
    /// When it is no JSON object, or its list of identity overrides is something else.
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

    /// The document with everything that was appended.
    #[must_use]
    pub fn into_document(mut self) -> Vec<u8> {
        self.document.append(&mut self.rest.unwrap_or_default());
        self.document
    }
}

/// What counts of one page.
struct Page<'a> {
    overrides: Overrides,
    updated_at: Option<&'a str>,
    /// Behind the last member, or behind the brace that opens an empty object.
    end: usize,
    empty: bool,
}

/// The list of identity overrides, by where it stands in the text.
enum Overrides {
    Missing,
    Null {
        start: usize,
        end: usize,
    },
    List {
        /// Behind the bracket that opens it.
        opened: usize,
        /// From the first to the last; `None`: it is empty.
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

    /// Reads a member and what follows it: `true` when that is another one. Of a repeated name the last one counts, as
    /// it does when the document is compiled.
    fn member(&mut self, reader: &mut Reader<'a>, text: &'a str) -> Result<bool, DocumentError> {
        let name = reader.name()?;
        match name.as_str() {
            LIST => self.overrides = Overrides::read(reader)?,
            "updated_at" => {
                reader.peek();
                let start = reader.position();
                // As it is written: it is only ever compared with how another page writes it.
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
        let at = |place, before, after| Gap {
            start: place,
            end: place,
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
