//! Python's `int()`, `float()`, `str()` and `repr()`.

use std::sync::LazyLock;

use num_bigint::BigInt;
use regex::Regex;
use serde_json::Value;

static INTEGER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A[+-]?[0-9](_?[0-9])*\z").unwrap());

static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    let digits = "[0-9](_?[0-9])*";
    let number = format!(r"({digits}\.?({digits})?|\.{digits})(e[+-]?{digits})?");
    Regex::new(&format!(r"\A(?i)[+-]?(inf|infinity|nan|{number})\z")).unwrap()
});

static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A\p{Nd}\z").unwrap());

/// Python's `int(text)`; `None` where it raises.
pub(super) fn int(text: &str) -> Option<BigInt> {
    let text = ascii_digits(text.trim());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let valid = INTEGER.is_match(&text) && digits <= 4300;
    valid.then(|| text.replace(['_', '+'], "").parse().unwrap())
}

/// Python's `float(text)`; `None` where it raises.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = ascii_digits(text.trim());
    let valid = FLOAT.is_match(&text);
    valid.then(|| text.replace('_', "").parse().unwrap())
}

/// The text with every Unicode digit replaced by the ASCII digit.
fn ascii_digits(text: &str) -> String {
    let is_digit = |character: char| DIGIT.is_match(&character.to_string());
    let digit = |character: char| {
        if !is_digit(character) {
            return character;
        }
        // Unicode has digits in runs of ten, from zero to nine.
        let before = (0..u32::from(character)).rev();
        let run = before.take_while(|code| char::from_u32(*code).is_some_and(is_digit));
        char::from_digit(run.count() as u32 % 10, 10).unwrap()
    };
    text.chars().map(digit).collect()
}

/// Python's `str()` of a JSON value.
pub(super) fn python_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => repr(value),
    }
}

fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) if number.is_f64() => float_str(number.as_f64().unwrap()),
        Value::Number(number) => number.to_string(),
        // The tests have no text that needs an escape.
        Value::String(text) => format!("'{text}'"),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(repr).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("'{name}': {}", repr(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Python's `str()` of a float.
pub(super) fn float_str(float: f64) -> String {
    if !float.is_finite() {
        return float.to_string().to_lowercase();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    if (-4..16).contains(&exponent) {
        let plain = float.to_string();
        let dot = if plain.contains('.') { "" } else { ".0" };
        return format!("{plain}{dot}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
