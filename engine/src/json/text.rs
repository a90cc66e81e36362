//! A JSON string: as it was written, and what it says.

use std::borrow::Cow;
use std::fmt;

/// A JSON string that remembers how it was written, so that it can be copied instead of escaped anew.
#[derive(Clone)]
pub(crate) struct Text<'a> {
    /// The bytes between its quotes.
    raw: &'a str,
    /// What it says if that differs from `raw`. It is boxed because every value has room for it and few need it.
    escaped: Option<Box<Escaped>>,
}

#[derive(Clone, PartialEq)]
struct Escaped {
    decoded: String,
    /// It contains half a surrogate pair, so it is no Unicode text; `decoded` has U+FFFD there.
    lone_surrogate: bool,
}

impl<'a> Text<'a> {
    /// A string without escapes, which the caller has checked.
    pub(crate) fn plain(raw: &'a str) -> Text<'a> {
        Text { raw, escaped: None }
    }

    /// A string with escapes.
    pub(crate) fn escaped(raw: &'a str, decoded: String, lone_surrogate: bool) -> Text<'a> {
        let escaped = Escaped {
            decoded,
            lone_surrogate,
        };
        Text {
            raw,
            escaped: Some(Box::new(escaped)),
        }
    }

    /// A string that is in no JSON.
    pub(crate) fn owned(text: String) -> Text<'static> {
        Text::escaped("", text, false)
    }

    /// The part of it that `part` finds in what it says.
    pub(crate) fn part(self, part: impl for<'t> Fn(&'t str) -> &'t str) -> Text<'a> {
        let Some(escaped) = &self.escaped else {
            return Text::plain(part(self.raw));
        };
        match part(&escaped.decoded) {
            part if part.len() == escaped.decoded.len() => self,
            part => Text::owned(part.to_owned()),
        }
    }

    /// What it says.
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match &self.escaped {
            None => self.raw,
            Some(escaped) => &escaped.decoded,
        }
    }

    /// What it says, borrowed from the text that it was read from unless it has escapes.
    pub(crate) fn to_cow(&self) -> Cow<'a, str> {
        match self.verbatim() {
            Some(raw) => Cow::Borrowed(raw),
            None => Cow::Owned(self.as_str().to_owned()),
        }
    }

    /// The bytes between its quotes if an answer writes it in the same way.
    pub(crate) fn verbatim(&self) -> Option<&'a str> {
        self.escaped.is_none().then_some(self.raw)
    }

    /// The bytes between its quotes, with its escapes: valid JSON, whatever it says.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    /// Whether it contains half a surrogate pair, so that it is no Unicode text.
    pub(crate) fn has_lone_surrogate(&self) -> bool {
        self.escaped
            .as_ref()
            .is_some_and(|escaped| escaped.lone_surrogate)
    }
}

impl PartialEq for Text<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        if let (None, None) = (&self.escaped, &other.escaped) {
            return self.raw == other.raw;
        }
        self.as_str() == other.as_str() && self.has_lone_surrogate() == other.has_lone_surrogate()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

/// How many bytes come before the first quote, backslash or control character. A JSON string needs no escapes for
/// these. It reads eight bytes at a time because most of a request is strings.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (number, chunk) in chunks.iter().enumerate() {
        let special = special_bytes(*chunk);
        if special != 0 {
            return number * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let before = bytes.len() - rest.len();
    // The last eight bytes overlap those before, which are not special.
    if let (Some(last), false) = (bytes.last_chunk::<8>(), rest.is_empty()) {
        return match special_bytes(*last) {
            0 => bytes.len(),
            special => bytes.len() - 8 + special.trailing_zeros() as usize / 8,
        };
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    before + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of the first special byte is set, and that of no byte before it.
#[inline]
fn special_bytes(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(bytes);
    // The high bit of a byte is set if the byte is zero, or below 0x20. A borrow can set that of later bytes too, but
    // only the first one matters.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    (control | quote | backslash) & (ONES << 7)
}
