//! The process around the answers: signals, the HTTP server, its end. Knows nothing of paths or flags.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::{Method, Payload, Request};
use actix_rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::HttpServer;
use actix_web::dev::{Service, always_ready, fn_factory};
use actix_web::web::Bytes;
use nix::sys::prctl;
use nix::sys::signal::Signal as Number;
use nix::unistd::getppid;
use snapshot::{Reader, WorkerState};

use crate::Settings;
use crate::answer::Response;
use crate::current::Current;
use crate::request_body::Reading;
use crate::responder::Responder;

/// How long an idle connection is kept for its next request, as nginx does.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a connection's first request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

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
    stopped: impl Future<Output = ()> + 'static,
) -> Result<(), Error> {
    // The server wants its address without asking whether there is one.
    listener.local_addr().map_err(Error::Serve)?;
    // Done again where it is used; here, so that a failure is told in its own words.
    Current::open(Arc::clone(reader)).map_err(Error::Map)?;
    let drain_timeout = whole_seconds(settings.drain_timeout);
    let reader = Arc::clone(reader);
    let server = HttpServer::new(move || {
        let reader = Arc::clone(&reader);
        let settings = settings.clone();
        fn_factory(move || ready(Door::open(Arc::clone(&reader), slot, &settings)))
    })
    .workers(1)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_TIMEOUT)
    .tcp_nodelay(true)
    .shutdown_timeout(drain_timeout)
    .disable_signals()
    .listen(listener)
    .map_err(Error::Serve)?
    .run();
    let handle = server.handle();
    actix_rt::spawn(async move {
        stopped.await;
        handle.stop(true).await;
    });
    server.await.map_err(Error::Serve)
}

/// Where every connection hands in its requests. There is no router and no middleware between it and HTTP.
struct Door {
    responder: Rc<Responder>,
}

impl Door {
    fn open(reader: Arc<Reader>, slot: usize, settings: &Settings) -> Result<Self, Error> {
        let doorbell =
            signal(SignalKind::from_raw(Number::SIGURG as i32)).map_err(Error::Runtime)?;
        let current = Current::open(Arc::clone(&reader)).map_err(Error::Map)?;
        let responder = Rc::new(Responder::new(current, settings));
        actix_rt::spawn(answer_doorbell(doorbell, Rc::downgrade(&responder)));
        reader.board().set_worker_state(slot, WorkerState::Ready);
        Ok(Self { responder })
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
            return Answering::Done(Some(self.responder.respond(head, Ok(Bytes::new()))));
        }
        // Read even for an answer that does not need it, or the connection could not be used again.
        Answering::Reading {
            reading: Reading::new(payload, self.responder.body_limit()),
            request,
            responder: Rc::clone(&self.responder),
        }
    }
}

/// A request on its way to its answer: at once, or when its body has been read.
enum Answering {
    Done(Option<Response>),
    Reading {
        reading: Reading,
        request: Request,
        responder: Rc<Responder>,
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
                responder,
            } => {
                let body = std::task::ready!(reading.poll(context));
                Poll::Ready(Ok(responder.respond(request.head(), body)))
            }
        }
    }
}

/// The server counts its patience in whole seconds.
fn whole_seconds(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}
