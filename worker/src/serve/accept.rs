//! Accepting connections, from this slot's socket and where needed from the neighbour's.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_rt::net::{TcpListener, TcpStream};
use actix_rt::time::sleep;
use actix_web::dev::Service;

use super::neighbour::Neighbour;
use super::stack::Http;
use crate::connections::Connections;
use crate::connections::stream::Connection;
use crate::throttle::Throttle;

/// How long to wait when a connection could not be accepted, for example because descriptors are short.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts connections and has them served.
pub(super) struct Acceptor {
    connections: Rc<Connections>,
    http: Http,
    log: Throttle,
}

impl Acceptor {
    pub(super) fn new(connections: &Rc<Connections>, http: Http) -> Self {
        Self {
            connections: Rc::clone(connections),
            http,
            log: Throttle::default(),
        }
    }

    /// Accepts from a socket for ever.
    pub(super) async fn accept(&self, listener: &TcpListener) -> Infallible {
        loop {
            self.connections.room().await;
            match listener.accept().await {
                Ok((stream, address)) => self.serve(stream, address),
                // The client has gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if self.log.is_due() {
                        log::error!(
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

    /// Accepts from the neighbour's socket whenever the neighbour does not.
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
                Ok(listener) => {
                    log::debug!("accepting the neighbour's connections");
                    tokio::select! {
                        biased;
                        () = neighbour.presence() => {}
                        never = self.accept(&listener) => match never {},
                    }
                }
                Err(error) => {
                    if self.log.is_due() {
                        log::error!("cannot listen on the neighbour's socket: {error}; retrying");
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
            log::error!("cannot accept the last connections: {error}");
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

    fn serve(&self, stream: TcpStream, address: SocketAddr) {
        // A short answer is written whole, so there is nothing that the kernel should wait for.
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("cannot set TCP_NODELAY for {address}: {error}");
        }
        let registration = self.connections.register();
        let number = registration.number();
        let connection = Connection::new(stream, registration);
        let served = self.http.call((connection, Some(address)));
        self.connections.spawn(number, async move {
            if let Err(error) = served.await {
                log::debug!("connection from {address} broke: {error}");
            }
        });
    }
}
