//! The key by which a request names its environment.

use actix_http::RequestHead;
use actix_http::header::{AUTHORIZATION, HeaderName};

use super::refusal::Refusal;

static ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");

static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How a key in `Authorization` begins.
const BEARER: &[u8] = b"bearer ";

/// The key in the request's `X-Environment-Key` header.
#[inline]
pub(crate) fn environment_key(head: &RequestHead) -> Result<&[u8], Refusal> {
    match head.headers.get(&ENVIRONMENT_KEY) {
        Some(key) => Ok(key.as_bytes()),
        None => Err(Refusal::MissingKey),
    }
}

/// The key of an OFREP request: in `X-Environment-Key`, else in `X-API-Key`, else as a bearer token.
pub(crate) fn ofrep_key(head: &RequestHead) -> Result<&[u8], Refusal> {
    let named = |name| head.headers.get(name).map(|key| key.as_bytes());
    let bearer = || {
        let (scheme, key) = named(&AUTHORIZATION)?.split_at_checked(BEARER.len())?;
        scheme
            .eq_ignore_ascii_case(BEARER)
            .then_some(key.trim_ascii())
    };
    named(&ENVIRONMENT_KEY)
        .or_else(|| named(&API_KEY))
        .or_else(bearer)
        .ok_or(Refusal::MissingKey)
}
