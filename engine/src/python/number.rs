//! Numbers as Flagsmith's Python reads and prints them: `int()`, `float()`, `str()`, integers of any size.
//!
//! Knows nothing of JSON or of conditions. The rules come from CPython's own grammar: any Unicode decimal
//! digit counts, single underscores may stand between digits, white space around the number is ignored.

use std::borrow::Cow;

use crate::json::Integer;

/// The longest run of digits that Python's `int()` converts (its `int_max_str_digits`).
const MOST_DIGITS: usize = 4300;

/// The code point of zero in every run of Unicode decimal digits (general category Nd, Unicode 15).
const ZEROS: [u32; 68] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66,
    0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
    0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0,
    0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950,
    0x1FBF0,
];

/// Python's `int(text)`; `None` where it raises.
pub(crate) fn python_int(text: &str) -> Option<Integer<'static>> {
    let ascii = ascii_digits(text.trim())?;
    let (sign, digits) = match ascii.as_bytes().first()? {
        b'-' => ("-", &ascii[1..]),
        b'+' => ("", &ascii[1..]),
        _ => ("", &ascii[..]),
    };
    if digits.is_empty() || digits.len() > MOST_DIGITS {
        return None;
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Integer::from_decimal(&format!("{sign}{digits}")).into_owned())
}

/// Python's `float(text)`; `None` where it raises.
pub(crate) fn python_float(text: &str) -> Option<f64> {
    // Rust's grammar is Python's after digits and underscores are settled: inf, infinity and nan in any
    // case, `.5`, `5.`, an exponent with a sign.
    ascii_digits(text.trim())?.parse().ok()
}

/// Python's `str(float)`.
pub(crate) fn python_float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    // Of two shortest texts Python takes the one nearer to the double, as `ryu` does and `fmt` does not.
    let (digits, point) = shortest_digits(value.abs());
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    match point {
        17.. | ..=-4 => {
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() {
                String::new()
            } else {
                format!(".{rest}")
            };
            format!("{sign}{first}{rest}e{:+03}", point - 1)
        }
        ..=0 => format!("{sign}0.{}{digits}", zeros(-point)),
        _ if point >= length => format!("{sign}{digits}{}.0", zeros(point - length)),
        _ => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// The fewest digits that read back as `value`, without zeros at either end, and where the decimal point
/// stands counted from the first of them. Zero is "0" with the point behind it.
fn shortest_digits(value: f64) -> (String, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return ("0".to_owned(), 1);
    }
    let point = i32::try_from(whole.len()).unwrap_or(0) - i32::try_from(leading).unwrap_or(0);
    (
        digits.to_owned(),
        point + exponent.parse::<i32>().unwrap_or(0),
    )
}

/// The text with every decimal digit in ASCII and single underscores between digits dropped; `None` for any
/// other underscore or non-ASCII character.
fn ascii_digits(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() && !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let mut ascii = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut after_digit = false;
    while let Some(character) = characters.next() {
        if character == '_' {
            let before_digit = characters.peek().is_some_and(|next| digit(*next).is_some());
            if !after_digit || !before_digit {
                return None;
            }
        } else if let Some(digit) = digit(character) {
            ascii.push(digit);
        } else if character.is_ascii() {
            ascii.push(character);
        } else {
            return None;
        }
        after_digit = digit(character).is_some();
    }
    Some(Cow::Owned(ascii))
}

/// The ASCII digit of a Unicode decimal digit.
fn digit(character: char) -> Option<char> {
    let code = u32::from(character);
    let run = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    char::from_digit(code - ZEROS[run], 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_integers_as_python_does() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                python_int(text)
                    .map(|integer| integer.to_string())
                    .as_deref(),
                expected,
                "{text:?}"
            );
        };
        check(" 1 ", Some("1"));
        check("\u{a0}+1_000\u{3000}", Some("1000"));
        check("\u{1c}1", None);
        check("٣٤", Some("34"));
        check("-0", Some("0"));
        check("-00000000000000000000000000000000000000005", Some("-5"));
        check(
            "123456789012345678901234567890",
            Some("123456789012345678901234567890"),
        );
        for bad in [
            "", "+", "5.0", "1e3", "_1", "1_", "1__0", "0x10", "²", "+-1",
        ] {
            check(bad, None);
        }
        assert!(python_int(&"9".repeat(4300)).is_some());
        assert!(python_int(&"9".repeat(4301)).is_none());
    }

    #[test]
    fn reads_and_prints_floats_as_python_does() {
        for (text, printed) in [
            (" 1.5 ", "1.5"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("1_0.2_5", "10.25"),
            ("١.٥", "1.5"),
            ("1e16", "1e+16"),
            ("9999999999999998", "9999999999999998.0"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-1.5e-300", "-1.5e-300"),
            ("-INFINITY", "-inf"),
            ("NaN", "nan"),
            ("-0", "-0.0"),
            ("97482315388243.62", "97482315388243.62"),
            ("1834009360325506.2", "1834009360325506.2"),
            ("123456789012345680", "1.2345678901234568e+17"),
            ("100000", "100000.0"),
        ] {
            assert_eq!(
                python_float(text).map(python_float_text).as_deref(),
                Some(printed)
            );
        }
        for bad in ["", ".", "1e", "1_.5", "1._5", "e5", "0x1p3", "1 2"] {
            assert_eq!(python_float(bad), None, "{bad:?}");
        }
    }
}
