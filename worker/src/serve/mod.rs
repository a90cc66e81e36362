//! A worker's life once it has booted: it accepts and answers until TERM, then it drains.

mod accept;
mod expect_continue;
mod listener;
mod neighbour;
mod observe;
mod service;
mod stack;

use std::future::Future;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use actix_rt::signal::unix::{Signal, SignalKind, signal};
use actix_rt::time::timeout;
use contract::{Sockets, Token, WorkerSettings, WorkerState};
use snapshot::Reader;

use crate::access::AccessLog;
use crate::admin::{self, Admin};
use crate::endpoints::Endpoints;
use crate::endpoints::reports::{Reports, report_usage};
use crate::environments::Environments;
use crate::error::Error;
use crate::process::descriptors::Capacity;
use crate::process::doorbell;
use crate::process::slot::Slot;
use crate::process::supervisor::Supervisor;
use crate::streams::Streams;
use accept::Acceptor;
use listener::Listener;
use service::Answers;

/// How long a draining worker still accepts connections. The kernel lets no new ones begin by then, but a client may be
/// a round trip ahead in thinking that it is connected.
const ACCEPT_AFTER_TERM: Duration = Duration::from_millis(100);

/// How long requests to the admin listener may take once the drain is over.
const ADMIN_TIMEOUT: Duration = Duration::from_millis(200);

/// How long a drain may take when the supervisor is gone. A new proxy may be waiting for the port.
const ORPHANED_TIMEOUT: Duration = Duration::from_millis(200);

/// How often to look for changes that streams have to be told of when nobody rings: a snapshot that could not be mapped
/// is tried again.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// What a worker was given to serve with.
pub(crate) struct Given {
    pub(crate) settings: WorkerSettings,
    pub(crate) capacity: Capacity,
    pub(crate) admin_token: Option<Token>,
    pub(crate) sse_authentication_token: Option<Token>,
    pub(crate) sockets: Sockets,
    pub(crate) reports: Reports,
}

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
    given: Given,
) -> Result<(), Error> {
    let runtime = actix_rt::System::new();
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
        // A terminal sends INT to all processes of the proxy. The supervisor sends TERM to workers that should stop, so
        // INT is caught and ignored.
        let _interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let stop = Stop {
            accept_for: ACCEPT_AFTER_TERM,
            shutdown_timeout: given.settings.limits.shutdown_timeout,
            supervisor,
        };
        let stopped = async move {
            terminate.recv().await;
            stop
        };
        serve(reader, slot, given, stopped).await
    })
}

/// Serves until `stopped`, then drains: accepts every connection that was made, finishes its requests, closes it. The
/// admin listener serves until the drain is over, unless another worker has taken the slot.
pub(crate) async fn serve(
    reader: &Arc<Reader>,
    slot: &Rc<Slot>,
    given: Given,
    stopped: impl Future<Output = Stop>,
) -> Result<(), Error> {
    let Given {
        settings,
        capacity,
        admin_token,
        sse_authentication_token,
        sockets,
        reports,
    } = given;
    let (beside_public, beside_admin) = sockets.neighbour.map(|it| (it.public, it.admin)).unzip();
    let doorbell = doorbell::listen().map_err(Error::Runtime)?;
    let environments = Environments::open(Arc::clone(reader)).map_err(Error::Map)?;
    let environments = Rc::new(environments);
    let streams = Rc::new(Streams::new(&environments, settings.streams, slot));
    actix_rt::spawn(follow_doorbell(
        doorbell,
        Rc::downgrade(&environments),
        Rc::downgrade(&streams),
    ));

    let access_log = AccessLog::new(&settings);
    let reports = Rc::new(reports);
    actix_rt::spawn(report_usage(
        Rc::downgrade(&reports),
        Rc::downgrade(&environments),
    ));
    let endpoints = Endpoints::new(
        &environments,
        &settings,
        &reports,
        &streams,
        sse_authentication_token,
    );
    let answers = Answers::Public(endpoints);
    let limits = settings.limits;
    let acceptor = Acceptor::new(answers, limits, Some(slot), access_log.clone()).await?;
    acceptor
        .connections()
        .leave_to(streams.open(), capacity.both);
    let mut public = Listener::new(acceptor, sockets.own.public, beside_public, slot)?;
    let answers = Answers::Admin(Admin::new(&environments, admin_token, settings.metrics));
    // What the admin listener does is not counted: most of it would be scrapes.
    let acceptor = Acceptor::new(answers, admin::LIMITS, None, access_log).await?;
    let mut admin = Listener::new(acceptor, sockets.own.admin, beside_admin, slot)?;
    slot.set_state(WorkerState::Ready);
    slot.start_heartbeats();

    let stop = tokio::select! {
        biased;
        stop = stopped => stop,
        never = public.accept() => match never {},
        never = admin.accept() => match never {},
    };
    slot.set_state(WorkerState::Draining);
    let (connections, admin_connections) = (public.connections(), admin.connections());
    connections.begin_drain();
    admin_connections.begin_drain();
    let drain = async {
        public.close(stop.accept_for).await;
        let left = stop.shutdown_timeout.saturating_sub(stop.accept_for);
        let end_all = async |time| tokio::join!(connections.drain(time), streams.drain(time));
        tokio::select! {
            biased;
            _ = end_all(left) => {}
            () = stop.supervisor.gone() => {
                log::warn!("supervisor {} is gone; stopping", stop.supervisor.0);
                end_all(ORPHANED_TIMEOUT).await;
            }
        }
    };
    let finish = async |admin: Listener, accept_for| {
        admin.close(accept_for).await;
        admin_connections.finish(ADMIN_TIMEOUT).await;
    };
    if slot.is_held() {
        tokio::select! {
            biased;
            () = drain => {}
            never = admin.accept() => match never {},
        }
        finish(admin, Duration::ZERO).await;
    } else {
        // In a roll: the successor answers, perhaps to another token.
        tokio::join!(drain, finish(admin, stop.accept_for));
    }
    reports.usage(&environments);
    Ok(())
}

/// Has the environments follow the board each time the supervisor rings, also in a worker that gets no requests, and
/// the streams follow them.
async fn follow_doorbell(
    mut doorbell: Signal,
    environments: Weak<Environments>,
    streams: Weak<Streams>,
) {
    loop {
        let rung = timeout(FOLLOW_INTERVAL, doorbell.recv()).await;
        let (Some(environments), Some(streams)) = (environments.upgrade(), streams.upgrade())
        else {
            return;
        };
        match rung {
            Ok(Some(())) => environments.follow_board(),
            Ok(None) => return,
            Err(_) if streams.open().get() == 0 => continue,
            Err(_) => {}
        }
        streams.follow();
    }
}
