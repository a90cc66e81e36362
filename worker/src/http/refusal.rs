//! Answers that refuse. The one place that knows status codes from 400 up and the bodies that go with them; what is
//! refused, and why, is decided elsewhere.

use actix_http::StatusCode;
use actix_http::header::{ALLOW, HeaderValue, RETRY_AFTER};

use crate::http::request_body::Unread;
use crate::http::response::{self, Response};

/// Seconds after which a client may find that a document has arrived.
static RETRY_SOON: HeaderValue = HeaderValue::from_static("1");

/// A request that is not answered as asked, with what its client is told.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No such path.
    NotFound,
    /// The path does not offer this method, but these.
    MethodNotAllowed(&'static str),
    /// A key that opens nothing, or no key.
    UnknownKey(Option<String>),
    /// A key whose document has not arrived yet.
    NoDocument,
    /// A client-side key where a server-side key is needed.
    ClientSideKey,
    /// A feature that does not exist, or not for this key.
    UnknownFeature(String),
    /// A body that cannot be read at all: the whole JSON that says so.
    Unparsable(&'static str),
    /// A body or query that says something else: the whole JSON that names the members.
    Invalid(String),
    /// A body that was not read to its end.
    UnreadBody(Unread),
    /// A cross-origin request that may not be made: what about it.
    DisallowedCrossOrigin(&'static str),
    /// Not ready: the whole report.
    NotReady(String),
}

impl Refusal {
    pub(crate) fn into_response(self) -> Response {
        match self {
            Self::NotFound => detail(StatusCode::NOT_FOUND, "Not Found"),
            Self::MethodNotAllowed(methods) => {
                let mut response = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
                let methods = HeaderValue::from_static(methods);
                response.headers_mut().insert(ALLOW, methods);
                response
            }
            Self::UnknownKey(key) => {
                let key = key.map_or_else(|| "None".to_owned(), |key| engine::python_repr(&key));
                let message = format!("unknown key {key}");
                status(StatusCode::UNAUTHORIZED, "unauthorized", message)
            }
            Self::NoDocument => {
                let message = "the environment document has not arrived yet".to_owned();
                let mut response = status(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, RETRY_SOON.clone());
                response
            }
            Self::ClientSideKey => {
                detail(StatusCode::FORBIDDEN, "Invalid or missing Environment Key")
            }
            Self::UnknownFeature(feature) => {
                let message = format!("feature '{feature}' not found");
                status(StatusCode::NOT_FOUND, "not_found", message)
            }
            Self::Unparsable(body) => response::json_with(StatusCode::BAD_REQUEST, body),
            Self::UnreadBody(Unread::Broken) => detail(
                StatusCode::BAD_REQUEST,
                "There was an error parsing the body",
            ),
            Self::Invalid(body) => response::json_with(StatusCode::UNPROCESSABLE_ENTITY, body),
            Self::UnreadBody(Unread::TooLarge) => {
                detail(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
            }
            Self::UnreadBody(Unread::TooSlow) => {
                detail(StatusCode::REQUEST_TIMEOUT, "Request Timeout")
            }
            Self::DisallowedCrossOrigin(what) => response::text_with(StatusCode::BAD_REQUEST, what),
            Self::NotReady(report) => response::json_with(StatusCode::SERVICE_UNAVAILABLE, report),
        }
    }
}

fn detail(code: StatusCode, detail: &str) -> Response {
    response::json_with(code, format!(r#"{{"detail":{}}}"#, quote(detail)))
}

fn status(code: StatusCode, status: &str, message: String) -> Response {
    let (status, message) = (quote(status), quote(&message));
    response::json_with(
        code,
        format!(r#"{{"status":{status},"message":{message}}}"#),
    )
}

/// A JSON string.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
