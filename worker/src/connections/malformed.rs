//! The answer to bytes that are no request. HTTP gives it no body, so clients would not learn what is wrong.

use actix_web::web::Bytes;
use memchr::memmem;

/// No answer of HTTP's own is longer.
const MAX_LENGTH: usize = 200;

/// The answer to bytes that are no request.
pub(super) struct Refusal {
    /// Where HTTP's own refusal begins.
    pub(super) start: usize,
    pub(super) status: u16,
    /// The same with a body.
    pub(super) answer: Bytes,
    /// The length of that body.
    pub(super) length: usize,
}

/// The refusal that ends `bytes`, if it is HTTP's own. HTTP closes the connection after it.
#[inline]
pub(super) fn explained(bytes: &[u8]) -> Option<Refusal> {
    // Nearly all other answers end with a body.
    if bytes.ends_with(b"\r\n\r\n") {
        explain(bytes)
    } else {
        None
    }
}

#[cold]
fn explain(bytes: &[u8]) -> Option<Refusal> {
    let tail = bytes.len().saturating_sub(MAX_LENGTH);
    let start = tail + memmem::rfind(&bytes[tail..], b"HTTP/1.")?;
    let head = std::str::from_utf8(&bytes[start..]).ok()?;
    // Refusals that are made elsewhere have a body.
    let (status, headers) = head.split_once("\r\ncontent-length: 0\r\n")?;
    let (code, detail) = match status.get("HTTP/1.1 ".len()..)? {
        "400 Bad Request" => (400, "Invalid HTTP request"),
        "408 Request Timeout" => (408, "Request Timeout"),
        "431 Request Header Fields Too Large" => (431, "Request Header Fields Too Large"),
        _ => return None,
    };
    let date = headers.lines().find(|line| line.starts_with("date: "))?;
    let body = format!(r#"{{"detail":"{detail}"}}"#);
    let length = body.len();
    let explained = format!(
        "{status}\r\ncontent-length: {length}\r\nconnection: close\r\n\
         content-type: application/json\r\ncache-control: no-store\r\n{date}\r\n\r\n{body}"
    );
    Some(Refusal {
        start,
        status: code,
        answer: explained.into(),
        length,
    })
}
