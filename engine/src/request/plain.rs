//! The short way through a request body: what nearly every client sends, in one pass and without a tree.
//!
//! It answers only when it is certain. `None` means that [`super::strict`] decides, so nothing here needs to
//! know why a body is wrong; whatever this accepts, `strict` accepts with the same result.

use super::IdentityRequest;
use crate::identity::{Trait, TraitValue};
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
        match reader.name().ok()?.verbatim()? {
            "identifier" if identifier.is_none() => identifier = Some(text(&mut reader)?.to_cow()),
            "traits" if traits.is_none() => traits = Some(read_traits(&mut reader)?),
            "identifier" | "traits" => return None,
            _ => drop(reader.value().ok()?),
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

fn read_traits<'a>(reader: &mut Reader<'a>) -> Option<Vec<Trait<'a>>> {
    let mut traits = Vec::with_capacity(16);
    if !reader.take(b'[') {
        return None;
    }
    if reader.take(b']') {
        return Some(traits);
    }
    loop {
        traits.push(read_trait(reader)?);
        if !reader.another(b']').ok()? {
            return Some(traits);
        }
    }
}

fn read_trait<'a>(reader: &mut Reader<'a>) -> Option<Trait<'a>> {
    let mut key = None;
    let mut value = None;
    if !reader.take(b'{') || reader.peek() == Some(b'}') {
        return None;
    }
    loop {
        match reader.name().ok()?.verbatim()? {
            "trait_key" if key.is_none() => key = Some(text(reader)?),
            "trait_value" if value.is_none() => value = Some(trait_value(reader)?),
            "trait_key" | "trait_value" => return None,
            _ => drop(reader.value().ok()?),
        }
        if !reader.another(b'}').ok()? {
            return Some(Trait {
                key: key?,
                value: value.unwrap_or(TraitValue::Null),
            });
        }
    }
}

fn trait_value<'a>(reader: &mut Reader<'a>) -> Option<TraitValue<'a>> {
    match reader.peek()? {
        b'"' => text(reader)
            .filter(|text| text.as_str().len() <= CERTAINLY_SHORT)
            .map(TraitValue::Text),
        b'{' | b'[' => None,
        _ => match reader.value().ok()? {
            Value::Null => Some(TraitValue::Null),
            Value::Boolean(boolean) => Some(TraitValue::Boolean(boolean)),
            Value::Integer(integer) => Some(TraitValue::Integer(integer)),
            Value::Float(float) => Some(TraitValue::Float(float)),
            _ => None,
        },
    }
}
