//! Mutations: of bytes, which mostly break JSON, and of JSON's structure, which mostly break its meaning.

use serde_json::{Map, Value, json};

use super::Seed;
use super::chance::Chance;

/// Pieces of JSON, and of what documents and bodies are made of.
const PIECES: [&str; 62] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "false",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "0",
    "-0",
    "-0.0",
    "1e400",
    "1e-400",
    "1E5",
    "0.1",
    "01",
    "9223372036854775808",
    "18446744073709551616",
    "-99999999999999999999999999",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "\\ud83d\\ude00",
    "\\u00e9",
    "\\n",
    "\\/",
    "\u{feff}",
    "\u{0}",
    "é",
    "😀",
    "\"\"",
    "{}",
    "[]",
    "\"identifier\":",
    "\"traits\":",
    "\"trait_key\":",
    "\"trait_value\":",
    "\"transient\":true,",
    "\"id\":",
    "\"rules\":",
    "\"conditions\":",
    "\"value\":",
    "\"feature_states\":",
    "\"type\":\"ANY\"",
    "\"type\":\"NONE\"",
    "\"priority\":",
    "\"django_id\":0,",
    "\"percentage_allocation\":",
    "\"property_\":",
    "\"operator\":",
    "\"name\":",
    "[[[[[[[[",
    "]]]]]]]]",
    "{\"a\":{\"a\":",
    " ",
];

/// Texts that mean something somewhere in a document or a body.
const TEXTS: [&str; 58] = [
    "",
    "a",
    "1",
    "007",
    "-3",
    "1.5",
    "1e3",
    "٣",
    "true",
    "False",
    "None",
    "plan",
    "email",
    "user",
    "key",
    "ALL",
    "ANY",
    "NONE",
    "EQUAL",
    "NOT_EQUAL",
    "GREATER_THAN",
    "LESS_THAN_INCLUSIVE",
    "CONTAINS",
    "NOT_CONTAINS",
    "REGEX",
    "IN",
    "MODULO",
    "PERCENTAGE_SPLIT",
    "IS_SET",
    "IS_NOT_SET",
    "2|1",
    "0|0",
    "1e308|1",
    "50",
    "100",
    "nan",
    "-inf",
    "1.2.3",
    "1.2.3-beta.1+b:semver",
    "9.9.9:semver",
    ":semver",
    "[\"a\",1,null]",
    "[1,[2,{}]]",
    "[",
    "a,b,1",
    "^a+(b|c)*$",
    "(?=(a+))\\1+b",
    "(?P<n>a)(?P=n)",
    "[^\\W\\d]{2,3}?",
    "\\d++",
    "(?i)İ|\\bé",
    "((((",
    "$.identity.identifier",
    "$.identity.traits.plan",
    "$..[?@.id > 1]",
    "$.segments.*.rules[0,-1:0:2]['x']",
    "$.",
    "{00000000-0000-0000-0000-00000000000f}",
];

/// Changes a few bytes; `others` are what may be spliced in.
pub(crate) fn bytes(chance: &mut Chance, bytes: &mut Vec<u8>, others: &[Seed]) {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(16)).min(bytes.len());
        match chance.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = chance.number() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            5 => {
                let other = &chance.pick(others).text;
                let from = chance.below(other.len() + 1);
                let to = (from + chance.below(64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let piece = chance.pick(&PIECES).bytes();
                let end = if chance.once_in(2) { at } else { end };
                bytes.splice(at..end, piece);
            }
        }
    }
}

/// Changes a few of the values that stand in `root`.
pub(crate) fn structure(chance: &mut Chance, root: &mut Value) {
    for _ in 0..=chance.below(4) {
        let donor = descend(chance, root).clone();
        let value = descend(chance, root);
        match chance.below(6) {
            0 => *value = donor,
            1 | 2 => *value = scalar(chance),
            3 => *value = nested(chance, donor),
            _ => match value {
                Value::Array(elements) => list(chance, elements, donor),
                Value::Object(members) => object(chance, members, donor),
                Value::String(text) => *text = chance.pick(&TEXTS).to_string(),
                other => *other = scalar(chance),
            },
        }
    }
}

/// A value somewhere in `value`.
fn descend<'v>(chance: &mut Chance, mut value: &'v mut Value) -> &'v mut Value {
    for _ in 0..chance.below(12) {
        let size = match &*value {
            Value::Array(elements) => elements.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        if size == 0 {
            return value;
        }
        let place = chance.below(size);
        value = match value {
            Value::Array(elements) => &mut elements[place],
            Value::Object(members) => members.values_mut().nth(place).expect("a member"),
            other => other,
        };
    }
    value
}

fn list(chance: &mut Chance, elements: &mut Vec<Value>, donor: Value) {
    let at = chance.below(elements.len() + 1);
    match chance.below(3) {
        0 if at < elements.len() => drop(elements.remove(at)),
        1 if at < elements.len() => elements.insert(at, elements[at].clone()),
        _ => elements.insert(at, donor),
    }
}

fn object(chance: &mut Chance, members: &mut Map<String, Value>, donor: Value) {
    let at = chance.below(members.len());
    let name = members.keys().nth(at).cloned().unwrap_or_default();
    match chance.below(3) {
        0 => drop(members.shift_remove(&name)),
        1 => drop(members.insert(name, donor)),
        _ => drop(members.insert(chance.pick(&TEXTS).to_string(), donor)),
    }
}

fn scalar(chance: &mut Chance) -> Value {
    let number = chance.number();
    match chance.below(9) {
        0 => Value::Null,
        1 => json!(number.is_multiple_of(2)),
        2 => json!(number % 8),
        3 => json!(number),
        4 => json!(number as i64),
        5 => json!(f64::from_bits(number)),
        6 => json!((number % 4000) as f64 / 16.0 - 100.0),
        _ => json!(chance.pick(&TEXTS)),
    }
}

/// The value inside of lists and objects.
fn nested(chance: &mut Chance, mut value: Value) -> Value {
    // Now and then deeper than what reads it goes.
    let most = if chance.once_in(200) { 300 } else { 6 };
    for _ in 0..chance.below(most) {
        value = match chance.once_in(2) {
            true => Value::Array(vec![value]),
            false => Value::Object(Map::from_iter([("rules".to_owned(), value)])),
        };
    }
    value
}
