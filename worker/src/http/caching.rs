//! What caches may do with answers. Without these headers a cache in front of the proxy would give the flags of one
//! environment to the clients of another, because the key is not in the URL.

use actix_http::StatusCode;
use actix_http::header::{CACHE_CONTROL, HeaderValue, VARY};

use super::response::Response;

static REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static VARY_KEY: HeaderValue =
    HeaderValue::from_static("Accept-Encoding, Origin, X-Environment-Key");
static VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// What caches may do with the answers of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheRules {
    /// The answer is the same for every key.
    Open,
    /// A client's own cache may keep the answer, and asks each time whether it is still right. A refusal is not kept.
    Revalidate,
    /// No cache keeps the answer: it contains secrets, or depends on the body of the request.
    Nothing,
}

impl CacheRules {
    /// Adds the headers to an answer. `Vary` names all that any answer of the endpoint varies by, so that it is one
    /// value; `Origin` also without such a header in the request, or a page would be given an answer that its browser
    /// does not let it read.
    pub(crate) fn apply(self, response: &mut Response) {
        let is_kept =
            response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
        let headers = response.headers_mut();
        let vary = match self {
            Self::Open => &VARY_ORIGIN,
            Self::Revalidate | Self::Nothing => &VARY_KEY,
        };
        headers.insert(VARY, vary.clone());
        match self {
            Self::Open => {}
            Self::Revalidate if is_kept => {
                headers.insert(CACHE_CONTROL, REVALIDATE.clone());
            }
            Self::Revalidate | Self::Nothing => {
                headers.insert(CACHE_CONTROL, NO_STORE.clone());
            }
        }
    }
}
