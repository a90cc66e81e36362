//! Answers that are the same for every request, in one or two representations.

use actix_http::header::{HeaderMap, HeaderValue};
use actix_web::web::Bytes;

use super::accept_encoding::prefers_gzip;

/// A constant answer.
pub(crate) struct Constant {
    pub(crate) plain: Representation,
    /// `None` if the answer is too short to be worth compressing, or is not compressed yet.
    pub(crate) gzip: Option<Representation>,
}

/// A constant in one encoding.
pub(crate) struct Representation {
    pub(crate) body: Bytes,
    /// `None` if it cannot be sent in a header.
    pub(crate) entity_tag: Option<HeaderValue>,
    pub(crate) is_gzip: bool,
}

impl Constant {
    /// The representation that suits a client best.
    pub(crate) fn choose(&self, headers: &HeaderMap) -> &Representation {
        match &self.gzip {
            Some(gzip) if prefers_gzip(headers) => gzip,
            _ => &self.plain,
        }
    }
}
