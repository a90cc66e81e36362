//! The service that answers requests. HTTP calls it directly: there is no router and no middleware in between.

use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::{ConnectionType, Method, Payload, Request};
use actix_web::dev::{Service, always_ready};
use actix_web::web::Bytes;
use contract::{Endpoint, Limits};

use super::observe::{Observed, Observer};
use crate::admin::{Admin, Answered};
use crate::connections::Connections;
use crate::connections::activity::Activity;
use crate::connections::outlet::Outlet;
use crate::endpoints::Endpoints;
use crate::endpoints::ofrep::Waiting;
use crate::http::refusal::Refusal;
use crate::http::request_body::{BodyReader, UnreadBody, announces_too_much};
use crate::http::response::{self, Response};

/// What a listener answers. A request of one listener never reaches what the other answers.
#[expect(
    clippy::large_enum_variant,
    reason = "a worker has two of them, and a box would cost each request a load"
)]
pub(super) enum Answers {
    Public(Endpoints),
    Admin(Admin),
}

/// Answers the requests of all connections of a listener, which share it.
#[derive(Clone)]
pub(super) struct RequestService(Rc<Shared>);

struct Shared {
    answers: Answers,
    connections: Rc<Connections>,
    limits: Limits,
    observer: Observer,
}

impl RequestService {
    pub(super) fn new(
        answers: Answers,
        limits: Limits,
        connections: &Rc<Connections>,
        observer: Observer,
    ) -> Self {
        Self(Rc::new(Shared {
            answers,
            connections: Rc::clone(connections),
            limits,
            observer,
        }))
    }

    /// The refusal of a request whose announced body is too long; `None` if its body may be sent.
    pub(super) fn refuse_body(&self, request: &Request) -> Option<Response> {
        let head = request.head();
        if !announces_too_much(head, self.0.limits.max_body_bytes) {
            return None;
        }
        let endpoint = match &self.0.answers {
            Answers::Public(endpoints) => endpoints.counted(request.path()),
            Answers::Admin(_) => Endpoint::Other,
        };
        let observer = &self.0.observer;
        let mut observed = observer.begin(head);
        let refusal = Refusal::UnreadBody(UnreadBody::TooLarge).into_response();
        Some(observer.answered(&mut observed, head, endpoint, refusal))
    }

    /// What the answer waits for; `None` if for nothing.
    #[inline]
    fn waits_for(&self, request: &Request) -> Option<Waiting> {
        match &self.0.answers {
            Answers::Public(endpoints) => endpoints.waits_for(request.head()),
            Answers::Admin(_) => None,
        }
    }

    #[inline]
    fn respond(
        &self,
        request: &Request,
        body: Result<Bytes, UnreadBody>,
        observed: &mut Observed,
    ) -> Answered {
        let head = request.head();
        let (endpoint, response) = match &self.0.answers {
            Answers::Public(endpoints) => endpoints.respond(head, body),
            Answers::Admin(admin) => match admin.respond(head, body) {
                Answered::Now(response) => (Endpoint::Other, response),
                later => return later,
            },
        };
        Answered::Now(self.finish(request, endpoint, response, observed))
    }

    /// The answer, once it is there.
    async fn finish_later(
        self,
        request: Request,
        answered: Answered,
        mut observed: Observed,
    ) -> Response {
        match answered {
            Answered::Now(response) => response,
            Answered::Later(response) => {
                let response = response.await;
                self.finish(&request, Endpoint::Other, response, &mut observed)
            }
        }
    }

    fn finish(
        &self,
        request: &Request,
        endpoint: Endpoint,
        response: Response,
        observed: &mut Observed,
    ) -> Response {
        let observer = &self.0.observer;
        let mut response = observer.answered(observed, request.head(), endpoint, response);
        if self.0.connections.is_draining() {
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
        if request.method() == Method::HEAD {
            return response::without_body(response);
        }
        if response.body().is_for_outlet()
            && let Some(outlet) = request.conn_data::<Rc<Outlet>>()
        {
            return response::through_outlet(response, Rc::clone(outlet));
        }
        response
    }
}

impl Service<Request> for RequestService {
    type Response = Response;
    type Error = Infallible;
    type Future = Responding;

    always_ready!();

    fn call(&self, mut request: Request) -> Responding {
        let mut observed = self.0.observer.begin(request.head());
        let payload = request.take_payload();
        let reads_body = match payload {
            Payload::None => false,
            // The body of such a request means nothing, and that of a CONNECT has no end.
            _ => !matches!(
                *request.method(),
                Method::GET | Method::HEAD | Method::CONNECT
            ),
        };
        if !reads_body {
            return match self.respond(&request, Ok(Bytes::new()), &mut observed) {
                Answered::Now(response) => Responding::Done(Some(response)),
                later => {
                    let answer = self.clone().finish_later(request, later, observed);
                    Responding::Waiting(Box::pin(answer))
                }
            };
        }
        // Read even if the answer does not need it, or the connection could not be used again.
        Responding::Reading {
            body: BodyReader::new(payload, self.0.limits),
            request,
            service: self.clone(),
            observed,
        }
    }
}

/// Why an answer is not there yet.
enum Waits {
    /// Something comes before it.
    Before(Waiting, Result<Bytes, UnreadBody>),
    /// It is being worked out.
    After(Answered),
}

/// A request on its way to its answer.
pub(super) enum Responding {
    /// The answer, until it is taken.
    Done(Option<Response>),
    /// The body is being read.
    Reading {
        body: BodyReader,
        request: Request,
        service: RequestService,
        observed: Observed,
    },
    /// The answer waits for something.
    Waiting(Pin<Box<dyn Future<Output = Response>>>),
}

impl Future for Responding {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match this {
            Self::Done(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            Self::Waiting(answer) => answer.as_mut().poll(context).map(Ok),
            Self::Reading {
                body: reader,
                request,
                service,
                observed,
            } => {
                let body = match reader.poll(context) {
                    // Nearly always: bodies arrive with their heads.
                    Poll::Ready(body) if !reader.has_waited() => body,
                    Poll::Ready(body) => {
                        if let Some(activity) = request.conn_data::<Rc<Activity>>() {
                            activity.body_received();
                        }
                        body
                    }
                    Poll::Pending if reader.begins_to_wait() => {
                        if announces_too_much(request.head(), service.0.limits.max_body_bytes) {
                            Err(UnreadBody::TooLarge)
                        } else {
                            if let Some(activity) = request.conn_data::<Rc<Activity>>() {
                                activity.waits_for_body();
                            }
                            return Poll::Pending;
                        }
                    }
                    Poll::Pending => return Poll::Pending,
                };
                // A client that sends too much may be gone before the rest was looked for.
                let max_body_bytes = service.0.limits.max_body_bytes;
                let body = body.map_err(|unread| match unread {
                    UnreadBody::Broken if announces_too_much(request.head(), max_body_bytes) => {
                        UnreadBody::TooLarge
                    }
                    unread => unread,
                });
                let waits = match service.waits_for(request) {
                    Some(wait) => Waits::Before(wait, body),
                    None => match service.respond(request, body, observed) {
                        Answered::Now(response) => return Poll::Ready(Ok(response)),
                        later => Waits::After(later),
                    },
                };
                if let Self::Reading {
                    request,
                    service,
                    mut observed,
                    ..
                } = mem::replace(this, Self::Done(None))
                {
                    *this = Self::Waiting(Box::pin(async move {
                        let answered = match waits {
                            Waits::Before(wait, body) => {
                                wait.await;
                                service.respond(&request, body, &mut observed)
                            }
                            Waits::After(later) => later,
                        };
                        service.finish_later(request, answered, observed).await
                    }));
                }
                Pin::new(this).poll(context)
            }
        }
    }
}
