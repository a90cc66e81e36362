//! The body of an identities request: an identity, or a refusal in the words that clients know.
//!
//! Faults are worded as by pydantic 2.7 in the official proxy. The rest is as in the core API: an identity without an
//! identifier is an anonymous transient one, white space around identifiers and keys of traits goes, numbers may stand
//! for them, and a list or an object as the value of a trait counts as its text.

mod body;
mod faults;
mod identity;
mod plain;
mod strict;

pub use body::{BodyError, BodyKind, IdentityRequest};
pub(crate) use faults::LONGEST_VALUE;
pub use identity::Identity;
pub(crate) use identity::{Trait, TraitValue, Traits};

use faults::{Faults, PathStep};

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

/// The answer to an identities request whose query has no `identifier`.
pub fn missing_identifier() -> String {
    let mut faults = Faults::default();
    faults.missing(
        &[PathStep::Name("query"), PathStep::Name("identifier")],
        None,
    );
    faults.finish()
}

#[cfg(test)]
mod tests;
