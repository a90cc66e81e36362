//! Answers as HTTP: their body, their headers, and what HTTP lets a client leave out because it has it already. Knows
//! nothing of where an answer comes from.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::RequestHead;
use actix_http::StatusCode;
use actix_http::body::{BodySize, MessageBody};
use actix_http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;

use crate::connections::stream::Outlet;
use crate::environments::mapped::Constant;

/// From this many bytes on a body goes through the connection's outlet. Below, HTTP's own buffer is cheaper: head and
/// body leave in one system call.
const LARGE: usize = 32 * 1024;

static JSON: HeaderValue = HeaderValue::from_static("application/json");
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static GZIP: HeaderValue = HeaderValue::from_static("gzip");
static VARY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
/// When upstream last changed the document that an answer comes from, in seconds since 1970 with a fraction.
pub(crate) static UPDATED_AT: HeaderName =
    HeaderName::from_static("x-flagsmith-document-updated-at");

/// Any answer of this crate.
pub(crate) type Response = actix_http::Response<Body>;

/// The body of an answer, not copied here.
pub(crate) struct Body {
    rest: Bytes,
    way: Way,
}

/// How a body gets to the client.
enum Way {
    /// Copied into HTTP's own buffer.
    Buffer,
    /// From where it lies.
    Outlet(Rc<Outlet>),
    /// Not at all: only its length was asked for.
    Nowhere,
}

/// One of the forms that a constant answer is kept in.
#[derive(Clone, Debug)]
pub(crate) struct Representation {
    /// What is sent.
    pub(crate) body: Bytes,
    /// Its entity tag, unless that is no text for a header.
    pub(crate) etag: Option<HeaderValue>,
    /// Whether it is compressed.
    pub(crate) gzip: bool,
}

/// A JSON body with a status of its own.
pub(crate) fn json_with(code: StatusCode, body: impl Into<Bytes>) -> Response {
    typed(code, &JSON, body.into())
}

/// A plain text body with a status of its own.
pub(crate) fn text_with(code: StatusCode, body: &'static str) -> Response {
    typed(code, &TEXT, Bytes::from_static(body.as_bytes()))
}

/// A plain text body.
pub(crate) fn text(body: &'static str) -> Response {
    text_with(StatusCode::OK, body)
}

/// Nothing but the status.
pub(crate) fn empty() -> Response {
    Response::with_body(StatusCode::OK, Body::from(Bytes::new()))
}

/// An answer that was rendered when its document was compiled, in the form that suits the client; or only word that
/// the client has it.
pub(crate) fn kept(
    head: &RequestHead,
    constant: &Constant,
    updated_at: Option<&HeaderValue>,
) -> Response {
    let representation = constant.choose(&head.headers);
    let mut response = if representation
        .etag
        .as_ref()
        .is_some_and(|etag| has_already(&head.headers, etag))
    {
        Response::with_body(StatusCode::NOT_MODIFIED, Body::from(Bytes::new()))
    } else {
        rendered(representation.body.clone(), representation.gzip)
    };
    let headers = response.headers_mut();
    if let Some(etag) = &representation.etag {
        headers.insert(ETAG, etag.clone());
    }
    describe(headers, constant.varies(), updated_at);
    response
}

/// An answer that was rendered for this request.
pub(crate) fn fresh(
    body: Bytes,
    gzip: bool,
    varies: bool,
    updated_at: Option<&HeaderValue>,
) -> Response {
    let mut response = rendered(body, gzip);
    describe(response.headers_mut(), varies, updated_at);
    response
}

/// A 200 with JSON.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    json_with(StatusCode::OK, body)
}

/// Has the body sent past HTTP's buffer.
pub(crate) fn send_through(response: Response, outlet: Rc<Outlet>) -> Response {
    send(response, Way::Outlet(outlet))
}

/// Keeps the body back, as HEAD asks. HTTP would do that too, but goes by the last request it has read, which need not
/// be the one that is answered.
pub(crate) fn keep_back(response: Response) -> Response {
    send(response, Way::Nowhere)
}

/// Sends the body some other way than through HTTP, and states its length in HTTP's place.
fn send(response: Response, way: Way) -> Response {
    response.map_body(|head, body| {
        if head.status != StatusCode::NOT_MODIFIED {
            let length = HeaderValue::from(body.rest.len());
            head.headers_mut().insert(CONTENT_LENGTH, length);
        }
        head.no_chunking(true);
        Body { way, ..body }
    })
}

fn rendered(body: Bytes, gzip: bool) -> Response {
    let mut response = typed(StatusCode::OK, &JSON, body);
    if gzip {
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

fn describe(headers: &mut HeaderMap, varies: bool, updated_at: Option<&HeaderValue>) {
    if varies {
        headers.insert(VARY, VARY_ENCODING.clone());
    }
    if let Some(updated_at) = updated_at {
        headers.insert(UPDATED_AT.clone(), updated_at.clone());
    }
}

/// Whether the client holds the very representation that it would get (RFC 9110, 13.1.2: compared weakly).
fn has_already(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
        })
    })
}

impl Body {
    /// Whether it is worth more than a copy into HTTP's buffer.
    pub(crate) fn is_large(&self) -> bool {
        self.rest.len() >= LARGE
    }
}

impl From<Bytes> for Body {
    fn from(rest: Bytes) -> Self {
        Self {
            rest,
            way: Way::Buffer,
        }
    }
}

impl MessageBody for Body {
    type Error = Infallible;

    #[inline]
    fn size(&self) -> BodySize {
        match self.way {
            Way::Buffer => BodySize::Sized(self.rest.len() as u64),
            // Whose length HTTP need not know.
            Way::Outlet(_) | Way::Nowhere => BodySize::Stream,
        }
    }

    #[inline]
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Self { rest, way } = self.get_mut();
        match way {
            Way::Buffer if !rest.is_empty() => Poll::Ready(Some(Ok(std::mem::take(rest)))),
            Way::Buffer | Way::Nowhere => Poll::Ready(None),
            Way::Outlet(outlet) => outlet.poll_send(rest, context).map(|()| None),
        }
    }
}
