//! Accepting connections, from this slot's sockets and where needed from the neighbour's.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_rt::net::{TcpListener, TcpStream};
use actix_rt::time::sleep;
use actix_web::dev::Service;
use contract::Limits;

use super::neighbour::Neighbour;
use super::observe::Observer;
use super::service::{Answers, RequestService};
use super::stack::{self, Http};
use crate::access::AccessLog;
use crate::connections::Connections;
use crate::connections::stream::Connection;
use crate::error::Error;
use crate::process::slot::Slot;
use crate::throttle::Throttle;

/// How long to wait when a connection could not be accepted, for example because descriptors are short.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts the connections of one listener and has them served.
pub(super) struct Acceptor {
    connections: Rc<Connections>,
    http: Http,
    access_log: Option<Rc<AccessLog>>,
    log: Throttle,
    /// Which of several sockets is asked first.
    turn: Cell<usize>,
}

impl Acceptor {
    /// Connections and requests are counted in the slot, if there is one.
    pub(super) async fn new(
        answers: Answers,
        limits: Limits,
        slot: Option<&Rc<Slot>>,
        access_log: Option<Rc<AccessLog>>,
    ) -> Result<Self, Error> {
        let connections = Connections::new(limits, slot.cloned());
        let observer = Observer::new(slot.cloned(), access_log.clone());
        let service = RequestService::new(answers, limits, &connections, observer);
        Ok(Self {
            connections,
            http: stack::http(service, limits).await?,
            access_log,
            log: Throttle::default(),
            turn: Cell::default(),
        })
    }

    /// The connections that it has accepted.
    pub(super) fn connections(&self) -> &Rc<Connections> {
        &self.connections
    }

    /// Accepts from these sockets for ever.
    pub(super) async fn accept(&self, listeners: &[TcpListener]) -> Infallible {
        loop {
            self.connections.room().await;
            match poll_fn(|context| self.poll_accept(listeners, context)).await {
                Ok((stream, address)) => self.serve(stream, address),
                // The client has gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if self.log.is_due() {
                        log::error!(
                            error:%;
                            "cannot accept a connection: {error}; closing idle ones and retrying"
                        );
                    }
                    self.connections.count_not_accepted();
                    // Most likely descriptors are short, and each connection takes one.
                    self.connections.make_room();
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// Accepts from any of these sockets. They are asked first in turn, so that none can keep the others waiting.
    fn poll_accept(
        &self,
        listeners: &[TcpListener],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let first = self.turn.get() % listeners.len().max(1);
        self.turn.set(first + 1);
        let (before, from_first) = listeners.split_at(first);
        for listener in from_first.iter().chain(before) {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }

    /// Accepts from the neighbour's sockets whenever the neighbour does not.
    pub(super) async fn accept_for_neighbour(
        &self,
        neighbour: Option<&mut Neighbour>,
    ) -> Infallible {
        let Some(neighbour) = neighbour else {
            return pending().await;
        };
        loop {
            neighbour.absence().await;
            match neighbour.listen() {
                Ok(listeners) => {
                    log::debug!("accepting the neighbour's connections");
                    tokio::select! {
                        biased;
                        () = neighbour.presence() => {}
                        never = self.accept(&listeners) => match never {},
                    }
                }
                Err(error) => {
                    if self.log.is_due() {
                        log::error!(error:%; "cannot listen on the neighbour's sockets: {error}; retrying");
                    }
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// Accepts all connections in the socket's queue and closes the socket. Once the last process has closed it, the
    /// kernel resets the connections that are still in its queue.
    pub(super) fn empty_and_close(&self, listener: TcpListener) {
        if let Err(error) = self.empty(listener) {
            log::error!(error:%; "cannot accept the last connections: {error}");
        }
    }

    fn empty(&self, listener: TcpListener) -> io::Result<()> {
        // The runtime learns of new connections later than the socket.
        let listener = listener.into_std()?;
        loop {
            match listener.accept() {
                Ok((stream, address)) => {
                    stream.set_nonblocking(true)?;
                    self.serve(TcpStream::from_std(stream)?, address);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn serve(&self, stream: TcpStream, mut address: SocketAddr) {
        // A socket of both families shows clients of IPv4 as `::ffff:192.0.2.1`.
        address.set_ip(address.ip().to_canonical());
        // A short answer is written whole, so there is nothing that the kernel should wait for.
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("cannot set TCP_NODELAY for {address}: {error}");
        }
        let registration = self.connections.register();
        let number = registration.number();
        let access_log = self.access_log.clone().map(|log| (log, address));
        let connection = Connection::new(stream, registration, access_log);
        let served = self.http.call((connection, Some(address)));
        self.connections.spawn(number, async move {
            if let Err(error) = served.await {
                log::debug!("connection from {address} ended: {error}");
            }
        });
    }
}
