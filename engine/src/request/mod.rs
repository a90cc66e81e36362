//! The body of an identities request: an identity, or a refusal in the words clients know.
//!
//! What is accepted and how a refusal reads are pydantic 2.7's, behind the official proxy; an identity
//! without an identifier is the core API's anonymous transient identity. Knows nothing of HTTP.

mod identity;
mod plain;
mod strict;

use std::borrow::Cow;

pub use identity::Identity;
pub(crate) use identity::TraitValue;
use identity::{Traits, transient_identifier};

/// What a body is, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON: no content type, `application/json` or `application/*+json`.
    Json,
    /// Anything else, which is never an identity.
    Other,
}

/// Why a body is no identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It cannot be read at all; the whole JSON answer of a 400.
    Unparsable(&'static str),
    /// It says something else; the whole JSON answer of a 422, whose `detail` names each member.
    Invalid(String),
}

/// What an identities request says.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityRequest<'a> {
    identifier: Option<Cow<'a, str>>,
    traits: Traits<'a>,
}

impl<'a> IdentityRequest<'a> {
    /// The identity to evaluate. One without an identifier is transient: named by its traits, or, without
    /// any, by `random`, which is asked for 32 hexadecimal digits.
    pub fn into_identity(self, random: impl FnOnce() -> String) -> Identity<'a> {
        let identifier = self.identifier.unwrap_or_else(|| {
            Cow::Owned(transient_identifier(&self.traits.list).unwrap_or_else(random))
        });
        Identity::with_traits(identifier, self.traits)
    }
}

/// Reads the body of an identities request.
///
/// # Errors
/// The whole answer that refuses it.
pub fn read_identity(body: &[u8], kind: BodyKind) -> Result<IdentityRequest<'_>, BodyError> {
    let plain = match kind {
        BodyKind::Json => std::str::from_utf8(body).ok().and_then(plain::read),
        BodyKind::Other => None,
    };
    match plain {
        Some(request) => Ok(request),
        None => strict::read(body, kind),
    }
}

/// The same without the short way through, so that tests can hold one against the other.
///
/// # Errors
/// The whole answer that refuses it.
#[doc(hidden)]
pub fn read_identity_slowly(body: &[u8], kind: BodyKind) -> Result<IdentityRequest<'_>, BodyError> {
    strict::read(body, kind)
}

/// The answer to an identities request whose query has no `identifier`.
pub fn missing_identifier() -> String {
    let mut details = strict::Details::default();
    details.missing(
        &[
            strict::Step::Name("query"),
            strict::Step::Name("identifier"),
        ],
        None,
    );
    details.finish()
}

#[cfg(test)]
mod tests;
