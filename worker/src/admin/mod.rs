//! The admin listener's answers, for who runs the proxy: all that shows more than the key of an SDK may see.

mod access;
mod endpoints;
mod page;
mod status;

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::header::{CACHE_CONTROL, HeaderValue};
use actix_http::{Method, RequestHead};
use actix_web::web::Bytes;
use contract::{Limits, MetricsSettings, Token};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::environments::Environments;
use crate::http::refusal::Refusal;
use crate::http::request_body::UnreadBody;
use crate::http::response::{self, Response};
use endpoints::{Answer, Endpoint, Work};

/// What its clients may use of one worker. They are few, and there is room for them whatever SDKs do.
pub(crate) const LIMITS: Limits = Limits {
    max_connections: 32,
    max_body_bytes: 64 * 1024,
    header_timeout: Duration::from_secs(5),
    body_timeout: Duration::from_secs(5),
    keep_alive: Duration::from_secs(75),
    // The drain of the public listener decides when this one ends.
    shutdown_timeout: Duration::ZERO,
};

/// The methods of what answers GET, for `Allow`.
const METHODS_OF_GET: &str = "GET, HEAD, OPTIONS";

static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// All endpoints of the admin listener, and what they answer from.
pub(crate) struct Admin {
    environments: Rc<Environments>,
    token: Option<Token>,
    metrics: MetricsSettings,
    /// Held by work on another thread, of which there is one at a time: the thread of the worker needs the processor.
    at_work: Arc<Semaphore>,
}

/// An answer, or one that is worked out on another thread.
pub(crate) enum Answered {
    Now(Response),
    Later(Pin<Box<dyn Future<Output = Response>>>),
}

impl Admin {
    /// If there is a token, requests must carry it.
    pub(crate) fn new(
        environments: &Rc<Environments>,
        token: Option<Token>,
        metrics: MetricsSettings,
    ) -> Self {
        Self {
            environments: Rc::clone(environments),
            token,
            metrics,
            at_work: Arc::new(Semaphore::new(1)),
        }
    }

    /// Answers any request. `body` is empty if the request has none.
    pub(crate) fn respond(&self, head: &RequestHead, body: Result<Bytes, UnreadBody>) -> Answered {
        let answer = self.answer(head, body);
        answer.unwrap_or_else(|refusal| Answered::Now(finished(Err(refusal))))
    }

    fn answer(
        &self,
        head: &RequestHead,
        body: Result<Bytes, UnreadBody>,
    ) -> Result<Answered, Refusal> {
        if let Some(file) = page::file(head.uri.path()) {
            return match head.method {
                Method::GET | Method::HEAD => Ok(now(file)),
                Method::OPTIONS => Ok(now(response::methods(METHODS_OF_GET))),
                _ => Err(Refusal::MethodNotAllowed(METHODS_OF_GET)),
            };
        }
        let endpoint = Endpoint::of_path(head.uri.path());
        if !endpoint.is_some_and(|it| it.is_open) {
            access::check(self.token.as_ref(), &head.headers)?;
        }
        let endpoint = endpoint.ok_or(Refusal::NotFound)?;
        match (&head.method, &endpoint.answer) {
            (&Method::GET | &Method::HEAD, Answer::Get(answer)) => answer(self, head).map(now),
            (&Method::POST, Answer::Post(prepare)) => {
                let body = body.map_err(Refusal::UnreadBody)?;
                let work = prepare(self, head, &body)?;
                let answer = later(work, Arc::clone(&self.at_work));
                Ok(Answered::Later(Box::pin(answer)))
            }
            (&Method::OPTIONS, answer) => Ok(now(response::methods(answer.methods()))),
            (_, answer) => Err(Refusal::MethodNotAllowed(answer.methods())),
        }
    }
}

fn now(response: Response) -> Answered {
    Answered::Now(finished(Ok(response)))
}

/// Has another thread work, which is restricted as this one is.
async fn later(work: Work, at_work: Arc<Semaphore>) -> Response {
    let permit = at_work.acquire_owned().await;
    let done = spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    let json = done
        .await
        .unwrap_or_else(|error| Err(Refusal::Unexplained(error.to_string())));
    finished(json.map(response::json))
}

fn finished(answer: Result<Response, Refusal>) -> Response {
    let mut response = answer.unwrap_or_else(Refusal::into_response);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE.clone());
    response
}
