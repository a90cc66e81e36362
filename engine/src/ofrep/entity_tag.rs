//! The entity tag of an answer with all flags, known before anything is evaluated.

use xxhash_rust::xxh3::xxh3_128;

use crate::archive::{ArchivedEnvironment, FORMAT};
use crate::json::{Integer, write_integer};
use crate::request::{Identity, Trait, TraitValue};
use crate::side::Side;

/// The strong entity tag of the answer with all flags, without its quotes: 32 hexadecimal digits.
///
/// It is a digest of all that the answer depends on: document, options, side, identifier and traits in the order of
/// their names. It is the same in each process of each host.
pub fn entity_tag(
    environment: &ArchivedEnvironment,
    side: Side,
    identity: Option<&Identity<'_>>,
) -> String {
    let mut bytes = Vec::with_capacity(512);
    // Its tag is a digest of its content, and always of the same length.
    bytes.extend_from_slice(environment.document().etag().as_bytes());
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&environment.options().bytes());
    bytes.push(u8::from(side == Side::Server));
    if let Some(identity) = identity {
        add_text(identity.identifier(), &mut bytes);
        let mut traits: Vec<&Trait<'_>> = identity.traits().iter().collect();
        // JSONPath queries see traits in the order in which they were sent.
        if environment.segments.queries.is_empty() {
            // The sort is stable: of equal names the last one counts.
            traits.sort_by(|left, right| left.key.as_str().cmp(right.key.as_str()));
        }
        for trait_ in traits {
            add_text(trait_.key.as_str(), &mut bytes);
            add_value(&trait_.value, &mut bytes);
        }
    }
    let mut tag = String::with_capacity(32);
    // Formatting machinery takes several times as long.
    for byte in xxh3_128(&bytes).to_be_bytes() {
        for digit in [byte >> 4, byte & 15] {
            tag.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    tag
}

/// Adds a text so that no other one begins with it.
fn add_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&text.len().to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Adds a value. Numbers that are written in several ways are the same, an integer and a float are not: conditions tell
/// them apart.
fn add_value(value: &TraitValue<'_>, bytes: &mut Vec<u8>) {
    match value {
        TraitValue::Null => bytes.push(0),
        TraitValue::Boolean(boolean) => bytes.push(1 + u8::from(*boolean)),
        TraitValue::Integer(Integer::Small(small)) => {
            bytes.push(3);
            bytes.extend_from_slice(&small.to_le_bytes());
        }
        TraitValue::Integer(big) => {
            let mut digits = Vec::new();
            write_integer(big, &mut digits);
            bytes.push(4);
            bytes.extend_from_slice(&digits.len().to_le_bytes());
            bytes.extend_from_slice(&digits);
        }
        TraitValue::Float(float) => {
            bytes.push(5);
            bytes.extend_from_slice(&float.to_bits().to_le_bytes());
        }
        TraitValue::Text(text) => {
            bytes.push(6);
            add_text(text.as_str(), bytes);
        }
    }
}
