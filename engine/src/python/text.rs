//! Python's `str()`, `repr()` and `==` of JSON values. Conditions compare with `str()`; refusals quote `repr()`.

use std::sync::LazyLock;

use regex::Regex;

use super::number::python_float_text;
use crate::json::{Value, write_value};

/// Python's `str(value)`.
pub(crate) fn python_str(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.as_str().to_owned(),
        _ => repr(value),
    }
}

/// Python's `text.strip()`. Its white space is that of Unicode, and four control characters.
pub(crate) fn python_strip(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
    })
}

/// A text that is the same for values that are equal in Python: `1 == 1.0 == True`.
pub(crate) fn equality_key(value: &Value<'_>) -> String {
    match value {
        Value::Boolean(boolean) => u8::from(*boolean).to_string(),
        Value::Float(float) if *float == float.trunc() => format!("{float:.0}"),
        other => {
            let mut out = Vec::new();
            write_value(other, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

/// Python's `repr(text)`, for `unknown key '...'`: quotes, backslashes and unprintable characters are escaped.
pub fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut printed = String::with_capacity(text.len() + 2);
    printed.push(quote);
    for character in text.chars() {
        match character {
            '\\' => printed.push_str("\\\\"),
            '\n' => printed.push_str("\\n"),
            '\r' => printed.push_str("\\r"),
            '\t' => printed.push_str("\\t"),
            _ if character == quote => printed.extend(['\\', character]),
            _ if is_unprintable(character) => match u32::from(character) {
                code @ 0..=0xff => printed.push_str(&format!("\\x{code:02x}")),
                code @ 0..=0xffff => printed.push_str(&format!("\\u{code:04x}")),
                code => printed.push_str(&format!("\\U{code:08x}")),
            },
            _ => printed.push(character),
        }
    }
    printed.push(quote);
    printed
}

/// Python's `not character.isprintable()`: separators other than the blank, control, format, private and unassigned
/// characters.
fn is_unprintable(character: char) -> bool {
    static UNPRINTABLE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{C}\p{Z}]$").ok());
    let shown = |pattern: &Regex| pattern.is_match(character.encode_utf8(&mut [0; 4]));
    !matches!(character, ' '..='~') && UNPRINTABLE.as_ref().is_some_and(shown)
}

fn repr(value: &Value<'_>) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Boolean(true) => "True".to_owned(),
        Value::Boolean(false) => "False".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Float(float) => python_float_text(*float),
        Value::Text(text) => python_repr(text.as_str()),
        Value::List(elements) => {
            let elements: Vec<String> = elements.iter().map(repr).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", python_repr(name.as_str()), repr(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::python_repr;

    /// Printed by CPython 3.12.
    #[test]
    fn quotes_as_python_does() {
        for (text, expected) in [
            ("nope", "'nope'"),
            ("it's", "\"it's\""),
            ("it's \"q\"", "'it\\'s \"q\"'"),
            ("a\\b\tc\u{7f}", "'a\\\\b\\tc\\x7f'"),
            ("\u{a0}\u{ad}é", "'\\xa0\\xadé'"),
            ("\u{2028}\u{e000}\u{e0001}", "'\\u2028\\ue000\\U000e0001'"),
        ] {
            assert_eq!(python_repr(text), expected);
        }
    }
}
