//! Reading JSON text. Errors carry Python's own words and position, since clients see them.

use super::members::Names;
use super::text::plain_length;
use super::{Dialect, Text, Value};
use crate::json::Integer;

/// How deep values may nest. orjson and Python's `json` go on to about 1,000; no document or request has use for
/// a tenth of that, and this much fits any thread's stack, optimised or not.
const DEEPEST: usize = 256;

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// What is wrong, in the words of Python's `json`.
    pub(crate) message: &'static str,
    /// Where, in bytes from the start.
    pub(crate) position: usize,
    /// Python's `json` fails here with something other than its syntax error.
    pub(crate) fatal: bool,
}

/// A cursor over JSON text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    dialect: Dialect,
    /// What was read of lists and objects that have not ended: each takes its own from the end, in one piece.
    elements: Vec<Value<'a>>,
    members: Vec<(Text<'a>, Value<'a>)>,
}

type Read<T> = Result<T, JsonError>;

impl<'a> Reader<'a> {
    /// Starts at the first byte of `text`.
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

    /// The same cursor for one who reads lists and objects himself, `levels` deep: values nest that much less.
    pub(crate) fn within(self, levels: usize) -> Reader<'a> {
        Reader {
            depth: self.depth + levels,
            ..self
        }
    }

    /// One value and nothing after it.
    pub(crate) fn document(mut self) -> Read<Value<'a>> {
        let value = self.value()?;
        self.end()?;
        Ok(value)
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("Extra data"),
        }
    }

    /// The next byte that is not white space, without taking it.
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

    /// Takes `byte` if it is what comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    /// Any value.
    pub(crate) fn value(&mut self) -> Read<Value<'a>> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => self.nested(Reader::object),
            Some(b'[') => self.nested(Reader::list),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => self.fail("Expecting value"),
        }
    }

    /// A member's name and its colon.
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

    /// Takes a member's name, given with its quotes, and its colon, if that is what comes next.
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

    /// Takes these bytes if they come next as they are, without white space before them.
    #[inline]
    pub(crate) fn take_exactly(&mut self, bytes: &[u8]) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let taken = rest.starts_with(bytes);
        self.at += if taken { bytes.len() } else { 0 };
        taken
    }

    /// Where the next byte stands.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes back to where the cursor was.
    pub(crate) fn go_back(&mut self, position: usize) {
        self.at = position;
    }

    /// What stands between two positions that the cursor had.
    pub(crate) fn between(&self, start: usize, end: usize) -> Option<&'a str> {
        self.text.get(start..end)
    }

    /// After an element: `true` when another follows, `false` when `close` ended the list or object.
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

    /// A string; the next byte is its opening quote.
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
            Some(b'\\') => self.escaped_string(start, at),
            Some(_) => self.fail_at("Invalid control character at", at),
            None => self.fail_at("Unterminated string starting at", start - 1),
        }
    }

    /// A number; the next byte is its first. `NaN` and the like are words.
    pub(crate) fn number(&mut self) -> Read<Value<'a>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let first = start + usize::from(bytes[start] == b'-');
        let mut end = match bytes.get(first) {
            Some(b'0') => first + 1,
            Some(b'1'..=b'9') => digits(first),
            _ => return self.word(),
        };
        let mut integer = true;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction > end + 1 {
                (end, integer) = (fraction, false);
            }
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(sign);
            if exponent > sign {
                (end, integer) = (exponent, false);
            }
        }
        self.at = end;
        let text = &self.text[start..end];
        if integer {
            self.integer(text, start)
        } else {
            self.float(text, start)
        }
    }

    fn integer(&self, text: &'a str, start: usize) -> Read<Value<'a>> {
        let integer = Integer::from_decimal(text);
        match (&integer, self.dialect) {
            // orjson keeps what fits i64 or u64; the rest it reads as doubles.
            (Integer::Big { negative, .. }, Dialect::Document)
                if *negative || text.parse::<u64>().is_err() =>
            {
                self.float(text, start)
            }
            (Integer::Big { .. }, Dialect::Body) if text.len() > 4300 => Err(JsonError {
                message: "Exceeds the limit for integer string conversion",
                position: start,
                fatal: true,
            }),
            _ => Ok(Value::Integer(integer)),
        }
    }

    fn float(&self, text: &str, start: usize) -> Read<Value<'a>> {
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() || self.dialect == Dialect::Body => {
                Ok(Value::Float(float))
            }
            _ => self.fail_at("number is infinity when parsed as double", start),
        }
    }

    fn word(&mut self) -> Read<Value<'a>> {
        let rest = &self.text[self.at..];
        let words = [
            ("null", Value::Null),
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in words {
            let known = self.dialect == Dialect::Body || !matches!(value, Value::Float(_));
            if known && rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("Expecting value")
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Read<Value<'a>>) -> Read<Value<'a>> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(JsonError {
                message: "maximum recursion depth exceeded",
                position: self.at - 1,
                fatal: true,
            });
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
        if self.take(b'}') {
            return Ok(Value::Object(Vec::new()));
        }
        let mut names = Names::default();
        let start = self.members.len();
        loop {
            let name = self.name()?;
            let value = self.value()?;
            match names.place(&name, &self.members[start..]) {
                Some(place) => self.members[start + place].1 = value,
                None => self.members.push((name, value)),
            }
            if !self.another(b'}')? {
                return Ok(Value::Object(self.members.drain(start..).collect()));
            }
        }
    }

    /// The rest of a string whose first escape is at `at`.
    fn escaped_string(&mut self, start: usize, mut at: usize) -> Read<Text<'a>> {
        let bytes = self.text.as_bytes();
        let mut decoded = String::new();
        let mut lone_surrogate = false;
        let mut copied = start;
        loop {
            match bytes.get(at) {
                Some(b'"') => {
                    decoded.push_str(&self.text[copied..at]);
                    self.at = at + 1;
                    return Ok(Text::escaped(
                        &self.text[start..at],
                        decoded,
                        lone_surrogate,
                    ));
                }
                Some(b'\\') => {
                    decoded.push_str(&self.text[copied..at]);
                    let (character, end) = self.escape(at, start)?;
                    if character.is_none() && self.dialect == Dialect::Document {
                        return self.fail_at("half a surrogate pair", at);
                    }
                    lone_surrogate |= character.is_none();
                    decoded.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                    (at, copied) = (end, end);
                }
                Some(0..=0x1f) => return self.fail_at("Invalid control character at", at),
                Some(_) => at += 1,
                None => return self.fail_at("Unterminated string starting at", start - 1),
            }
        }
    }

    /// The escape at `at` of a string that starts at `start`: its character (`None`: half a surrogate pair)
    /// and where it ends.
    fn escape(&self, at: usize, start: usize) -> Read<(Option<char>, usize)> {
        let character = match self.text.as_bytes().get(at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(at),
            Some(_) => return self.fail_at("Invalid \\escape", at),
            None => return self.fail_at("Unterminated string starting at", start - 1),
        };
        Ok((Some(character), at + 2))
    }

    fn unicode_escape(&self, at: usize) -> Read<(Option<char>, usize)> {
        let unit = |at: usize| {
            let digits = self.text.as_bytes().get(at + 2..at + 6)?;
            // The closing quote must still follow: Python looks no further than the text's last character.
            let in_text = at + 6 < self.text.len();
            let hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(digits).ok()?;
            (in_text && hexadecimal).then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let Some(first) = unit(at) else {
            return self.fail_at("Invalid \\uXXXX escape", at + 1);
        };
        let next = at + 6;
        if (0xd800..0xdc00).contains(&first) && self.text[next..].starts_with("\\u") {
            let Some(second) = unit(next) else {
                return self.fail_at("Invalid \\uXXXX escape", next + 1);
            };
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok((char::from_u32(code), next + 6));
            }
        }
        Ok((char::from_u32(first), next))
    }

    fn fail<T>(&self, message: &'static str) -> Read<T> {
        self.fail_at(message, self.at)
    }

    fn fail_at<T>(&self, message: &'static str, position: usize) -> Read<T> {
        Err(JsonError {
            message,
            position,
            fatal: false,
        })
    }
}
