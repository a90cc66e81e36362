//! What is answered to `Expect: 100-continue`, by which a client asks before it sends its body.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_http::body::BoxBody;
use actix_http::{Request, Response};
use actix_web::dev::{Service, always_ready};

use super::refusal::Refusal;
use super::request_body::{UnreadBody, announces_too_much};
use super::response;
use crate::access::AccessLog;

/// Tells the client to send its body, unless that would be too long.
pub(crate) struct ExpectContinue {
    pub(crate) max_body_bytes: usize,
    pub(crate) access_log: Option<Rc<AccessLog>>,
}

impl Service<Request> for ExpectContinue {
    type Response = Request;
    type Error = Response<BoxBody>;
    type Future = Ready<Result<Request, Self::Error>>;

    always_ready!();

    fn call(&self, request: Request) -> Self::Future {
        ready(if announces_too_much(request.head(), self.max_body_bytes) {
            let mut refusal = Refusal::UnreadBody(UnreadBody::TooLarge).into_response();
            if let Some(access_log) = &self.access_log {
                refusal = response::logged(refusal, access_log.begin(request.head()));
            }
            Err(refusal.map_into_boxed_body())
        } else {
            Ok(request)
        })
    }
}
