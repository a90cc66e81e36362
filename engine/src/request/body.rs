//! The content of an identities request, and why one is refused.

use std::borrow::Cow;

use super::identity::{Identity, Traits, transient_identifier};

/// The kind of a body, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON: no content type, `application/json` or `application/*+json`.
    Json,
    /// Any other, which is never an identity.
    Other,
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It cannot be read. The whole JSON answer of a 400.
    Unparsable(&'static str),
    /// It is not the JSON of an identity. The whole JSON answer of a 422, whose `detail` names each member.
    Invalid(String),
}

/// The content of an identities request.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityRequest<'a> {
    pub(super) identifier: Option<Cow<'a, str>>,
    pub(super) traits: Traits<'a>,
}

impl<'a> IdentityRequest<'a> {
    pub(crate) fn has_traits(&self) -> bool {
        !self.traits.list.is_empty()
    }

    /// The same without its traits.
    pub fn without_traits(self) -> IdentityRequest<'a> {
        IdentityRequest {
            traits: Traits::default(),
            ..self
        }
    }

    /// The identity to evaluate. One without an identifier is named by its traits. If it has none either, `random`
    /// names it, with 32 hexadecimal digits.
    pub fn into_identity(self, random: impl FnOnce() -> String) -> Identity<'a> {
        let identifier = self.identifier.unwrap_or_else(|| {
            Cow::Owned(transient_identifier(&self.traits.list).unwrap_or_else(random))
        });
        Identity::with_traits(identifier, self.traits)
    }
}
