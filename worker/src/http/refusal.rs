//! Answers that refuse a request: the only file with status codes from 400 up and the bodies that go with them, but for
//! OFREP, which has words of its own (`endpoints/ofrep/fault.rs`).

use actix_http::StatusCode;
use actix_http::header::{ACCEPT_ENCODING, ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::authorization::Scheme;
use super::request_body::UnreadBody;
use super::response::{self, Response};

/// Seconds after which a client should try again: a document arrives soon, or there is room again.
static RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The codings of request bodies that are read, for `Accept-Encoding`: none.
static IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Why a request is refused, with the details for the client.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The path is no endpoint's.
    NotFound,
    /// The endpoint has no such method. Contains the methods that it has, for `Allow`.
    MethodNotAllowed(&'static str),
    /// The request has no key.
    MissingKey,
    /// The request needs a token.
    MissingToken(Scheme),
    /// The key names no environment. Contains the key.
    UnknownKey(String),
    /// The document of the environment has not arrived yet.
    NoDocument,
    /// The request has a client-side key and needs a server-side key.
    ClientSideKey,
    /// The feature does not exist, or is hidden from this side. Contains its name.
    UnknownFeature(String),
    /// The body is not JSON. Contains the JSON of the answer.
    Unparsable(&'static str),
    /// The body or query does not describe an identity. Contains the JSON of the answer.
    Invalid(String),
    /// The body is no report. Contains what is wrong with it.
    BadReport(String),
    /// The body is no question about flags. Contains what is wrong with it.
    BadQuestion(String),
    /// No environment has that id or client-side key. Contains what was asked for, with a masked key.
    UnknownEnvironment(String),
    /// Flags cannot be explained. Contains why.
    Unexplained(String),
    /// A member of a report is wrong. Contains its name and what is wrong with it.
    WrongMember(&'static str, &'static str),
    /// There is no room for a report.
    JournalFull,
    /// There is no room for a stream.
    TooManyStreams,
    /// The body is compressed. Contains its coding.
    Compressed(String),
    /// The body was not read to its end.
    UnreadBody(UnreadBody),
    /// A preflight request asks for something that is not allowed. Contains the text of the answer.
    DisallowedCrossOrigin(&'static str),
    /// The proxy is not ready. Contains the JSON of the answer.
    NotReady(String),
}

impl Refusal {
    /// Of a key that names no environment. Like Python's servers it takes each byte for a character.
    pub(crate) fn unknown_key(key: &[u8]) -> Self {
        Self::UnknownKey(key.iter().copied().map(char::from).collect())
    }

    /// The answer that says so.
    pub(crate) fn into_response(self) -> Response {
        match self {
            Self::NotFound => detail(StatusCode::NOT_FOUND, "Not Found"),
            Self::MethodNotAllowed(methods) => {
                let mut response = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
                let methods = HeaderValue::from_static(methods);
                response.headers_mut().insert(ALLOW, methods);
                response
            }
            Self::MissingKey => unauthorized("None"),
            Self::MissingToken(scheme) => {
                let mut response = detail(StatusCode::UNAUTHORIZED, "Missing or wrong token");
                let headers = response.headers_mut();
                headers.insert(WWW_AUTHENTICATE, scheme.challenge());
                response
            }
            Self::UnknownKey(key) => unauthorized(&engine::python_repr(&key)),
            Self::NoDocument => unavailable("the environment document has not arrived yet"),
            Self::ClientSideKey => {
                detail(StatusCode::FORBIDDEN, "Invalid or missing Environment Key")
            }
            Self::UnknownFeature(feature) => {
                let message = format!("feature '{feature}' not found");
                status(StatusCode::NOT_FOUND, "not_found", message)
            }
            Self::Unparsable(body) => response::json_with(StatusCode::BAD_REQUEST, body),
            Self::BadReport(what) | Self::BadQuestion(what) => {
                detail(StatusCode::BAD_REQUEST, &what)
            }
            Self::UnknownEnvironment(which) => {
                let message = format!("environment {which} not found");
                status(StatusCode::NOT_FOUND, "not_found", message)
            }
            Self::Unexplained(why) => detail(StatusCode::INTERNAL_SERVER_ERROR, &why),
            Self::WrongMember(member, what) => {
                let (member, what) = (quote(member), quote(what));
                response::json_with(StatusCode::BAD_REQUEST, format!("{{{member}:[{what}]}}"))
            }
            Self::JournalFull => unavailable("there is no room for this at the moment"),
            Self::TooManyStreams => unavailable("there is no room for another stream"),
            Self::Compressed(coding) => {
                let reason = format!(
                    "request bodies with Content-Encoding '{coding}' are not read; send plain JSON"
                );
                let mut response = detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, &reason);
                let headers = response.headers_mut();
                headers.insert(ACCEPT_ENCODING, IDENTITY.clone());
                response
            }
            Self::UnreadBody(UnreadBody::Broken) => detail(
                StatusCode::BAD_REQUEST,
                "There was an error parsing the body",
            ),
            Self::Invalid(body) => response::json_with(StatusCode::UNPROCESSABLE_ENTITY, body),
            Self::UnreadBody(UnreadBody::TooLarge) => {
                detail(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
            }
            Self::UnreadBody(UnreadBody::TooSlow) => {
                detail(StatusCode::REQUEST_TIMEOUT, "Request Timeout")
            }
            Self::DisallowedCrossOrigin(what) => response::text_with(StatusCode::BAD_REQUEST, what),
            Self::NotReady(report) => response::json_with(StatusCode::SERVICE_UNAVAILABLE, report),
        }
    }
}

fn unavailable(message: &str) -> Response {
    let message = message.to_owned();
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS.clone());
    response
}

fn unauthorized(key: &str) -> Response {
    let message = format!("unknown key {key}");
    status(StatusCode::UNAUTHORIZED, "unauthorized", message)
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

/// The JSON of a text.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
