//! The short way through a request body: what nearly every client sends, in one pass and without a tree.
//!
//! It answers only when it is certain. `None` means that [`super::strict`] decides, so nothing here needs to
//! know why a body is wrong; whatever this accepts, `strict` accepts with the same result.

use super::IdentityRequest;
use super::identity::{TRAIT_KEY, TRAIT_VALUE, Trait, TraitValue, Traits};
use crate::json::Integer;
use crate::json::{Dialect, Reader, Text, Value};

/// Strings up to this many bytes are within the limit of 2,000 characters without counting them.
const CERTAINLY_SHORT: usize = 2000;

/// How deep in the body a trait's members stand: what `strict` finds too deep there must not pass here.
const LEVELS: usize = 3;

pub(super) fn read(body: &str) -> Option<IdentityRequest<'_>> {
    let mut reader = Reader::new(body, Dialect::Body).within(LEVELS);
    let mut identifier = None;
    let mut traits = None;
    if !reader.take(b'{') || reader.peek() == Some(b'}') {
        return None;
    }
    loop {
        if reader.take_name(b"\"identifier\"") {
            let text = text(&mut reader)?.to_cow();
            if identifier.replace(text).is_some() {
                return None;
            }
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

fn read_traits<'a>(reader: &mut Reader<'a>) -> Option<Traits<'a>> {
    let mut list = Vec::with_capacity(16);
    if !reader.take(b'[') {
        return None;
    }
    let start = reader.position();
    if reader.take(b']') {
        return Some(Traits {
            list,
            verbatim: None,
        });
    }
    // How long the list would be as an answer writes it, while it can still be that.
    let mut written = Some(0);
    loop {
        let (trait_, length) = read_trait(reader)?;
        list.push(trait_);
        written = written
            .zip(length)
            .map(|(before, length)| before + length + 1);
        if !reader.another(b']').ok()? {
            break;
        }
    }
    let end = reader.position() - 1;
    // Each trait counted with one byte behind it. Whatever else a client may write only makes a list longer.
    let verbatim = written.is_some_and(|written| written == end - start + 1);
    Some(Traits {
        list,
        verbatim: verbatim.then(|| reader.between(start, end)).flatten(),
    })
}

/// A trait, and how many bytes an answer takes to write it if it can be what the client wrote.
fn read_trait<'a>(reader: &mut Reader<'a>) -> Option<(Trait<'a>, Option<usize>)> {
    let start = reader.position();
    let compact = read_compact_trait(reader);
    if compact.is_none() {
        reader.go_back(start);
        return read_any_trait(reader);
    }
    compact
}

/// The same for one that is written as an answer writes it, but for its value.
fn read_compact_trait<'a>(reader: &mut Reader<'a>) -> Option<(Trait<'a>, Option<usize>)> {
    if !reader.take_exactly(TRAIT_KEY) {
        return None;
    }
    let key = text(reader)?;
    if !reader.take_exactly(TRAIT_VALUE) {
        return None;
    }
    let (value, length) = trait_value(reader)?;
    if !reader.take_exactly(b"}") {
        return None;
    }
    let length = written_length(&key, length);
    Some((Trait { key, value }, length))
}

/// How many bytes an answer takes to write a trait, by those that it takes to write the value.
fn written_length(key: &Text<'_>, value: Option<usize>) -> Option<usize> {
    let key = key.verbatim()?.len() + 2;
    Some(TRAIT_KEY.len() + key + TRAIT_VALUE.len() + value? + 1)
}

fn read_any_trait<'a>(reader: &mut Reader<'a>) -> Option<(Trait<'a>, Option<usize>)> {
    let mut key = None;
    let mut value = None;
    let mut ordered = false;
    if !reader.take(b'{') || reader.peek() == Some(b'}') {
        return None;
    }
    loop {
        if reader.take_name(b"\"trait_key\"") {
            if key.replace(text(reader)?).is_some() {
                return None;
            }
        } else if reader.take_name(b"\"trait_value\"") {
            ordered = key.is_some();
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
    let key: Text<'a> = key?;
    let (value, length) = value.unwrap_or((TraitValue::Null, None));
    let length = written_length(&key, length.filter(|_| ordered));
    Some((Trait { key, value }, length))
}

/// A trait's value, and how many bytes an answer takes to write it if that is what the client wrote.
fn trait_value<'a>(reader: &mut Reader<'a>) -> Option<(TraitValue<'a>, Option<usize>)> {
    let first = reader.peek()?;
    let start = reader.position();
    if first == b'"' {
        let text = text(reader).filter(|text| text.as_str().len() <= CERTAINLY_SHORT)?;
        let length = text.verbatim().map(|text| text.len() + 2);
        return Some((TraitValue::Text(text), length));
    }
    if matches!(first, b'{' | b'[') {
        return None;
    }
    let value = reader.value().ok()?;
    let text = reader.between(start, reader.position())?;
    let (value, same) = match value {
        Value::Null => (TraitValue::Null, true),
        Value::Boolean(boolean) => (TraitValue::Boolean(boolean), true),
        Value::Integer(integer) => {
            let same = integer != Integer::Small(0) || text == "0";
            (TraitValue::Integer(integer), same)
        }
        Value::Float(float) => (TraitValue::Float(float), is_plain_decimal(text)),
        _ => return None,
    };
    Some((value, same.then_some(text.len())))
}

/// Whether a number is certainly written as an answer would write it: up to 15 digits always read back as themselves,
/// so without superfluous zeros they are the shortest that do.
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
        // Much smaller ones are written with an exponent.
        && (whole != "0" || fraction == "0" || !fraction.starts_with("000"))
}
