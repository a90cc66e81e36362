//! Streams that tell clients when the document of their environment has changed.

use std::borrow::Cow;

use actix_http::header::HeaderName;
use actix_http::{RequestHead, Version};

use super::{query, route};
use crate::access::Entry;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};
use crate::streams::{Protocol, Streams};

/// The id of the event that a client was told of last.
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The same as a parameter, of clients that cannot send the header: `reconnecting-eventsource`, which Flagsmith's
/// JavaScript SDK uses.
const LAST_EVENT_ID_PARAMETER: &str = "lastEventId";

/// Answers `GET /sse/environments/<key>/stream` for SDKs, and `GET /ofrep/v1/environments/<key>/stream` for OFREP.
pub(super) fn answer(
    streams: &Streams,
    protocol: Protocol,
    head: &RequestHead,
) -> Result<Response, Refusal> {
    let key = route::environment_key(head.uri.path());
    let last_event_id = last_event_id(head);
    let is_chunked = head.version >= Version::HTTP_11;
    let stream = streams.begin(
        key.as_bytes(),
        last_event_id.as_deref(),
        protocol,
        is_chunked,
    )?;
    let sender = move |socket, entry: Option<Box<Entry>>| {
        actix_rt::spawn(async move {
            let bytes = stream.run(socket).await;
            if let Some(entry) = entry {
                entry.log(bytes);
            }
        });
    };
    Ok(response::events(head.version, Box::new(sender)))
}

/// Answers `GET /sse/health`.
pub(super) fn health() -> Response {
    response::json(r#"{"status":"ok"}"#)
}

fn last_event_id(head: &RequestHead) -> Option<Cow<'_, str>> {
    match head.headers.get(&LAST_EVENT_ID) {
        Some(id) => id.to_str().ok().map(Cow::from),
        None => query::last(head, LAST_EVENT_ID_PARAMETER),
    }
}
