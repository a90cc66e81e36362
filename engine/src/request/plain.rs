//! The short way through a request body: one pass without a tree, for what nearly every client sends.
//!
//! It accepts a body only if [`super::strict`] accepts it with the same result. `None` leaves the decision to that.

use super::body::IdentityRequest;
use super::identity::{TRAIT_KEY, TRAIT_VALUE, Trait, TraitValue, Traits};
use crate::json::Integer;
use crate::json::{Dialect, Reader, Text, Value};
use crate::python::python_strip;

/// A string of at most this many bytes has at most 2,000 characters, which is the limit.
const CERTAINLY_SHORT: usize = 2000;

/// How deep the members of a trait are in the body. The limit of depth has to be that of `strict`.
const LEVELS: usize = 3;

/// Reads a body; `None` if it is unusual or wrong.
pub(super) fn read(body: &str) -> Option<IdentityRequest<'_>> {
    let mut reader = Reader::new(body, Dialect::Body).within(LEVELS);
    let mut identifier = None;
    let mut traits = None;
    if !reader.take(b'{') || reader.peek() == Some(b'}') {
        return None;
    }
    loop {
        if reader.take_name(b"\"identifier\"") {
            let text = text(&mut reader)?;
            // An empty identifier is none.
            if !is_stripped(text.as_str()) || text.as_str().is_empty() || identifier.is_some() {
                return None;
            }
            identifier = Some(text.to_cow());
        } else if reader.take_name(b"\"traits\"") {
            if traits.replace(read_traits(&mut reader)?).is_some() {
                return None;
            }
        } else {
            reader.name().ok()?.verbatim()?;
            reader.value().ok()?;
        }
        if !reader.another(b'}').ok()? {
            break;
        }
    }
    reader.end().ok()?;
    Some(IdentityRequest {
        identifier,
        traits: traits.unwrap_or_default(),
    })
}

fn text<'a>(reader: &mut Reader<'a>) -> Option<Text<'a>> {
    if reader.peek() != Some(b'"') {
        return None;
    }
    reader
        .string()
        .ok()
        .filter(|text| !text.has_lone_surrogate())
}

/// Whether the text has no white space around it.
#[inline(always)]
fn is_stripped(text: &str) -> bool {
    // White space is beyond ASCII, which is negative here, or at most a blank. Every request has many keys.
    let is_other = |byte: u8| byte.cast_signed() > b' '.cast_signed();
    match (text.as_bytes().first(), text.as_bytes().last()) {
        (Some(first), Some(last)) if is_other(*first) && is_other(*last) => true,
        _ => python_strip(text).len() == text.len(),
    }
}

fn read_traits<'a>(reader: &mut Reader<'a>) -> Option<Traits<'a>> {
    if !reader.take(b'[') {
        return None;
    }
    let start = reader.position();
    let mut list = Vec::with_capacity(16);
    let mut another = !reader.take(b']');
    // White space before the first trait.
    let mut verbatim = reader.position() == start;
    while another {
        let start = reader.position();
        let trait_ = match read_verbatim_trait(reader) {
            Some(trait_) => trait_,
            None => {
                verbatim = false;
                reader.go_back(start);
                read_any_trait(reader)?
            }
        };
        list.push(trait_);
        let end = reader.position();
        another = reader.another(b']').ok()?;
        // White space before the comma or the bracket.
        verbatim &= reader.position() == end + 1;
    }
    let text = reader.between(start, reader.position() - 1)?;
    let verbatim = (verbatim && !list.is_empty()).then_some(text);
    Some(Traits { list, verbatim })
}

/// Reads a trait that an answer writes byte for byte as the client did; `None` for any other.
///
/// Answers repeat such traits without writing them anew. Without this, a request with 15 traits takes 12 % more
/// instructions to answer and 18 % more to read, one of the small profile 44 % more to answer.
fn read_verbatim_trait<'a>(reader: &mut Reader<'a>) -> Option<Trait<'a>> {
    if !reader.take_exactly(TRAIT_KEY) || !reader.is_at(|byte| byte == b'"') {
        return None;
    }
    let key = reader.string().ok()?;
    if !is_stripped(key.verbatim()?) {
        return None;
    }
    if !reader.take_exactly(TRAIT_VALUE) || !reader.is_at(|byte| byte > b' ') {
        return None;
    }
    let start = reader.position();
    let value = trait_value(reader)?;
    let same = match &value {
        TraitValue::Null | TraitValue::Boolean(_) => true,
        // `-0` is written as `0`.
        TraitValue::Integer(integer) => {
            *integer != Integer::Small(0) || reader.position() == start + 1
        }
        TraitValue::Float(_) => is_plain_decimal(reader.between(start, reader.position())?),
        TraitValue::Text(text) => text.verbatim().is_some(),
    };
    (same && reader.take_exactly(b"}")).then_some(Trait { key, value })
}

/// Reads a trait, however it is written.
fn read_any_trait<'a>(reader: &mut Reader<'a>) -> Option<Trait<'a>> {
    let mut key = None;
    let mut value = None;
    if !reader.take(b'{') || reader.peek() == Some(b'}') {
        return None;
    }
    loop {
        if reader.take_name(b"\"trait_key\"") {
            let text = text(reader)?;
            if !is_stripped(text.as_str()) || key.replace(text).is_some() {
                return None;
            }
        } else if reader.take_name(b"\"trait_value\"") {
            if value.replace(trait_value(reader)?).is_some() {
                return None;
            }
        } else {
            reader.name().ok()?.verbatim()?;
            reader.value().ok()?;
        }
        if !reader.another(b'}').ok()? {
            break;
        }
    }
    let value = value.unwrap_or(TraitValue::Null);
    Some(Trait { key: key?, value })
}

fn trait_value<'a>(reader: &mut Reader<'a>) -> Option<TraitValue<'a>> {
    match reader.peek()? {
        b'"' => {
            let text = text(reader)?;
            return (text.as_str().len() <= CERTAINLY_SHORT).then_some(TraitValue::Text(text));
        }
        b'{' | b'[' => return None,
        _ => {}
    }
    match reader.value().ok()? {
        Value::Null => Some(TraitValue::Null),
        Value::Boolean(boolean) => Some(TraitValue::Boolean(boolean)),
        Value::Integer(integer) => Some(TraitValue::Integer(integer)),
        Value::Float(float) => Some(TraitValue::Float(float)),
        Value::Text(_) | Value::List(_) | Value::Object(_) => None,
    }
}

/// Whether an answer certainly writes a number in the same way. A double keeps 15 digits, so without superfluous zeros
/// they are the shortest text that reads back the same. To write the number and compare takes 500 instructions more.
fn is_plain_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let Some((whole, fraction)) = digits.split_once('.') else {
        return false;
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole)
        && all_digits(fraction)
        && whole.len() + fraction.len() <= 15
        && (fraction == "0" || !fraction.ends_with('0'))
        // Smaller numbers are written with an exponent.
        && (whole != "0" || fraction == "0" || !fraction.starts_with("000"))
}
