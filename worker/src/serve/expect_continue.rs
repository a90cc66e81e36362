//! What is answered to `Expect: 100-continue`, by which a client asks before it sends its body.

use std::future::{Ready, ready};

use actix_http::body::BoxBody;
use actix_http::{Request, Response};
use actix_web::dev::{Service, always_ready};

use super::service::RequestService;

/// Tells the client to send its body, unless that would be too long.
pub(super) struct ExpectContinue(pub(super) RequestService);

impl Service<Request> for ExpectContinue {
    type Response = Request;
    type Error = Response<BoxBody>;
    type Future = Ready<Result<Request, Self::Error>>;

    always_ready!();

    fn call(&self, request: Request) -> Self::Future {
        ready(match self.0.refuse_body(&request) {
            Some(refusal) => Err(refusal.map_into_boxed_body()),
            None => Ok(request),
        })
    }
}
