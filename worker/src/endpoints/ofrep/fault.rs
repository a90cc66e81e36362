//! Why an OFREP request is refused, in the words of its protocol.

use actix_http::StatusCode;
use actix_http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::Bytes;
use serde_json::{Map, Value};

use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// How to authenticate, for `WWW-Authenticate`.
static BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Fault {
    /// The feature does not exist, or is hidden from this side.
    FlagNotFound,
    /// The body is not JSON. Says why.
    Unparsable(String),
    /// The context is none. Says why.
    InvalidContext(String),
    /// The operator requires a targeting key.
    NoTargetingKey,
    /// What any request may be refused for.
    Refused(Refusal),
}

impl Fault {
    /// The answer that says so. `key`: that of the flag, if one is asked for.
    pub(super) fn into_response(self, key: Option<&str>) -> Response {
        let bad_request = StatusCode::BAD_REQUEST;
        match self {
            Self::FlagNotFound => {
                let details = "there is no such flag";
                let body = body(key, "FLAG_NOT_FOUND", details);
                response::json_with(StatusCode::NOT_FOUND, body)
            }
            Self::Unparsable(what) => {
                response::json_with(bad_request, body(key, "PARSE_ERROR", &what))
            }
            Self::InvalidContext(what) => {
                response::json_with(bad_request, body(key, "INVALID_CONTEXT", &what))
            }
            Self::NoTargetingKey => {
                let details = "context.targetingKey: missing";
                response::json_with(bad_request, body(key, "TARGETING_KEY_MISSING", details))
            }
            // The protocol defines no body. Providers give up for good.
            Self::Refused(Refusal::MissingKey | Refusal::UnknownKey(_)) => {
                let mut response = response::empty_with(StatusCode::UNAUTHORIZED);
                let headers = response.headers_mut();
                headers.insert(WWW_AUTHENTICATE, BEARER.clone());
                response
            }
            Self::Refused(refusal) => {
                let response = refusal.into_response();
                let details = match response.status() {
                    StatusCode::SERVICE_UNAVAILABLE => {
                        "the environment document has not arrived yet"
                    }
                    code => code.canonical_reason().unwrap_or_default(),
                };
                let body = Bytes::from(body(key, "GENERAL", details));
                response.map_body(|_, _| body.into())
            }
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The JSON of an error.
fn body(key: Option<&str>, code: &str, details: &str) -> String {
    let mut members = Map::new();
    if let Some(key) = key {
        members.insert("key".to_owned(), key.into());
    }
    members.insert("errorCode".to_owned(), code.into());
    members.insert("errorDetails".to_owned(), details.into());
    Value::from(members).to_string()
}
