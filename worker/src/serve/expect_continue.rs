//! What is answered to `Expect: 100-continue`, by which a client asks before it sends its body.

use std::future::{Ready, ready};

use actix_http::body::BoxBody;
use actix_http::{Request, Response};
use actix_web::dev::{Service, always_ready};

use super::observe::Observer;
use super::service::RequestService;
use crate::http::refusal::Refusal;
use crate::http::request_body::{UnreadBody, announces_too_much};

/// Tells the client to send its body, unless that would be too long.
pub(super) struct ExpectContinue {
    pub(super) max_body_bytes: usize,
    pub(super) observer: Observer,
    pub(super) service: RequestService,
}

impl Service<Request> for ExpectContinue {
    type Response = Request;
    type Error = Response<BoxBody>;
    type Future = Ready<Result<Request, Self::Error>>;

    always_ready!();

    fn call(&self, request: Request) -> Self::Future {
        ready(if announces_too_much(request.head(), self.max_body_bytes) {
            let mut observed = self.observer.begin(request.head());
            let endpoint = self.service.counted(request.path());
            let refusal = Refusal::UnreadBody(UnreadBody::TooLarge).into_response();
            let refusal = self
                .observer
                .answered(&mut observed, request.head(), endpoint, refusal);
            Err(refusal.map_into_boxed_body())
        } else {
            Ok(request)
        })
    }
}
