//! Texts of clients and documents in a line of the log. None can begin another line or act on a terminal. None makes a
//! line so long that a pipe takes it in two pieces, between which lines of other processes come.

use std::fmt::Write;

/// Follows what was cut off.
const CUT: &str = "…";

/// Writes a text for people, in at most `limit` bytes. Characters without a picture are written as escapes.
pub(super) fn write_text(out: &mut String, text: &str, limit: usize) {
    let is_plain = |byte| matches!(byte, b' '..=b'~');
    write(out, text, limit, is_plain, |out, char| {
        out.extend(char.escape_debug());
    });
}

/// Writes a text as JSON, in at most `limit` bytes between the quotes.
pub(super) fn write_json(out: &mut String, text: &str, limit: usize) {
    let is_plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    out.push('"');
    write(out, text, limit, is_plain, |out, char| match char {
        '"' | '\\' => out.extend(['\\', char]),
        '\n' => out.push_str("\\n"),
        // JSON needs it for the first 32 of these, terminals and editors for all.
        char if char.is_control() || is_invisible(char) => {
            let _ = write!(out, "\\u{:04x}", u32::from(char));
        }
        char => out.push(char),
    });
    out.push('"');
}

/// Appends `text`: runs of plain ASCII as they are, and each other character with `escape`.
fn write(
    out: &mut String,
    text: &str,
    limit: usize,
    is_plain: impl Fn(u8) -> bool,
    escape: impl Fn(&mut String, char),
) {
    let end = out.len() + limit - CUT.len();
    let mut rest = text;
    while !rest.is_empty() {
        let before = out.len();
        let plain = rest.bytes().position(|byte| !is_plain(byte));
        let (run, others) = rest.split_at(plain.unwrap_or(rest.len()));
        if before + run.len() > end {
            out.push_str(&run[..end - before]);
            out.push_str(CUT);
            return;
        }
        out.push_str(run);
        let mut others = others.chars();
        if let Some(char) = others.next() {
            let before = out.len();
            escape(out, char);
            if out.len() > end {
                out.truncate(before);
                out.push_str(CUT);
                return;
            }
        }
        rest = others.as_str();
    }
}

/// Without a picture of its own: it ends a line for some programs, or turns the direction of what follows.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, limit: usize) -> String {
        let mut out = String::new();
        write_text(&mut out, text, limit);
        out
    }

    fn json(text: &str, limit: usize) -> String {
        let mut out = String::new();
        write_json(&mut out, text, limit);
        out
    }

    #[test]
    fn what_people_read_stays_as_it_is() {
        for plain in ["", "a 'plain' \"text\" with \\", "größer, 東京"] {
            assert_eq!(text(plain, 100), plain);
            assert_eq!(
                serde_json::from_str::<String>(&json(plain, 100)).unwrap(),
                plain
            );
        }
    }

    #[test]
    fn nothing_begins_a_line_or_acts_on_a_terminal() {
        for (hostile, in_text) in [
            ("a\nb\r\n", "a\\nb\\r\\n"),
            ("\u{1b}[2J\u{7f}", "\\u{1b}[2J\\u{7f}"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("\u{202e}txt\u{2028}", "\\u{202e}txt\\u{2028}"),
        ] {
            assert_eq!(text(hostile, 100), in_text);
            let json = json(hostile, 100);
            assert!(
                !json
                    .chars()
                    .any(|char| char.is_control() || is_invisible(char)),
                "{json:?}"
            );
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_whatever_it_consists_of() {
        for (piece, limit) in [("a", 10), ("é", 10), ("\n", 11), ("\u{9b}", 20), ("\"", 9)] {
            let long = piece.repeat(50);
            for cut in [text(&long, limit), json(&long, limit)] {
                assert!(cut.len() <= limit + 2 && cut.len() + 8 > limit, "{cut}");
                assert!(cut.trim_end_matches('"').ends_with(CUT), "{cut}");
            }
            let read: String = serde_json::from_str(&json(&long, limit)).unwrap();
            assert!(long.starts_with(read.trim_end_matches(CUT)), "{read}");
        }
    }
}
