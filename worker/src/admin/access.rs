//! Who may use the admin listener: where a token is set, who has it.

use actix_http::header::{AUTHORIZATION, HeaderMap};
use contract::AdminToken;

use crate::http::refusal::Refusal;

/// The scheme of `Authorization` (RFC 6750).
const BEARER: &[u8] = b"Bearer ";

/// Refuses requests without the token, if there is one.
pub(super) fn check(token: Option<&AdminToken>, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = token else {
        return Ok(());
    };
    let presented = headers.get(AUTHORIZATION).map(|it| it.as_bytes());
    let presented = presented.and_then(|it| it.split_at_checked(BEARER.len()));
    match presented {
        Some((scheme, presented))
            if scheme.eq_ignore_ascii_case(BEARER) && token.is(presented.trim_ascii()) =>
        {
            Ok(())
        }
        _ => Err(Refusal::MissingToken),
    }
}
