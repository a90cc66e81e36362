//! Simple JSONPaths: the root, then names and indices. They are read as the lexer of Flagsmith's Python packages
//! (`jsonpath_rfc9535`) reads them, which differs from RFC 9535: a shorthand name may contain `-`, and no character
//! above U+FFFF.

use crate::json::write_text;

/// How a property that starts with `$.` is read.
#[derive(Debug, PartialEq)]
pub(super) enum Path {
    Simple(Vec<Selector>),
    /// It is no path, so it is the name of a trait.
    Invalid,
    /// It has wildcards, filters, slices or `..`, or is no path either.
    Other,
}

/// One step from a value to one inside it.
#[derive(Debug, PartialEq)]
pub(super) enum Selector {
    Name(String),
    /// An index, as it is written.
    Index(String),
}

impl Selector {
    /// The name; `None` if this is an index.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Selector::Name(name) => Some(name),
            Selector::Index(_) => None,
        }
    }
}

impl Path {
    pub(super) fn read(property: &str) -> Path {
        let mut selectors = Vec::new();
        let mut rest = property.strip_prefix('$').unwrap_or(property);
        while !rest.is_empty() {
            let segment = skip_blanks(rest);
            let read = match segment.split_at_checked(1) {
                Some((".", name)) => shorthand(name),
                Some(("[", content)) => bracketed(content),
                // Blanks at the end are an error.
                None => Err(Path::Invalid),
                Some(_) => Err(Path::Other),
            };
            match read {
                Ok((selector, after)) => {
                    selectors.push(selector);
                    rest = after;
                }
                Err(path) => return path,
            }
        }
        Path::Simple(selectors)
    }
}

/// The path in a form that means the same to every reader of RFC 9535.
pub(super) fn canonical(selectors: &[Selector]) -> String {
    let mut path = b"$".to_vec();
    for selector in selectors {
        path.push(b'[');
        match selector {
            Selector::Name(name) => write_text(name, &mut path),
            Selector::Index(index) => path.extend_from_slice(index.as_bytes()),
        }
        path.push(b']');
    }
    String::from_utf8_lossy(&path).into_owned()
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\n', '\r', '\t'])
}

/// Reads a name behind a dot. Returns what follows, too.
fn shorthand(text: &str) -> Result<(Selector, &str), Path> {
    let is_start =
        |c: char| c == '_' || c.is_ascii_alphabetic() || ('\u{80}'..='\u{FFFF}').contains(&c);
    let is_part = |c: char| is_start(c) || c == '-' || c.is_ascii_digit();
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if rest.starts_with(|c| c > '\u{FFFF}') {
        Err(Path::Invalid)
    } else if name.starts_with(is_start) {
        Ok((Selector::Name(name.to_owned()), rest))
    } else {
        Err(Path::Other)
    }
}

/// Reads a name or an index behind a bracket. Returns what follows the other bracket, too.
fn bracketed(text: &str) -> Result<(Selector, &str), Path> {
    let text = skip_blanks(text);
    let (selector, rest) = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let (name, rest) = quoted(&text[1..], quote).ok_or(Path::Invalid)?;
            (Selector::Name(name), rest)
        }
        _ => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            let (index, rest) = text.split_at(text.len() - digits.len() + count);
            // A longer index is beyond what a path may have.
            if !(1..=15).contains(&count) || index.starts_with("-0") {
                return Err(Path::Other);
            }
            if count > 1 && index.starts_with('0') {
                return Err(Path::Other);
            }
            (Selector::Index(index.to_owned()), rest)
        }
    };
    match skip_blanks(rest).strip_prefix(']') {
        Some(rest) => Ok((selector, rest)),
        None => Err(Path::Other),
    }
}

/// Reads a string behind its opening quote. Returns what follows the closing one, too.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            c if c == quote => return Some((name, chars.as_str())),
            '\\' => {
                let (character, rest) = escape(chars.as_str(), quote)?;
                name.push(character);
                chars = rest.chars();
            }
            c if c < ' ' => return None,
            c => name.push(c),
        }
    }
}

/// Reads an escape behind its backslash. Returns what follows, too.
fn escape(text: &str, quote: char) -> Option<(char, &str)> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let character = match kind {
        'b' => '\u{8}',
        'f' => '\u{C}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '/' | '\\' => kind,
        _ if kind == quote => kind,
        'u' => return unicode(rest),
        _ => return None,
    };
    Some((character, rest))
}

/// Reads the digits of `\uXXXX`, and a second escape if the first is half a surrogate pair.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(text)?;
    let (character, rest) = match char::from_u32(first) {
        Some(character) => (character, rest),
        None => {
            let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
            let units = [first, second].map(|unit| u16::try_from(unit).unwrap_or(u16::MAX));
            (char::decode_utf16(units).next()?.ok()?, rest)
        }
    };
    // The packages refuse control characters here, though not as `\n`.
    (character >= ' ').then_some((character, rest))
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u32::from_str_radix(digits, 16).ok();
    unit.filter(|_| hexadecimal).map(|unit| (unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_as_the_python_packages_do() {
        for (property, names) in [
            (
                "$.flags.my-flag.enabled",
                &["flags", "my-flag", "enabled"][..],
            ),
            ("$.a--1-.é", &["a--1-", "é"]),
            ("$.a['b c'][ \"d.e\" ] .f", &["a", "b c", "d.e", "f"]),
            (
                r#"$.a['it\'s "b"']["say \"x\""]"#,
                &["a", "it's \"b\"", "say \"x\""],
            ),
            (
                r"$.a['\ud83d\ude00']['\uD83D\uDE00\n\\']",
                &["a", "😀", "😀\n\\"],
            ),
            ("$.a['😀']['']", &["a", "😀", ""]),
        ] {
            let name = |name: &&str| Selector::Name((*name).to_owned());
            let expected = Path::Simple(names.iter().map(name).collect());
            assert_eq!(Path::read(property), expected, "{property}");
        }
    }

    #[test]
    fn knows_traits_and_other_paths_from_simple_ones() {
        for property in [
            "$.a😀",
            "$.😀",
            "$.a.b ",
            r"$.a['\u001f']",
            r"$.a['\ud83d']",
            r"$.a['\x']",
            "$.a['b",
        ] {
            assert_eq!(Path::read(property), Path::Invalid, "{property}");
        }
        for property in [
            "$.",
            "$..a",
            "$.a.*",
            "$.1a",
            "$.-a",
            "$.a:b",
            "$.a['b','c']",
            "$.a[1:2]",
            "$.a[01]",
            "$.a[-0]",
            "$.a[1",
            "$.a[]",
            "$.a[?@.b]",
            "$.a. b",
        ] {
            assert_eq!(Path::read(property), Path::Other, "{property}");
        }
    }

    #[test]
    fn writes_paths_that_every_reader_knows() {
        let Path::Simple(selectors) = Path::read(r#"$.a-b['\'"\ud83d\ude00'][0][-1]"#) else {
            panic!("it is simple");
        };
        assert_eq!(canonical(&selectors), r#"$["a-b"]["'\"😀"][0][-1]"#);
        let path = serde_json_path::JsonPath::parse(&canonical(&selectors));
        assert!(path.is_ok(), "{path:?}");
    }
}
