//! From a request to its answer: the endpoint, what it answers or refuses, and the headers for browsers.

mod document;
mod flags;
mod gzip;
pub(crate) mod health;
mod identities;
pub(crate) mod ofrep;
pub(crate) mod query;
mod queue_change;
pub(crate) mod reports;
mod route;
mod streams;

use std::rc::Rc;

use actix_http::{Method, RequestHead};
use actix_web::web::Bytes;
use contract::{Token, WorkerSettings};

use crate::environments::Environments;
use crate::http::caching::CacheRules;
use crate::http::content_type::refuse_compressed;
use crate::http::cors::Cors;
use crate::http::refusal::Refusal;
use crate::http::request_body::UnreadBody;
use crate::http::response::{self, Response};
use crate::streams::{Protocol, Streams};
use identities::Identities;
use ofrep::{NEWER, Ofrep, Waiting};
use reports::{Reporter, Reports};
use route::{Action, Endpoint};

/// What `/` answers, for whoever looks what is here.
const ROOT: &str = "\
Flagsmith Edge Proxy: give SDKs the URL of this server with /api/v1/ behind it.

/api/v1/flags/             the flags of an environment
/api/v1/identities/        the flags of an identity
/ofrep/v1/evaluate/flags   both, for providers of OpenFeature
/proxy/health/readiness    200 when every environment has been fetched lately
/proxy/health/liveness     200 while the process answers
";

/// All endpoints of this worker, and what they answer from.
pub(crate) struct Endpoints {
    environments: Rc<Environments>,
    cors: Cors,
    base_path: Option<String>,
    identities: Identities,
    ofrep: Ofrep,
    reports: Rc<Reports>,
    streams: Rc<Streams>,
    sse_authentication_token: Option<Token>,
}

impl Endpoints {
    pub(crate) fn new(
        environments: &Rc<Environments>,
        settings: &WorkerSettings,
        reports: &Rc<Reports>,
        streams: &Rc<Streams>,
        sse_authentication_token: Option<Token>,
    ) -> Self {
        Self {
            environments: Rc::clone(environments),
            cors: Cors::new(&settings.allow_origins),
            base_path: settings.paths.base_path.clone(),
            identities: Identities::default(),
            ofrep: Ofrep::new(settings.ofrep),
            reports: Rc::clone(reports),
            streams: Rc::clone(streams),
            sse_authentication_token,
        }
    }

    /// The endpoint as which requests of this path count.
    pub(crate) fn counted(&self, path: &str) -> contract::Endpoint {
        let endpoint = self.endpoint(path);
        endpoint.map_or(contract::Endpoint::Other, Endpoint::counted)
    }

    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        Endpoint::of_path(path, self.base_path.as_deref())
    }

    /// Whether the operator has turned this endpoint on.
    fn is_on(&self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Events => self.reports.accepts_events(),
            Endpoint::QueueChange => self.sse_authentication_token.is_some(),
            _ => true,
        }
    }

    /// What a request waits for before it is answered; `None` if for nothing, as nearly always.
    #[inline]
    pub(crate) fn waits_for(&self, head: &RequestHead) -> Option<Waiting> {
        head.uri.query().filter(|query| query.contains(NEWER))?;
        let is_bulk = self.endpoint(head.uri.path()) == Some(Endpoint::OfrepBulk);
        is_bulk
            .then(|| self.ofrep.waits_for(&self.environments, head))
            .flatten()
    }

    /// Answers any request, and says as which endpoint's it counts.
    pub(crate) fn respond(
        &self,
        head: &RequestHead,
        body: Result<Bytes, UnreadBody>,
    ) -> (contract::Endpoint, Response) {
        let endpoint = self.endpoint(head.uri.path());
        let endpoint = endpoint.filter(|it| self.is_on(*it));
        let counted = endpoint.map_or(contract::Endpoint::Other, Endpoint::counted);
        if let Some(response) = self.cors.preflight(head) {
            return (counted, response);
        }
        let answer = match endpoint {
            Some(endpoint) => self.answer(endpoint, head, body),
            // Of the server as a whole (RFC 9110, 9.3.7).
            None if head.method == Method::OPTIONS && head.uri.path() == "*" => {
                Ok(response::methods(route::ALL_METHODS))
            }
            None => Err(Refusal::NotFound),
        };
        let mut response = answer.unwrap_or_else(Refusal::into_response);
        let rules = endpoint.map_or(CacheRules::Open, Endpoint::cache_rules);
        rules.apply(&mut response);
        self.cors.add_headers(head, &mut response);
        (counted, response)
    }

    fn answer(
        &self,
        endpoint: Endpoint,
        head: &RequestHead,
        body: Result<Bytes, UnreadBody>,
    ) -> Result<Response, Refusal> {
        let action = endpoint
            .action(&head.method)
            .ok_or_else(|| Refusal::MethodNotAllowed(endpoint.methods()))?;
        let environments = &self.environments;
        let body = || {
            refuse_compressed(&head.headers)?;
            body.map_err(Refusal::UnreadBody)
        };
        let reports = &self.reports;
        let reporter = |body| Reporter::open(environments, head, body);
        match (endpoint, action) {
            (_, Action::Options) => Ok(response::methods(endpoint.methods())),
            (Endpoint::Flags, _) => flags::answer(environments, head),
            (Endpoint::Identities, Action::Post) => {
                let body = body()?;
                let answer = self.identities.post(environments, head, &body)?;
                if reports.forwards_traits() {
                    // Flags never wait for the journal. That it is full is logged.
                    let _ = reporter(body).and_then(|reporter| reports.identified(&reporter));
                }
                Ok(answer)
            }
            (Endpoint::Identities, _) => self.identities.get(environments, head),
            (Endpoint::Document, _) => document::answer(environments, head),
            (Endpoint::Counts, _) => reports.counts(&reporter(body()?)?),
            (Endpoint::Evaluations, _) => reports.evaluations(&reporter(body()?)?),
            (Endpoint::Trait, _) => reports.set_trait(&reporter(body()?)?),
            (Endpoint::Traits, _) => reports.set_traits(&reporter(body()?)?),
            (Endpoint::Increment, _) => reports.increment_trait(&reporter(body()?)?),
            (Endpoint::BulkIdentities, _) => reports.identify(&reporter(body()?)?),
            (Endpoint::Events, _) => reports.event(&reporter(body()?)?),
            (Endpoint::OfrepSingle, _) => Ok(self.ofrep.single(environments, head, body())),
            (Endpoint::OfrepBulk, _) => {
                let base_path = self.base_path.as_deref();
                Ok(self.ofrep.bulk(environments, head, body(), base_path))
            }
            (Endpoint::OfrepStream, _) => streams::answer(&self.streams, Protocol::Ofrep, head),
            (Endpoint::Stream, _) => streams::answer(&self.streams, Protocol::Flagsmith, head),
            (Endpoint::QueueChange, _) => {
                let token = self.sse_authentication_token.as_ref();
                queue_change::answer(environments, token, head)
            }
            (Endpoint::StreamHealth, _) => Ok(streams::health()),
            (Endpoint::Health, _) => health::answer(environments),
            (Endpoint::Liveness, _) => Ok(response::empty()),
            (Endpoint::Root, _) => Ok(response::text(ROOT)),
        }
    }
}
