//! Random mutations. Those of bytes mostly give invalid JSON; those of the structure mostly give valid JSON that means
//! something else.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::fuzzer::{Seed, pick};

/// Pieces of JSON, of documents and of bodies.
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

/// Texts that have a meaning somewhere in a document or a body.
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

/// Changes a few bytes, or inserts some of `others`.
pub(super) fn bytes(random: &mut Rng, bytes: &mut Vec<u8>, others: &[Seed]) {
    for _ in 0..=random.usize(..3) {
        let at = random.usize(..bytes.len() + 1);
        let end = (at + random.usize(..16)).min(bytes.len());
        match random.usize(..8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.usize(..8),
            1 if at < bytes.len() => bytes[at] = random.u64(..) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = random.usize(..bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            5 => {
                let other = &pick(random, others).text;
                let from = random.usize(..other.len() + 1);
                let to = (from + random.usize(..64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let piece = pick(random, &PIECES).bytes();
                let end = if random.usize(..2) == 0 { at } else { end };
                bytes.splice(at..end, piece);
            }
        }
    }
}

/// Changes a few of the values in `root`.
pub(super) fn structure(random: &mut Rng, root: &mut Value) {
    for _ in 0..=random.usize(..4) {
        let donor = descend(random, root).clone();
        let value = descend(random, root);
        match random.usize(..6) {
            0 => *value = donor,
            1 | 2 => *value = scalar(random),
            3 => *value = nested(random, donor),
            _ => match value {
                Value::Array(elements) => list(random, elements, donor),
                Value::Object(members) => object(random, members, donor),
                Value::String(text) => *text = pick(random, &TEXTS).to_string(),
                other => *other = scalar(random),
            },
        }
    }
}

/// A random value in `value`, at any depth.
fn descend<'v>(random: &mut Rng, mut value: &'v mut Value) -> &'v mut Value {
    for _ in 0..random.usize(..12) {
        let size = match &*value {
            Value::Array(elements) => elements.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        if size == 0 {
            return value;
        }
        let place = random.usize(..size);
        value = match value {
            Value::Array(elements) => &mut elements[place],
            Value::Object(members) => members.values_mut().nth(place).expect("a member"),
            other => other,
        };
    }
    value
}

fn list(random: &mut Rng, elements: &mut Vec<Value>, donor: Value) {
    let at = random.usize(..elements.len() + 1);
    match random.usize(..3) {
        0 if at < elements.len() => drop(elements.remove(at)),
        1 if at < elements.len() => elements.insert(at, elements[at].clone()),
        _ => elements.insert(at, donor),
    }
}

fn object(random: &mut Rng, members: &mut Map<String, Value>, donor: Value) {
    let at = random.usize(..members.len().max(1));
    let name = members.keys().nth(at).cloned().unwrap_or_default();
    match random.usize(..3) {
        0 => drop(members.shift_remove(&name)),
        1 => drop(members.insert(name, donor)),
        _ => drop(members.insert(pick(random, &TEXTS).to_string(), donor)),
    }
}

fn scalar(random: &mut Rng) -> Value {
    let number = random.u64(..);
    match random.usize(..9) {
        0 => Value::Null,
        1 => json!(number.is_multiple_of(2)),
        2 => json!(number % 8),
        3 => json!(number),
        4 => json!(number as i64),
        5 => json!(f64::from_bits(number)),
        6 => json!((number % 4000) as f64 / 16.0 - 100.0),
        _ => json!(pick(random, &TEXTS)),
    }
}

/// Wraps the value in some lists and objects.
fn nested(random: &mut Rng, mut value: Value) -> Value {
    // Sometimes deeper than the parser allows.
    let most = if random.usize(..200) == 0 { 300 } else { 6 };
    for _ in 0..random.usize(..most) {
        value = match random.usize(..2) == 0 {
            true => Value::Array(vec![value]),
            false => Value::Object(Map::from_iter([("rules".to_owned(), value)])),
        };
    }
    value
}
