//! A worker's life once it has booted: it accepts and answers until TERM, then it drains.

mod accept;
mod neighbour;
mod service;
mod stack;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpListener;
use actix_rt::signal::unix::{SignalKind, signal};
use actix_rt::time::sleep;
use contract::{Sockets, WorkerSettings, WorkerState};
use snapshot::Reader;

use crate::connections::Connections;
use crate::endpoints::reports::Reports;
use crate::error::Error;
use crate::process::doorbell;
use crate::process::slot::Slot;
use crate::process::supervisor::Supervisor;
use accept::Acceptor;
use neighbour::Neighbour;
use service::RequestService;

/// How long a draining worker still accepts connections. The kernel lets no new ones begin by then, but a client may be
/// a round trip ahead in thinking that it is connected.
const ACCEPT_AFTER_TERM: Duration = Duration::from_millis(100);

/// How long a drain may take when the supervisor is gone. A new proxy may be waiting for the port.
const ORPHANED_TIMEOUT: Duration = Duration::from_millis(200);

/// How a worker is to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// How long to accept connections after that.
    pub(crate) accept_for: Duration,
    /// How long the whole drain may take.
    pub(crate) shutdown_timeout: Duration,
    /// Without this process there is less time.
    pub(crate) supervisor: Supervisor,
}

/// Serves until TERM, then drains. Blocks.
pub(crate) fn until_terminated(
    reader: &Arc<Reader>,
    slot: &Rc<Slot>,
    supervisor: Supervisor,
    settings: WorkerSettings,
    sockets: Sockets,
    reports: Reports,
) -> Result<(), Error> {
    let runtime = actix_rt::System::new();
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
        // A terminal sends INT to all processes of the proxy. The supervisor sends TERM to workers that should stop, so
        // INT is caught and ignored.
        let _interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let stop = Stop {
            accept_for: ACCEPT_AFTER_TERM,
            shutdown_timeout: settings.limits.shutdown_timeout,
            supervisor,
        };
        let stopped = async move {
            terminate.recv().await;
            stop
        };
        serve(reader, slot, settings, sockets, reports, stopped).await
    })
}

/// Serves until `stopped`, then drains: accepts every connection that was made, finishes its requests, closes it.
pub(crate) async fn serve(
    reader: &Arc<Reader>,
    slot: &Rc<Slot>,
    settings: WorkerSettings,
    sockets: Sockets,
    reports: Reports,
    stopped: impl Future<Output = Stop>,
) -> Result<(), Error> {
    sockets.own.set_nonblocking(true).map_err(Error::Serve)?;
    let own = TcpListener::from_std(sockets.own).map_err(Error::Serve)?;
    let mut neighbour = sockets
        .neighbour
        .map(|socket| Neighbour::new(Rc::clone(slot), socket, doorbell::listen()?))
        .transpose()
        .map_err(Error::Runtime)?;
    let connections = Connections::new(settings.limits);
    let service = RequestService::new(Arc::clone(reader), &settings, &connections, reports)?;
    let acceptor = Acceptor::new(&connections, stack::http(service, settings.limits).await?);
    slot.set_state(WorkerState::Ready);
    slot.start_heartbeats();

    let stop = tokio::select! {
        biased;
        stop = stopped => stop,
        never = acceptor.accept(&own) => match never {},
        never = acceptor.accept_for_neighbour(neighbour.as_mut()) => match never {},
    };
    slot.set_state(WorkerState::Draining);
    connections.begin_drain();
    // The neighbour's socket too: if the neighbour has died, it has no successor that would accept.
    let neighbours = neighbour.and_then(|neighbour| neighbour.listen().ok());
    tokio::select! {
        biased;
        () = sleep(stop.accept_for) => {}
        never = acceptor.accept(&own) => match never {},
        never = accept_if_any(&acceptor, neighbours.as_ref()) => match never {},
    }
    acceptor.empty_and_close(own);
    neighbours
        .into_iter()
        .for_each(|socket| acceptor.empty_and_close(socket));
    let left = stop.shutdown_timeout.saturating_sub(stop.accept_for);
    tokio::select! {
        biased;
        () = connections.drain(left) => {}
        () = stop.supervisor.gone() => {
            log::warn!("supervisor {} is gone; stopping", stop.supervisor.0);
            connections.drain(ORPHANED_TIMEOUT).await;
        }
    }
    Ok(())
}

async fn accept_if_any(acceptor: &Acceptor, socket: Option<&TcpListener>) -> Infallible {
    match socket {
        Some(socket) => acceptor.accept(socket).await,
        None => pending().await,
    }
}
