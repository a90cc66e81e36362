//! Tokens in the header `Authorization`.

use actix_http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use contract::Token;

use super::refusal::Refusal;

/// How a request presents its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RFC 6750, for the admin listener.
    Bearer,
    /// That of Django, which Flagsmith sends.
    Token,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Token => "Token",
        }
    }

    /// For `WWW-Authenticate`.
    pub(super) fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

/// Refuses requests without the token.
pub(crate) fn require(token: &Token, scheme: Scheme, headers: &HeaderMap) -> Result<(), Refusal> {
    let name = scheme.name();
    let presented = headers.get(AUTHORIZATION).map(|it| it.as_bytes());
    let presented = presented.and_then(|it| it.split_at_checked(name.len()));
    match presented {
        Some((scheme, presented))
            if scheme.eq_ignore_ascii_case(name.as_bytes())
                && presented.starts_with(b" ")
                && token.is(presented.trim_ascii()) =>
        {
            Ok(())
        }
        _ => Err(Refusal::MissingToken(scheme)),
    }
}
