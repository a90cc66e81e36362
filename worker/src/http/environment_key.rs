//! The key by which a request names its environment.

use actix_http::RequestHead;
use actix_http::header::HeaderName;

use super::refusal::Refusal;

static ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");

/// The key in the request's `X-Environment-Key` header.
#[inline]
pub(crate) fn environment_key(head: &RequestHead) -> Result<&[u8], Refusal> {
    match head.headers.get(&ENVIRONMENT_KEY) {
        Some(key) => Ok(key.as_bytes()),
        None => Err(Refusal::MissingKey),
    }
}
