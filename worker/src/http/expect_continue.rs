//! What a client is told that asks, with `Expect: 100-continue`, before it sends its body. Knows lengths, not bodies.

use std::future::{Ready, ready};

use actix_http::body::BoxBody;
use actix_http::{Request, Response};
use actix_web::dev::{Service, always_ready};

use crate::http::refusal::Refusal;
use crate::http::request_body::{self, Unread};
use contract::Limits;

/// Has the body sent, unless it is too long.
pub(crate) struct Expectation {
    limits: Limits,
}

impl Expectation {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

impl Service<Request> for Expectation {
    type Response = Request;
    type Error = Response<BoxBody>;
    type Future = Ready<Result<Request, Self::Error>>;

    always_ready!();

    fn call(&self, request: Request) -> Self::Future {
        ready(
            if request_body::announces_too_much(request.head(), self.limits) {
                let refusal = Refusal::UnreadBody(Unread::TooLarge).into_response();
                Err(refusal.map_into_boxed_body())
            } else {
                Ok(request)
            },
        )
    }
}
