//! Where every connection hands in its requests, and what becomes of one until it is answered. Knows nothing of sockets,
//! paths or flags.

use std::convert::Infallible;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_http::{ConnectionType, Method, Payload, Request};
use actix_rt::signal::unix::Signal;
use actix_web::dev::{Service, always_ready};
use actix_web::web::Bytes;
use snapshot::Reader;

use crate::connections::Connections;
use crate::connections::activity::Activity;
use crate::connections::stream::Outlet;
use crate::endpoints::Responder;
use crate::environments::Current;
use crate::http::request_body::{self, Reading, Unread};
use crate::http::response::{self, Response};
use crate::serve::{Error, doorbell};
use contract::{Limits, WorkerSettings};

/// Where every connection hands in its requests. There is no router and no middleware between it and HTTP.
#[derive(Clone)]
pub(crate) struct Door(Rc<Inside>);

/// What all of them share.
pub(crate) struct Inside {
    responder: Rc<Responder>,
    connections: Rc<Connections>,
    limits: Limits,
}

impl Door {
    pub(crate) fn open(
        reader: Arc<Reader>,
        settings: &WorkerSettings,
        connections: &Rc<Connections>,
    ) -> Result<Self, Error> {
        let doorbell = doorbell().map_err(Error::Runtime)?;
        let current = Current::open(reader).map_err(Error::Map)?;
        let responder = Rc::new(Responder::new(current, settings));
        actix_rt::spawn(answer_doorbell(doorbell, Rc::downgrade(&responder)));
        Ok(Self(Rc::new(Inside {
            responder,
            connections: Rc::clone(connections),
            limits: settings.limits,
        })))
    }

    fn respond(&self, request: &Request, body: Result<Bytes, Unread>) -> Response {
        let mut response = self.responder.respond(request.head(), body);
        if self.connections.is_draining() {
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
        if request.method() == Method::HEAD {
            return response::keep_back(response);
        }
        if response.body().is_large()
            && let Some(outlet) = request.conn_data::<Rc<Outlet>>()
        {
            return response::send_through(response, Rc::clone(outlet));
        }
        response
    }
}

impl Deref for Door {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.0
    }
}

/// The supervisor rings after it publishes, so that a worker without requests lets go of retired maps too.
async fn answer_doorbell(mut doorbell: Signal, responder: Weak<Responder>) {
    while doorbell.recv().await.is_some() {
        let Some(responder) = responder.upgrade() else {
            return;
        };
        responder.follow();
    }
}

impl Service<Request> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    always_ready!();

    fn call(&self, mut request: Request) -> Answering {
        let payload = request.take_payload();
        let head = request.head();
        let reads = match payload {
            Payload::None => false,
            // A body there means nothing, and what claims to switch protocols has one without an end.
            _ => !matches!(head.method, Method::GET | Method::HEAD | Method::CONNECT),
        };
        if !reads {
            return Answering::Done(Some(self.respond(&request, Ok(Bytes::new()))));
        }
        // Read even for an answer that does not need it, or the connection could not be used again.
        Answering::Reading {
            reading: Reading::new(payload, self.limits),
            request,
            door: self.clone(),
        }
    }
}

/// A request on its way to its answer: at once, or when its body has been read.
pub(crate) enum Answering {
    Done(Option<Response>),
    Reading {
        reading: Reading,
        request: Request,
        door: Door,
    },
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Done(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            Self::Reading {
                reading,
                request,
                door,
            } => {
                let body = match reading.poll(context) {
                    // As nearly always: bodies come with their heads.
                    Poll::Ready(body) if !reading.waits() => body,
                    Poll::Ready(body) => {
                        if let Some(activity) = request.conn_data::<Rc<Activity>>() {
                            activity.has_read();
                        }
                        body
                    }
                    Poll::Pending if reading.begins_to_wait() => {
                        if request_body::announces_too_much(request.head(), door.limits) {
                            Err(Unread::TooLarge)
                        } else {
                            if let Some(activity) = request.conn_data::<Rc<Activity>>() {
                                activity.reading();
                            }
                            return Poll::Pending;
                        }
                    }
                    Poll::Pending => return Poll::Pending,
                };
                Poll::Ready(Ok(door.respond(request, body)))
            }
        }
    }
}
