//! Reading JSON text: a cursor, which callers that need no tree can move themselves.

use super::dialect::{Dialect, JsonError, Read};
use super::escape::unescape;
use super::members::Names;
use super::number::number;
use super::text::{Text, plain_length};
use super::value::Value;

/// How deep values may nest. orjson and Python's `json` allow about 1,000; no document or request needs a tenth of
/// that, and this depth fits the stack of any thread, also in a debug build.
const DEEPEST: usize = 256;

/// Reads a whole request body by the rules of Python's `json`.
pub(crate) fn read_body(text: &str) -> Read<Value<'_>> {
    Reader::new(text, Dialect::Body).whole()
}

/// A cursor over JSON text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    dialect: Dialect,
    /// What was read of lists and objects that have not ended. Each takes its own from the end, in one piece.
    elements: Vec<Value<'a>>,
    members: Vec<(Text<'a>, Value<'a>)>,
}

impl<'a> Reader<'a> {
    /// A cursor at the first byte of `text`.
    pub(crate) fn new(text: &'a str, dialect: Dialect) -> Reader<'a> {
        Reader {
            text,
            at: 0,
            depth: 0,
            dialect,
            elements: Vec::new(),
            members: Vec::new(),
        }
    }

    /// The same cursor for a caller that reads `levels` of lists and objects itself: values may nest that much less.
    pub(crate) fn within(self, levels: usize) -> Reader<'a> {
        Reader {
            depth: self.depth + levels,
            ..self
        }
    }

    /// Reads one value and checks that nothing follows it.
    fn whole(mut self) -> Read<Value<'a>> {
        let value = self.value()?;
        self.end()?;
        Ok(value)
    }

    /// Checks that only white space is left.
    pub(crate) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("Extra data"),
        }
    }

    /// Skips white space and returns the next byte without taking it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if *byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Takes `byte` if it comes next, after white space.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    /// Reads any value.
    pub(crate) fn value(&mut self) -> Read<Value<'a>> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => self.nested(Reader::object),
            Some(b'[') => self.nested(Reader::list),
            Some(b'-' | b'0'..=b'9') => match number(self.text, self.at, self.dialect)? {
                Some((number, end)) => {
                    self.at = end;
                    Ok(number)
                }
                None => self.word(),
            },
            Some(_) => self.word(),
            None => self.fail("Expecting value"),
        }
    }

    /// Reads any value as `value` does, of which members of an object are read by `read`.
    pub(crate) fn value_by_member(
        &mut self,
        mut read: impl FnMut(&mut Self, &Text<'a>) -> Read<Value<'a>>,
    ) -> Read<Value<'a>> {
        match self.peek() {
            Some(b'{') => self.nested(|reader| reader.members(&mut read)),
            _ => self.value(),
        }
    }

    /// Reads the name of a member and its colon.
    pub(crate) fn name(&mut self) -> Read<Text<'a>> {
        if self.peek() != Some(b'"') {
            return self.fail("Expecting property name enclosed in double quotes");
        }
        let name = self.string()?;
        if self.take(b':') {
            Ok(name)
        } else {
            self.fail("Expecting ':' delimiter")
        }
    }

    /// Takes the name of a member, given with its quotes, and its colon if they come next.
    #[inline]
    pub(crate) fn take_name(&mut self, quoted: &[u8]) -> bool {
        let comes = self.peek().is_some() && self.text.as_bytes()[self.at..].starts_with(quoted);
        let start = self.at;
        self.at += if comes { quoted.len() } else { 0 };
        let taken = comes && self.take(b':');
        if !taken {
            self.at = start;
        }
        taken
    }

    /// Takes these bytes if they come next without white space before them.
    #[inline]
    pub(crate) fn take_exactly(&mut self, bytes: &[u8]) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let taken = rest.starts_with(bytes);
        self.at += if taken { bytes.len() } else { 0 };
        taken
    }

    /// Whether the very next byte is such a one.
    #[inline]
    pub(crate) fn is_at(&self, such: impl Fn(u8) -> bool) -> bool {
        let next = self.text.as_bytes().get(self.at);
        next.is_some_and(|byte| such(*byte))
    }

    /// The position of the next byte.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes back to a position that the cursor had.
    pub(crate) fn go_back(&mut self, position: usize) {
        self.at = position;
    }

    /// The text between two positions that the cursor had.
    pub(crate) fn between(&self, start: usize, end: usize) -> Option<&'a str> {
        self.text.get(start..end)
    }

    /// Takes the byte that follows an element or member: `true` for a comma, `false` for `close`, which ends the list
    /// or object.
    #[inline]
    pub(crate) fn another(&mut self, close: u8) -> Read<bool> {
        if self.take(b',') {
            Ok(true)
        } else if self.take(close) {
            Ok(false)
        } else {
            self.fail("Expecting ',' delimiter")
        }
    }

    /// Reads a string. The next byte is its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Read<Text<'a>> {
        let start = self.at + 1;
        let rest = &self.text.as_bytes()[start..];
        let at = start + plain_length(rest);
        match self.text.as_bytes().get(at) {
            Some(b'"') => {
                self.at = at + 1;
                Ok(Text::plain(&self.text[start..at]))
            }
            Some(b'\\') => {
                let (string, end) = unescape(self.text, start, at, self.dialect)?;
                self.at = end;
                Ok(string)
            }
            Some(_) => self.fail_at("Invalid control character at", at),
            None => self.fail_at("Unterminated string starting at", start - 1),
        }
    }

    fn word(&mut self) -> Read<Value<'a>> {
        let rest = &self.text[self.at..];
        let float = |float| (self.dialect == Dialect::Body).then_some(Value::Float(float));
        let (word, value) = match rest.as_bytes().first() {
            Some(b'n') => ("null", Some(Value::Null)),
            Some(b't') => ("true", Some(Value::Boolean(true))),
            Some(b'f') => ("false", Some(Value::Boolean(false))),
            Some(b'N') => ("NaN", float(f64::NAN)),
            Some(b'I') => ("Infinity", float(f64::INFINITY)),
            _ => ("-Infinity", float(f64::NEG_INFINITY)),
        };
        match value {
            Some(value) if rest.starts_with(word) => {
                self.at += word.len();
                Ok(value)
            }
            _ => self.fail("Expecting value"),
        }
    }

    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = "maximum recursion depth exceeded";
            return Err(JsonError::fatal(message, self.at - 1));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Read<Value<'a>> {
        if self.take(b']') {
            return Ok(Value::List(Vec::new()));
        }
        let start = self.elements.len();
        loop {
            let element = self.value()?;
            self.elements.push(element);
            if !self.another(b']')? {
                return Ok(Value::List(self.elements.drain(start..).collect()));
            }
        }
    }

    fn object(&mut self) -> Read<Value<'a>> {
        self.members(&mut |reader, _| reader.value())
    }

    fn members(
        &mut self,
        read: &mut impl FnMut(&mut Self, &Text<'a>) -> Read<Value<'a>>,
    ) -> Read<Value<'a>> {
        if self.take(b'}') {
            return Ok(Value::Object(Vec::new()));
        }
        let mut names = Names::default();
        let start = self.members.len();
        loop {
            let name = self.name()?;
            let value = read(self, &name)?;
            match names.find(&name, &self.members[start..]) {
                Some(index) => self.members[start + index].1 = value,
                None => self.members.push((name, value)),
            }
            if !self.another(b'}')? {
                return Ok(Value::Object(self.members.drain(start..).collect()));
            }
        }
    }

    fn fail<T>(&self, message: &'static str) -> Read<T> {
        self.fail_at(message, self.at)
    }

    fn fail_at<T>(&self, message: &'static str, position: usize) -> Read<T> {
        Err(JsonError::syntax(message, position))
    }
}
