//! JSON strings that contain escapes.

use super::dialect::{Dialect, JsonError, Read};
use super::text::Text;

/// Reads a string whose content begins at `start` and whose first escape is at `at`. Returns the position after its
/// closing quote.
pub(super) fn unescape(
    text: &str,
    start: usize,
    mut at: usize,
    dialect: Dialect,
) -> Read<(Text<'_>, usize)> {
    let bytes = text.as_bytes();
    let mut decoded = String::new();
    let mut lone_surrogate = false;
    let mut copied = start;
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                decoded.push_str(&text[copied..at]);
                let string = Text::escaped(&text[start..at], decoded, lone_surrogate);
                return Ok((string, at + 1));
            }
            Some(b'\\') => {
                decoded.push_str(&text[copied..at]);
                let (character, end) = escape(text, at, start)?;
                if character.is_none() && dialect == Dialect::Document {
                    return fail("half a surrogate pair", at);
                }
                lone_surrogate |= character.is_none();
                decoded.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                (at, copied) = (end, end);
            }
            Some(0..=0x1f) => return fail("Invalid control character at", at),
            Some(_) => at += 1,
            None => return fail("Unterminated string starting at", start - 1),
        }
    }
}

/// Reads the escape at `at` of a string that begins at `start`. Returns its character, which is `None` for half a
/// surrogate pair, and where it ends.
fn escape(text: &str, at: usize, start: usize) -> Read<(Option<char>, usize)> {
    let character = match text.as_bytes().get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text, at),
        Some(_) => return fail("Invalid \\escape", at),
        None => return fail("Unterminated string starting at", start - 1),
    };
    Ok((Some(character), at + 2))
}

fn unicode_escape(text: &str, at: usize) -> Read<(Option<char>, usize)> {
    let unit = |at: usize| {
        let digits = text.as_bytes().get(at + 2..at + 6)?;
        // Python reads the last character of a text as no part of an escape: the closing quote has to follow.
        let in_text = at + 6 < text.len();
        let hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok()?;
        (in_text && hexadecimal).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let Some(first) = unit(at) else {
        return fail("Invalid \\uXXXX escape", at + 1);
    };
    let next = at + 6;
    if (0xd800..0xdc00).contains(&first) && text[next..].starts_with("\\u") {
        let Some(second) = unit(next) else {
            return fail("Invalid \\uXXXX escape", next + 1);
        };
        if (0xdc00..0xe000).contains(&second) {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok((char::from_u32(code), next + 6));
        }
    }
    Ok((char::from_u32(first), next))
}

fn fail<T>(message: &'static str, position: usize) -> Read<T> {
    Err(JsonError::syntax(message, position))
}
