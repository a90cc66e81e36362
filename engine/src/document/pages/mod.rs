//! A document in pages: the first is the document, and later ones extend its list of identity overrides.
//!
//! Pages are joined as text, so that the document is served as it was sent, number for number and space for space.

use bytes::Bytes;

use super::node::DocumentError;
use crate::json::{Dialect, Reader, Value};

const LIST: &str = "identity_overrides";

/// A document while its pages arrive. It says what the text of the document is, part by part, and keeps the first page.
#[derive(Debug)]
pub struct Pages {
    first: Bytes,
    gap: Gap,
    /// Something was appended.
    is_extended: bool,
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
    /// They differ: the document was edited after the first page was sent. Nothing is appended.
    Another,
    /// One of the pages has none.
    Unknown,
}

impl Pages {
    /// Takes the first page.
    ///
    /// # Errors
    /// If it is no JSON object, or its identity overrides are neither a list nor null.
    pub fn new(first: Bytes) -> Result<Pages, DocumentError> {
        let page = Page::read(&first)?;
        Ok(Pages {
            gap: page.gap(),
            updated_at: page.updated_at.map(str::to_owned),
            is_extended: false,
            first,
        })
    }

    /// The text of the document before all that is appended.
    #[must_use]
    pub fn beginning(&self) -> &[u8] {
        &self.first[..self.gap.start]
    }

    /// Takes a later page. Returns its edition, and the text that its identity overrides append to the document.
    ///
    /// # Errors
    /// If it is no JSON object, or its identity overrides are neither a list nor null.
    pub fn append<'p>(
        &mut self,
        page: &'p [u8],
    ) -> Result<(Edition, [&'p [u8]; 2]), DocumentError> {
        let read = Page::read(page)?;
        let edition = match (self.updated_at.as_deref(), read.updated_at) {
            (Some(first), Some(own)) if first == own => Edition::Same,
            (Some(_), Some(_)) => return Ok((Edition::Another, [b"", b""])),
            _ => Edition::Unknown,
        };
        let Overrides::List {
            elements: Some((start, end)),
            ..
        } = read.overrides
        else {
            return Ok((edition, [b"", b""]));
        };
        let separator = if self.is_extended {
            ","
        } else {
            self.gap.before
        };
        self.is_extended = true;
        Ok((edition, [separator.as_bytes(), &page[start..end]]))
    }

    /// The text of the document behind all that was appended.
    #[must_use]
    pub fn end(&self) -> [&[u8]; 2] {
        if self.is_extended {
            [self.gap.after.as_bytes(), &self.first[self.gap.end..]]
        } else {
            [b"", &self.first[self.gap.start..]]
        }
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
            _ => reader.skip()?,
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
            reader.skip()?;
            elements = Some((start, reader.position()));
            another = reader.another(b']')?;
        }
        Ok(Overrides::List { opened, elements })
    }
}

#[cfg(test)]
mod tests;
