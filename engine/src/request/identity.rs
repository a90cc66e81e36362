//! An identity: whom flags are evaluated for, with the traits of the request.

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::json::{Integer, Text, write_float, write_integer, write_string, write_text};
use crate::python::python_float_text;

/// Whom flags are evaluated for.
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    identifier: Cow<'a, str>,
    traits: Traits<'a>,
}

/// Traits in the order in which they were sent.
#[derive(Clone, Default)]
pub(crate) struct Traits<'a> {
    pub(crate) list: Vec<Trait<'a>>,
    /// The bytes between the brackets if an answer writes them the same; `None` if unknown.
    pub(crate) verbatim: Option<&'a str>,
}

impl fmt::Debug for Traits<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(formatter)
    }
}

impl PartialEq for Traits<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

/// A key and value of an identity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trait<'a> {
    pub(crate) key: Text<'a>,
    pub(crate) value: TraitValue<'a>,
}

/// The value of a trait in its exact JSON type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TraitValue<'a> {
    Null,
    Boolean(bool),
    Integer(Integer<'a>),
    Float(f64),
    Text(Text<'a>),
}

impl<'a> Identity<'a> {
    /// An identity without traits.
    pub fn new(identifier: Cow<'a, str>) -> Identity<'a> {
        Identity {
            identifier,
            traits: Traits::default(),
        }
    }

    pub(crate) fn with_traits(identifier: Cow<'a, str>, traits: Traits<'a>) -> Identity<'a> {
        Identity { identifier, traits }
    }

    /// The identifier.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    pub(crate) fn traits(&self) -> &[Trait<'a>] {
        &self.traits.list
    }

    /// The value of the trait of that name; the last one if it is repeated.
    pub(crate) fn trait_value(&self, name: &str) -> Option<&TraitValue<'a>> {
        self.traits()
            .iter()
            .rev()
            .find(|trait_| trait_.key.as_str() == name)
            .map(|trait_| &trait_.value)
    }

    /// An upper bound of how many bytes [`write_head`](Self::write_head) appends.
    pub fn most_head_bytes(&self) -> usize {
        let around = |parts: [&[u8]; 3]| parts.iter().map(|part| part.len()).sum::<usize>();
        let traits = match self.traits.verbatim {
            Some(verbatim) => verbatim.len(),
            None => {
                let around = around([TRAIT_KEY, TRAIT_VALUE, b"},"]);
                let traits = self.traits().iter();
                traits.map(|trait_| around + trait_.most_bytes()).sum()
            }
        };
        around([IDENTIFIER, TRAITS, FLAGS]) + most_bytes(&self.identifier) + traits
    }

    /// Appends the answer up to its list of flags: `{"identifier":...,"traits":[...],"flags":`, with the traits in the
    /// order of the request. The list and a `}` follow.
    pub fn write_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(IDENTIFIER);
        write_text(&self.identifier, out);
        out.extend_from_slice(TRAITS);
        match self.traits.verbatim {
            Some(verbatim) => out.extend_from_slice(verbatim.as_bytes()),
            None => write_traits(self.traits(), out),
        }
        out.extend_from_slice(FLAGS);
    }
}

impl Trait<'_> {
    /// An upper bound of how many bytes its key and value take as JSON.
    fn most_bytes(&self) -> usize {
        let value = match &self.value {
            TraitValue::Null | TraitValue::Boolean(_) => 5,
            TraitValue::Integer(Integer::Small(_)) => 20,
            TraitValue::Integer(Integer::Big { digits, .. }) => 1 + digits.len(),
            TraitValue::Float(_) => 24,
            TraitValue::Text(text) => most_bytes(text.as_str()),
        };
        most_bytes(self.key.as_str()) + value
    }
}

fn write_traits(traits: &[Trait<'_>], out: &mut Vec<u8>) {
    for (position, trait_) in traits.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(TRAIT_KEY);
        write_string(&trait_.key, out);
        out.extend_from_slice(TRAIT_VALUE);
        trait_.value.write(out);
        out.push(b'}');
    }
}

/// The text around the parts of an answer.
const IDENTIFIER: &[u8] = b"{\"identifier\":";
const TRAITS: &[u8] = b",\"traits\":[";
pub(crate) const TRAIT_KEY: &[u8] = b"{\"trait_key\":";
pub(crate) const TRAIT_VALUE: &[u8] = b",\"trait_value\":";
const FLAGS: &[u8] = b"],\"flags\":";

/// An upper bound of how many bytes `text` takes as a JSON string: a control character takes six.
fn most_bytes(text: &str) -> usize {
    6 * text.len() + 2
}

impl TraitValue<'_> {
    /// Appends the value as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            TraitValue::Null => out.extend_from_slice(b"null"),
            TraitValue::Boolean(true) => out.extend_from_slice(b"true"),
            TraitValue::Boolean(false) => out.extend_from_slice(b"false"),
            TraitValue::Integer(integer) => write_integer(integer, out),
            TraitValue::Float(float) => write_float(*float, out),
            TraitValue::Text(text) => write_string(text, out),
        }
    }

    /// Python's `str(value)`.
    fn text(&self) -> Cow<'_, str> {
        match self {
            TraitValue::Null => Cow::Borrowed("None"),
            TraitValue::Boolean(true) => Cow::Borrowed("True"),
            TraitValue::Boolean(false) => Cow::Borrowed("False"),
            TraitValue::Integer(integer) => Cow::Owned(integer.to_string()),
            TraitValue::Float(float) => Cow::Owned(python_float_text(*float)),
            TraitValue::Text(text) => Cow::Borrowed(text.as_str()),
        }
    }
}

/// The identifier of an identity that was sent without one, as the core API makes it: the SHA-256, in hexadecimal
/// digits, of the keys and values of its traits but those that are null, sorted by key. `None` if it has no traits.
pub(crate) fn transient_identifier(traits: &[Trait<'_>]) -> Option<String> {
    if traits.is_empty() {
        return None;
    }
    let is_set = |trait_: &&Trait<'_>| trait_.value != TraitValue::Null;
    let mut sorted: Vec<&Trait<'_>> = traits.iter().filter(is_set).collect();
    sorted.sort_by_key(|trait_| trait_.key.as_str());
    let mut digest = Sha256::new();
    for trait_ in sorted {
        digest.update(trait_.key.as_str());
        digest.update(trait_.value.text().as_ref());
    }
    Some(
        digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}
