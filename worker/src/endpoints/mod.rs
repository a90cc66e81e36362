//! From a request to its answer: the endpoint, the refusal if there is one, the marks for browsers. Knows nothing of
//! connections.

mod document;
mod flags;
mod gzip;
mod health;
mod identities;
mod route;

use actix_http::RequestHead;
use actix_web::web::Bytes;

use crate::environments::Current;
use crate::http::cors::Cors;
use crate::http::refusal::Refusal;
use crate::http::request_body::Unread;
use crate::http::response::{self, Response};
use contract::WorkerSettings;
use identities::Identities;
use route::{Act, Endpoint};

/// All that answers are made from.
pub(crate) struct Responder {
    current: Current,
    cors: Cors,
    identities: Identities,
}

impl Responder {
    pub(crate) fn new(current: Current, settings: &WorkerSettings) -> Self {
        Self {
            current,
            cors: Cors::new(&settings.allow_origins),
            identities: Identities::default(),
        }
    }

    /// Looks for a newer generation without a request.
    pub(crate) fn follow(&self) {
        self.current.follow_patiently();
    }

    /// Answers a request, whatever it is.
    pub(crate) fn respond(&self, head: &RequestHead, body: Result<Bytes, Unread>) -> Response {
        if let Some(response) = self.cors.preflight(head) {
            return response;
        }
        let mut response = self
            .answer(head, body)
            .unwrap_or_else(Refusal::into_response);
        self.cors.mark(head, &mut response);
        response
    }

    fn answer(&self, head: &RequestHead, body: Result<Bytes, Unread>) -> Result<Response, Refusal> {
        let endpoint = Endpoint::of_path(head.uri.path()).ok_or(Refusal::NotFound)?;
        let act = endpoint
            .act(&head.method)
            .ok_or_else(|| Refusal::MethodNotAllowed(endpoint.methods()))?;
        match (endpoint, act) {
            (Endpoint::Flags, _) => flags::answer(&self.current, head),
            (Endpoint::Identities, Act::Get) => self.identities.get(&self.current, head),
            (Endpoint::Identities, Act::Post) => {
                let body = body.map_err(Refusal::UnreadBody)?;
                self.identities.post(&self.current, head, &body)
            }
            (Endpoint::Document, _) => document::answer(&self.current, head),
            (Endpoint::Health, _) => health::answer(&self.current),
            (Endpoint::Liveness, _) => Ok(response::empty()),
        }
    }
}
