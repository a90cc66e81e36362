//! What the stub sends.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// Makes an answer of a request's head.
type Make = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

/// What the stub does with a request.
#[derive(Clone)]
pub enum Answer {
    /// Sends this document, or a 304 to a conditional request once it was sent. Any other path gets a 404.
    Document(String),
    /// Sends these bytes and reads the next request of the connection.
    Kept(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Closed(Vec<u8>),
    /// Sends these bytes, and then nothing until the other side closes the connection.
    Stalled(Vec<u8>),
    /// Answers as this function says, which is given the request's head.
    Made(Make),
}

impl Answer {
    /// An answer with these header lines and this body, whose length is announced. It closes the connection.
    #[must_use]
    pub fn new(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let length = format!("Content-Length: {}", body.as_ref().len());
        Answer::raw(&[&[status, &length], headers].concat(), body)
    }

    /// An answer as [`message`] makes it, which closes the connection.
    #[must_use]
    pub fn raw(head: &[&str], body: impl AsRef<[u8]>) -> Answer {
        Answer::Closed(message(head, body))
    }

    /// An answer as Flagsmith sends it: JSON, with the time, and the connection is kept.
    #[must_use]
    pub fn status(status: &str, body: &str) -> Answer {
        let (status, body) = (status.to_owned(), body.to_owned());
        Answer::made(move |_| Answer::Kept(dated(&status, &body)))
    }

    /// Nothing at all, for as long as the other side waits.
    #[must_use]
    pub fn silence() -> Answer {
        Answer::Stalled(Vec::new())
    }

    /// Answers as this function says, which is given the request's head.
    #[must_use]
    pub fn made(make: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Answer {
        Answer::Made(Arc::new(make))
    }
}

/// The bytes of an answer in HTTP/1.1: a head of these lines, the status first, and `Connection: close`; then the body.
/// The head tells the body's length only if one of the lines does.
#[must_use]
pub fn message(head: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = head.join("\r\n");
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

/// An answer with the stub's time, on a connection that is kept.
pub(super) fn dated(status: &str, body: &str) -> Vec<u8> {
    let (date, length) = (date(), body.len());
    format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The time of a clock that begins after the dates in documents, so that later changes are later by whole seconds.
fn date() -> String {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    http_date(12 * 3600 + STARTED.elapsed().as_secs())
}

/// A time of that day, by the seconds since midnight, as HTTP writes it.
pub(super) fn http_date(seconds: u64) -> String {
    format!("Mon, 02 Feb 2026 {} GMT", clock_time(seconds))
}

/// Hours, minutes and seconds.
pub(super) fn clock_time(seconds: u64) -> String {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}", minutes / 60, minutes % 60)
}
