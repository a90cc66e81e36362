//! The process around the answers: signals, the HTTP server, its end. Knows nothing of paths or flags.

use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::io;
use std::net::TcpListener;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::h1::{H1ServiceHandler, UpgradeHandler};
use actix_http::{HttpService, KeepAlive, Method, Payload, Request};
use actix_rt::net::TcpListener as Listener;
use actix_rt::signal::unix::{Signal, SignalKind, signal};
use actix_rt::time::sleep;
use actix_web::dev::{Service, ServiceFactory, always_ready, fn_factory};
use actix_web::web::Bytes;
use nix::sys::prctl;
use nix::sys::signal::Signal as Number;
use nix::unistd::getppid;
use snapshot::{Reader, WorkerState};

use crate::activity::Activity;
use crate::answer::{self, Body, Response};
use crate::connection::{Connection, Outlet};
use crate::connections::Connections;
use crate::current::Current;
use crate::expectation::Expectation;
use crate::request_body::{self, Reading, Unread};
use crate::responder::Responder;
use crate::{Limits, Settings};

/// How long to wait when connections cannot be accepted, for want of descriptors for instance.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How long to say nothing of it after that was said.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// How much of answers HTTP puts together before it writes them. Every connection whose client does not read may hold as
/// much, and another answer.
const WRITTEN_TOGETHER: usize = 8 * 1024;

/// Why a worker could not serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The supervisor's death cannot be followed.
    #[error("ask for a signal when the supervisor dies")]
    Follow(#[source] nix::Error),
    /// The supervisor died before it could be followed.
    #[error("follow supervisor {supervisor}: it is gone")]
    SupervisorGone {
        /// Its process id.
        supervisor: u32,
    },
    /// The state directory cannot be read.
    #[error("open the state directory")]
    Open(#[source] snapshot::Error),
    /// The board has no such slot.
    #[error("take slot {slot}: the board has {slots}")]
    Slot {
        /// The slot this worker was given.
        slot: usize,
        /// How many there are.
        slots: usize,
    },
    /// What the board names cannot be mapped.
    #[error("map the current generation")]
    Map(#[source] snapshot::Error),
    /// The runtime or its signals cannot be set up.
    #[error("set up the runtime")]
    Runtime(#[source] io::Error),
    /// What should be a listening socket cannot be listened on.
    #[error("serve on the socket of this slot")]
    Serve(#[source] io::Error),
}

/// Makes TERM arrive when the supervisor dies, however it dies.
pub(crate) fn follow(supervisor: u32) -> Result<(), Error> {
    prctl::set_pdeathsig(Number::SIGTERM).map_err(Error::Follow)?;
    // It may have died between starting this process and the line above.
    if u32::try_from(getppid().as_raw()) == Ok(supervisor) {
        Ok(())
    } else {
        Err(Error::SupervisorGone { supervisor })
    }
}

/// Serves until TERM and drains.
pub(crate) fn until_stopped(
    reader: &Arc<Reader>,
    slot: usize,
    settings: Settings,
    listener: TcpListener,
) -> Result<(), Error> {
    let runtime = actix_rt::System::new();
    runtime.block_on(async {
        let mut stop = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
        // Taken so that it does not end the process: it goes to every process in the terminal's foreground group,
        // and the supervisor says TERM when it is meant for workers.
        let _interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let draining = Arc::clone(reader);
        let stopped = async move {
            stop.recv().await;
            draining
                .board()
                .set_worker_state(slot, WorkerState::Draining);
        };
        serve(reader, slot, settings, listener, stopped).await
    })
}

/// Serves until `stopped` and drains: closes idle connections, finishes requests in hand.
pub(crate) async fn serve(
    reader: &Arc<Reader>,
    slot: usize,
    settings: Settings,
    listener: TcpListener,
    stopped: impl Future<Output = ()>,
) -> Result<(), Error> {
    listener.set_nonblocking(true).map_err(Error::Serve)?;
    let listener = Listener::from_std(listener).map_err(Error::Serve)?;
    let door = Door::open(Arc::clone(reader), &settings)?;
    let connections = Connections::new(settings.limits);
    let http = http(door, &connections, settings.limits).await?;
    reader.board().set_worker_state(slot, WorkerState::Ready);

    {
        let mut stopped = pin!(stopped);
        let mut accepting = pin!(accept(listener, &connections, &http));
        poll_fn(|context| match stopped.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => accepting.as_mut().poll(context),
        })
        .await;
    }
    connections.drain(settings.drain_timeout).await;
    Ok(())
}

/// Accepts for ever. What keeps it from accepting is told, but not each time, and tried again.
async fn accept(listener: Listener, connections: &Rc<Connections>, http: &Http) {
    let mut told = None;
    loop {
        connections.room().await;
        match listener.accept().await {
            Ok((stream, address)) => {
                // A small answer is whole when it is written: nothing to wait for.
                if let Err(error) = stream.set_nodelay(true) {
                    log::debug!("send without delay to {address}: {error}");
                }
                let registration = connections.enter();
                let number = registration.number();
                let served = http.call((Connection::new(stream, registration), Some(address)));
                connections.serve(number, async move {
                    if let Err(error) = served.await {
                        log::debug!("connection from {address} broke off: {error}");
                    }
                });
            }
            // The client was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if told.is_none_or(|told: Instant| told.elapsed() >= TELL_AGAIN) {
                    told = Some(Instant::now());
                    log::error!("accept a connection: {error}; closing idle ones and trying again");
                }
                // It is descriptors that are wanting, if anything.
                connections.make_room();
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// What speaks HTTP on a connection.
type Http = H1ServiceHandler<Connection, Door, Body, Expectation, UpgradeHandler>;

async fn http(door: Door, connections: &Rc<Connections>, limits: Limits) -> Result<Http, Error> {
    let draining = Rc::clone(connections);
    let factory = HttpService::build()
        // Silence is timed for all connections together; a timer for each request would cost more than its answer.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(limits.head_timeout)
        // How long to listen to a client that was refused while it was still sending, so that it gets to read why.
        .client_disconnect_timeout(limits.body_timeout)
        .h1_write_buffer_size(WRITTEN_TOGETHER)
        .expect(fn_factory(move || {
            ready(Ok::<_, Infallible>(Expectation::new(limits)))
        }))
        .graceful_shutdown_signal(move || draining.draining())
        .on_connect_ext(|connection: &Connection, extensions| {
            extensions.insert(connection.outlet());
            extensions.insert(connection.activity());
        })
        .h1(fn_factory(move || ready(Ok::<_, Infallible>(door.clone()))));
    // Neither the door nor what the library adds can fail.
    factory
        .new_service(())
        .await
        .map_err(|()| Error::Serve(io::ErrorKind::Other.into()))
}

/// Where every connection hands in its requests. There is no router and no middleware between it and HTTP.
#[derive(Clone)]
struct Door {
    responder: Rc<Responder>,
    limits: Limits,
}

impl Door {
    fn open(reader: Arc<Reader>, settings: &Settings) -> Result<Self, Error> {
        let doorbell =
            signal(SignalKind::from_raw(Number::SIGURG as i32)).map_err(Error::Runtime)?;
        let current = Current::open(reader).map_err(Error::Map)?;
        let responder = Rc::new(Responder::new(current, settings));
        actix_rt::spawn(answer_doorbell(doorbell, Rc::downgrade(&responder)));
        Ok(Self {
            responder,
            limits: settings.limits,
        })
    }

    fn respond(&self, request: &Request, body: Result<Bytes, Unread>) -> Response {
        let response = self.responder.respond(request.head(), body);
        if request.method() == Method::HEAD {
            return answer::keep_back(response);
        }
        if response.body().is_large()
            && let Some(outlet) = request.conn_data::<Rc<Outlet>>()
        {
            return answer::send_through(response, Rc::clone(outlet));
        }
        response
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
enum Answering {
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
