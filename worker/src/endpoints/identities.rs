//! The flags of one identity: the only answer that is put together for a request. Knows nothing of segments or
//! overrides.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use actix_http::RequestHead;
use actix_http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::Bytes;
use engine::{BodyError, BodyKind, Identity, Scratch};

use super::gzip::{Gzip, Listed, WORTH_COMPRESSING};
use crate::environments::Current;
use crate::http::accept_encoding;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Buffers kept for the next answers; more are only needed while as many answers wait for slow clients.
const SPARE_BUFFERS: usize = 16;
/// A buffer that grew beyond this is let go.
const SPARE_BUFFER_LIMIT: usize = 256 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// What answers to identities are made with, one after the other.
#[derive(Default)]
pub(crate) struct Identities {
    scratch: RefCell<Scratch>,
    gzip: RefCell<Gzip>,
}

impl Identities {
    /// Answers `GET /api/v1/identities/`: an identity without traits.
    pub(crate) fn get(&self, current: &Current, head: &RequestHead) -> Result<Response, Refusal> {
        let query = head.uri.query().unwrap_or_default();
        let identifier = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "identifier")
            .last();
        match identifier {
            Some((_, identifier)) => self.evaluate(current, head, &Identity::new(identifier)),
            None => Err(Refusal::Invalid(engine::missing_identifier())),
        }
    }

    /// Answers `POST /api/v1/identities/`. A body that is no identity is refused whatever the key.
    pub(crate) fn post(
        &self,
        current: &Current,
        head: &RequestHead,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let request = engine::read_identity(body, kind(&head.headers))?;
        self.evaluate(current, head, &request.into_identity(random_digits))
    }

    fn evaluate(
        &self,
        current: &Current,
        head: &RequestHead,
        identity: &Identity<'_>,
    ) -> Result<Response, Refusal> {
        let (held, side) = current.generation().open(head)?;
        let mut scratch = self.scratch.borrow_mut();
        let (environment, patterns) = (held.environment(), held.patterns());
        let flags = engine::evaluate(environment, patterns, side, identity, &mut scratch);
        let mut body = Buffer::take();
        body.0
            .reserve(identity.most_head_bytes() + flags.byte_length() + 1);
        identity.write_head(&mut body.0);
        let varies = body.0.len() + flags.byte_length() + 1 >= WORTH_COMPRESSING;
        if varies && accept_encoding::prefers_gzip(&head.headers) {
            let mut compressed = Buffer::take();
            let listed = Listed {
                generation: held.generation(),
                side,
                flags: &flags,
            };
            let mut gzip = self.gzip.borrow_mut();
            if gzip.write(&body.0, &listed, &mut compressed.0) {
                let body = compressed.into();
                return Ok(response::fresh(body, true, varies, held.updated_at()));
            }
        }
        flags.write(&mut body.0);
        body.0.push(b'}');
        Ok(response::fresh(
            body.into(),
            false,
            varies,
            held.updated_at(),
        ))
    }
}

/// What the content type says a body is. No content type counts as JSON.
fn kind(headers: &HeaderMap) -> BodyKind {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return BodyKind::Json;
    };
    let essence = content_type.as_bytes().split(|&byte| byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    if essence == b"application/json" || content_type.is_empty() {
        return BodyKind::Json;
    }
    let essence = essence.to_ascii_lowercase();
    let subtype = essence.strip_prefix(b"application/").unwrap_or_default();
    if subtype == b"json" || subtype.ends_with(b"+json") {
        BodyKind::Json
    } else {
        BodyKind::Other
    }
}

/// 32 hexadecimal digits that no other request gets: enough to name an identity that nobody asks for again.
fn random_digits() -> String {
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Unparsable(body) => Self::Unparsable(body),
            BodyError::Invalid(body) => Self::Invalid(body),
        }
    }
}

/// The body of an answer while it is written and sent. Its memory serves the next one after that.
struct Buffer(Vec<u8>);

impl Buffer {
    fn take() -> Self {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        Self(spare.unwrap_or_else(|| Vec::with_capacity(8 * 1024)))
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        Bytes::from_owner(buffer)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() > SPARE_BUFFER_LIMIT {
            return;
        }
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        // There is no list any more when the thread ends: then the buffer is simply freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_BUFFERS {
                spare.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::header::HeaderValue;

    #[test]
    fn takes_json_and_its_kin_for_json() {
        for (content_type, json) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON ;x", true),
            ("application/vnd.api+json", true),
            ("", true),
            ("text/plain", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
            ("json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            assert_eq!(kind(&headers) == BodyKind::Json, json, "{content_type}");
        }
        assert_eq!(kind(&HeaderMap::new()), BodyKind::Json);
    }

    #[test]
    fn makes_up_other_digits_each_time() {
        let digits = random_digits();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(digits, random_digits());
    }

    #[test]
    fn uses_a_buffer_again_once_its_answer_is_sent() {
        let mut buffer = Buffer::take();
        buffer.0.extend_from_slice(b"answer");
        let place = buffer.0.as_ptr();
        let body = Bytes::from(buffer);
        assert_eq!(&body[..], b"answer");
        drop(body);
        let next = Buffer::take();
        assert_eq!(next.0.as_ptr(), place);
        assert!(next.0.is_empty());
    }
}
