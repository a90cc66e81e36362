//! Answers as HTTP: status, headers and body, and `304 Not Modified` for what a client has already.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, MessageBody};
use actix_http::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use actix_http::{ConnectionType, RequestHead, StatusCode, Version};
use actix_rt::net::TcpStream;
use actix_web::web::Bytes;

use super::constant::{Constant, Date};
use crate::access::Entry;
use crate::connections::outlet::Outlet;

/// From this length on a body is sent through the connection's outlet. For a shorter one HTTP's own buffer is cheaper:
/// head and body leave in one system call.
const LARGE: usize = 32 * 1024;

static JSON: HeaderValue = HeaderValue::from_static("application/json");
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
static EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// nginx would collect events until its buffer is full.
static ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
static NO: HeaderValue = HeaderValue::from_static("no");
static GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// When upstream last changed the document that an answer comes from, in seconds since 1970 with a fraction.
static UPDATED_AT: HeaderName = HeaderName::from_static("x-flagsmith-document-updated-at");

/// An answer.
pub(crate) type Response = actix_http::Response<Body>;

/// The body of an answer, which is not copied here.
pub(crate) struct Body {
    rest: Bytes,
    delivery: Delivery,
    /// The line of the access log, if there is one, and the length of the whole body. It is logged when the body is
    /// sent, or given up.
    entry: Option<(Box<Entry>, usize)>,
}

/// How a body gets to the client.
enum Delivery {
    /// HTTP copies it into its own buffer.
    Buffer,
    /// The socket takes it from where it lies.
    Outlet(Rc<Outlet>),
    /// It is not sent: the request was a HEAD.
    Omitted,
    /// It has no end. The socket is handed over to who sends it, with the line of the access log.
    Elsewhere(Option<Sender>),
}

/// Sends the body of an answer whose head HTTP has sent.
pub(crate) type Sender = Box<dyn FnOnce(TcpStream, Option<Box<Entry>>)>;

/// A 200 with nothing in it.
pub(crate) fn empty() -> Response {
    empty_with(StatusCode::OK)
}

/// Another status with nothing in it.
pub(crate) fn empty_with(code: StatusCode) -> Response {
    Response::with_body(code, Body::from(Bytes::new()))
}

/// A 202 with nothing in it.
pub(crate) fn accepted() -> Response {
    empty_with(StatusCode::ACCEPTED)
}

/// A 204.
pub(crate) fn no_content() -> Response {
    empty_with(StatusCode::NO_CONTENT)
}

/// A 204 that names the methods of an endpoint.
pub(crate) fn methods(methods: &'static str) -> Response {
    let mut response = no_content();
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// A 200 with JSON.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    json_with(StatusCode::OK, body)
}

/// JSON with another status.
pub(crate) fn json_with(code: StatusCode, body: impl Into<Bytes>) -> Response {
    typed(code, &JSON, body.into())
}

/// A 200 with plain text.
pub(crate) fn text(body: &'static str) -> Response {
    text_with(StatusCode::OK, body)
}

/// A 200 with metrics in Prometheus' text format.
pub(crate) fn metrics(text: String) -> Response {
    typed(StatusCode::OK, &METRICS, text.into())
}

/// A 200 with server-sent events, which `sender` sends until the connection ends.
pub(crate) fn events(version: Version, sender: Sender) -> Response {
    let mut body = Body::from(Bytes::new());
    body.delivery = Delivery::Elsewhere(Some(sender));
    let mut response = Response::with_body(StatusCode::OK, body);
    let head = response.head_mut();
    head.set_connection_type(ConnectionType::Close);
    // HTTP would send chunks to a client of HTTP/1.0, too.
    head.no_chunking(version < Version::HTTP_11);
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, EVENTS.clone());
    headers.insert(ACCEL_BUFFERING.clone(), NO.clone());
    response
}

/// A 200 with text of that type.
pub(crate) fn text_of_type(content_type: &'static str, text: &'static str) -> Response {
    typed(
        StatusCode::OK,
        &HeaderValue::from_static(content_type),
        Bytes::from_static(text.as_bytes()),
    )
}

/// Plain text with another status.
pub(crate) fn text_with(code: StatusCode, body: impl Into<Bytes>) -> Response {
    typed(code, &TEXT, body.into())
}

/// The representation of a constant that suits the client best, or a 304 if the client has it.
pub(crate) fn constant(
    head: &RequestHead,
    constant: &Constant,
    updated_at: Option<&HeaderValue>,
) -> Response {
    let chosen = constant.choose(&head.headers);
    let entity_tag = chosen.entity_tag.as_ref();
    let date = constant.date.as_ref();
    let mut response = if is_cached(&head.headers, entity_tag, date) {
        empty_with(StatusCode::NOT_MODIFIED)
    } else {
        encoded(chosen.body.clone(), chosen.is_gzip)
    };
    let headers = response.headers_mut();
    if let Some(entity_tag) = entity_tag {
        headers.insert(ETAG, entity_tag.clone());
    }
    if let Some(date) = date {
        headers.insert(LAST_MODIFIED, date.value.clone());
    }
    describe(headers, updated_at);
    response
}

/// A body that was written for this request.
pub(crate) fn evaluated(body: Bytes, is_gzip: bool, updated_at: Option<&HeaderValue>) -> Response {
    let mut response = encoded(body, is_gzip);
    describe(response.headers_mut(), updated_at);
    response
}

/// Adds the entity tag of an answer that was written for this request.
pub(crate) fn with_entity_tag(mut response: Response, entity_tag: HeaderValue) -> Response {
    response.headers_mut().insert(ETAG, entity_tag);
    response
}

/// A 304: the client has the answer.
pub(crate) fn not_modified(updated_at: Option<&HeaderValue>) -> Response {
    let mut response = empty_with(StatusCode::NOT_MODIFIED);
    describe(response.headers_mut(), updated_at);
    response
}

/// Has the body sent through an outlet, past HTTP's buffer, or by who gets the socket from it.
pub(crate) fn through_outlet(response: Response, outlet: Rc<Outlet>) -> Response {
    if !response.body().has_no_end() {
        return deliver(response, Delivery::Outlet(outlet));
    }
    response.map_body(|_, mut body| {
        if let Delivery::Elsewhere(sender) = &mut body.delivery
            && let Some(sender) = sender.take()
        {
            let entry = body.entry.take().map(|(entry, _)| entry);
            outlet.hand_over(Box::new(move |socket| sender(socket, entry)));
        }
        body
    })
}

/// Omits the body, as HEAD asks. HTTP would omit it too, but goes by the last request that it has read, which need not
/// be the one that is answered.
pub(crate) fn without_body(response: Response) -> Response {
    deliver(response, Delivery::Omitted)
}

/// Takes the body away from HTTP, and states its length in HTTP's place.
fn deliver(response: Response, delivery: Delivery) -> Response {
    response.map_body(|head, mut body| {
        if !body.has_no_end() && head.status != StatusCode::NOT_MODIFIED {
            let length = HeaderValue::from(body.rest.len());
            head.headers_mut().insert(CONTENT_LENGTH, length);
        }
        head.no_chunking(true);
        body.delivery = delivery;
        body
    })
}

/// Has the answer logged when it is sent.
pub(crate) fn logged(response: Response, mut entry: Box<Entry>) -> Response {
    entry.set_status(response.status());
    response.map_body(|_, mut body| {
        body.entry = Some((entry, body.rest.len()));
        body
    })
}

fn encoded(body: Bytes, is_gzip: bool) -> Response {
    let mut response = json(body);
    if is_gzip {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

fn typed(code: StatusCode, content_type: &HeaderValue, body: Bytes) -> Response {
    let mut response = Response::with_body(code, Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type.clone());
    response
}

fn describe(headers: &mut HeaderMap, updated_at: Option<&HeaderValue>) {
    if let Some(updated_at) = updated_at {
        headers.insert(UPDATED_AT.clone(), updated_at.clone());
    }
}

/// The client has the representation with this entity tag or, if it sends no tag, with this date (RFC 9110, 13.2.2).
fn is_cached(headers: &HeaderMap, entity_tag: Option<&HeaderValue>, date: Option<&Date>) -> bool {
    if !headers.contains_key(IF_NONE_MATCH) {
        return date.is_some_and(|date| {
            let since = headers.get(IF_MODIFIED_SINCE);
            since.is_some_and(|since| date.is_of(since))
        });
    }
    let Some(entity_tag) = entity_tag else {
        return false;
    };
    // Compared weakly (RFC 9110, 13.1.2).
    headers.get_all(IF_NONE_MATCH).any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == entity_tag.as_bytes()
        })
    })
}

impl Body {
    /// Its length in bytes, until it is sent.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// The body is not for HTTP's buffer: it is long, or has no end.
    pub(crate) fn is_for_outlet(&self) -> bool {
        self.rest.len() >= LARGE || self.has_no_end()
    }

    fn has_no_end(&self) -> bool {
        matches!(self.delivery, Delivery::Elsewhere(_))
    }
}

impl From<Bytes> for Body {
    fn from(rest: Bytes) -> Self {
        Self {
            rest,
            delivery: Delivery::Buffer,
            entry: None,
        }
    }
}

impl Drop for Body {
    #[inline]
    fn drop(&mut self) {
        if let Some((entry, length)) = self.entry.take() {
            let unsent = match &self.delivery {
                Delivery::Omitted => length,
                // The outlet has taken it.
                Delivery::Outlet(outlet) if self.rest.is_empty() => outlet.unsent(),
                Delivery::Buffer | Delivery::Outlet(_) | Delivery::Elsewhere(_) => self.rest.len(),
            };
            entry.log(length - unsent);
        }
    }
}

impl MessageBody for Body {
    type Error = Infallible;

    #[inline]
    fn size(&self) -> BodySize {
        match self.delivery {
            Delivery::Buffer => BodySize::Sized(self.rest.len() as u64),
            // `deliver` has stated the length.
            Delivery::Outlet(_) | Delivery::Omitted | Delivery::Elsewhere(_) => BodySize::Stream,
        }
    }

    #[inline]
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Self { rest, delivery, .. } = self.get_mut();
        match delivery {
            Delivery::Buffer if !rest.is_empty() => Poll::Ready(Some(Ok(std::mem::take(rest)))),
            Delivery::Buffer | Delivery::Omitted => Poll::Ready(None),
            Delivery::Outlet(outlet) => outlet.poll_send(rest, context).map(|()| None),
            // HTTP flushes now, and ends when the socket is handed over.
            Delivery::Elsewhere(_) => Poll::Pending,
        }
    }
}
