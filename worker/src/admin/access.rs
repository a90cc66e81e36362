//! Who may use the admin listener: where a token is set, who has it.

use actix_http::header::HeaderMap;
use contract::Token;

use crate::http::authorization::{self, Scheme};
use crate::http::refusal::Refusal;

/// Refuses requests without the token, if there is one.
pub(super) fn check(token: Option<&Token>, headers: &HeaderMap) -> Result<(), Refusal> {
    match token {
        Some(token) => authorization::require(token, Scheme::Bearer, headers),
        None => Ok(()),
    }
}
