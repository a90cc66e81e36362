//! The process around the answers: signals, the HTTP server, its end. Knows nothing of paths or flags.

mod accept;
mod neighbour;
mod service;

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::h1::{H1ServiceHandler, UpgradeHandler};
use actix_http::{HttpService, KeepAlive};
use actix_rt::net::TcpListener as Listener;
use actix_rt::signal::unix::{Signal, SignalKind, signal};
use actix_rt::time::sleep;
use actix_web::dev::{ServiceFactory, fn_factory};
use contract::{DOORBELL, Limits, Sockets, WorkerSettings, WorkerState};
use nix::sys::prctl;
use nix::sys::signal::Signal as Number;
use nix::unistd::getppid;
use snapshot::Reader;

use crate::connections::Connections;
use crate::connections::stream::Connection;
use crate::http::expect_continue::Expectation;
use crate::http::response::Body;
use crate::process::slot::Slot;
use accept::Entrance;
use neighbour::{Neighbour, first};
use service::Door;

/// How long connections are still accepted after TERM. The kernel lets no new ones begin by then, but a client may think
/// that it is connected a round trip before this end knows.
const SETTLE: Duration = Duration::from_millis(100);

/// How long a worker without a supervisor may take for what it has in hand: a new proxy may be waiting for the port.
const ORPHANED: Duration = Duration::from_millis(200);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
    if is_parent(supervisor) {
        Ok(())
    } else {
        Err(Error::SupervisorGone { supervisor })
    }
}

fn is_parent(process: u32) -> bool {
    u32::try_from(getppid().as_raw()) == Ok(process)
}

/// How to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// How long connections may still come in.
    pub(crate) settle: Duration,
    /// How long it may take in all.
    pub(crate) patience: Duration,
    /// Who wants it: without this process there is less time.
    pub(crate) supervisor: u32,
}

/// Serves until TERM and drains.
pub(crate) fn until_stopped(
    reader: &Arc<Reader>,
    slot: usize,
    supervisor: u32,
    settings: WorkerSettings,
    sockets: Sockets,
) -> Result<(), Error> {
    let runtime = actix_rt::System::new();
    runtime.block_on(async {
        let mut stop = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
        // Taken so that it does not end the process: it goes to every process in the terminal's foreground group,
        // and the supervisor says TERM when it is meant for workers.
        let _interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let ending = Ending {
            settle: SETTLE,
            patience: settings.limits.shutdown_timeout,
            supervisor,
        };
        let stopped = async move {
            stop.recv().await;
            ending
        };
        serve(reader, slot, settings, sockets, stopped).await
    })
}

/// Serves until `stopped` and drains: takes in every connection that was made, finishes what was asked on it, closes it.
pub(crate) async fn serve(
    reader: &Arc<Reader>,
    slot: usize,
    settings: WorkerSettings,
    sockets: Sockets,
    stopped: impl Future<Output = Ending>,
) -> Result<(), Error> {
    let slot = Rc::new(Slot::claim(Arc::clone(reader), slot));
    sockets.own.set_nonblocking(true).map_err(Error::Serve)?;
    let own = Listener::from_std(sockets.own).map_err(Error::Serve)?;
    let mut neighbour = sockets
        .neighbour
        .map(|socket| Neighbour::new(Rc::clone(&slot), socket, doorbell()?))
        .transpose()
        .map_err(Error::Runtime)?;
    let connections = Connections::new(settings.limits);
    let door = Door::open(Arc::clone(reader), &settings, &connections)?;
    let http = http(door, settings.limits).await?;
    slot.say(WorkerState::Ready);
    slot.keep_beating();

    let entrance = Entrance::new(&connections, http);
    let accepting = first(entrance.accept(&own), entrance.help(neighbour.as_mut()));
    let Some(ending) = first(stopped, accepting).await else {
        return Ok(());
    };
    slot.say(WorkerState::Draining);
    connections.begin_drain();
    // The neighbour's too: it may have died, and no successor will come for its connections.
    let beside = neighbour.and_then(|neighbour| neighbour.listen().ok());
    let accepting = first(entrance.accept(&own), async {
        match &beside {
            Some(beside) => entrance.accept(beside).await,
            None => pending().await,
        }
    });
    first(sleep(ending.settle), accepting).await;
    entrance.close(own);
    beside.into_iter().for_each(|beside| entrance.close(beside));
    let patience = ending.patience.saturating_sub(ending.settle);
    first(connections.drain(patience), async {
        orphaned(ending.supervisor).await;
        log::warn!("supervisor {} is gone; stopping", ending.supervisor);
        connections.drain(ORPHANED).await;
    })
    .await;
    Ok(())
}

/// Ready once the supervisor is gone. To be asked for a while: TERM comes when the thread that started this process ends,
/// and the rest of the supervisor may end a moment later.
async fn orphaned(supervisor: u32) {
    while is_parent(supervisor) {
        sleep(LOOK_AGAIN).await;
    }
}

/// What speaks HTTP on a connection.
pub(crate) type Http = H1ServiceHandler<Connection, Door, Body, Expectation, UpgradeHandler>;

async fn http(door: Door, limits: Limits) -> Result<Http, Error> {
    let factory = HttpService::build()
        // Silence is timed for all connections together; a timer for each request would cost more than its answer.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(limits.header_timeout)
        // How long to listen to a client that was refused while it was still sending, so that it gets to read why.
        .client_disconnect_timeout(limits.body_timeout)
        .h1_write_buffer_size(WRITTEN_TOGETHER)
        .expect(fn_factory(move || {
            ready(Ok::<_, Infallible>(Expectation::new(limits)))
        }))
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

/// Ready with each ring of the supervisor.
pub(crate) fn doorbell() -> io::Result<Signal> {
    signal(SignalKind::from_raw(DOORBELL as i32))
}
