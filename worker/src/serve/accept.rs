//! Where connections come in: accepting them, from this slot's socket and where needed from the neighbour's. Knows
//! nothing of what is asked on them.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_rt::net::{TcpListener, TcpStream};
use actix_rt::time::sleep;
use actix_web::dev::Service;

use super::neighbour::{Neighbour, first};
use crate::connections::Connections;
use crate::connections::stream::Connection;
use crate::serve::Http;

/// How long to wait when connections cannot be accepted, for want of descriptors for instance.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How long to say nothing of it after that was said.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// What becomes of a connection that is accepted.
pub(crate) struct Entrance {
    connections: Rc<Connections>,
    http: Http,
}

impl Entrance {
    pub(crate) fn new(connections: &Rc<Connections>, http: Http) -> Self {
        Self {
            connections: Rc::clone(connections),
            http,
        }
    }

    /// Accepts for ever. What keeps it from accepting is told, but not each time, and tried again.
    pub(crate) async fn accept(&self, listener: &TcpListener) {
        let mut told = None;
        loop {
            self.connections.room().await;
            match listener.accept().await {
                Ok((stream, address)) => self.take_in(stream, address),
                // The client was gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if told.is_none_or(|told: Instant| told.elapsed() >= TELL_AGAIN) {
                        told = Some(Instant::now());
                        log::error!(
                            "accept a connection: {error}; closing idle ones and trying again"
                        );
                    }
                    // It is descriptors that are wanting, if anything.
                    self.connections.make_room();
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    /// Accepts from the neighbour's socket whenever the neighbour does not.
    pub(crate) async fn help(&self, neighbour: Option<&mut Neighbour>) {
        let Some(neighbour) = neighbour else {
            return pending().await;
        };
        loop {
            neighbour.absence().await;
            match neighbour.listen() {
                Ok(listener) => {
                    log::debug!("taking the neighbour's connections");
                    first(neighbour.presence(), self.accept(&listener)).await;
                }
                Err(error) => {
                    log::error!("listen on the neighbour's socket: {error}; trying again");
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    /// Accepts what is in the socket's queue and lets go of the socket. Once everybody has, the kernel resets whatever
    /// is still there.
    pub(crate) fn close(&self, listener: TcpListener) {
        if let Err(error) = self.empty(listener) {
            log::error!("accept the last connections: {error}");
        }
    }

    fn empty(&self, listener: TcpListener) -> io::Result<()> {
        // The runtime tells of connections that it was told of; the socket knows of all.
        let listener = listener.into_std()?;
        loop {
            match listener.accept() {
                Ok((stream, address)) => {
                    stream.set_nonblocking(true)?;
                    self.take_in(TcpStream::from_std(stream)?, address);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Serves a connection from now on.
    fn take_in(&self, stream: TcpStream, address: SocketAddr) {
        // A small answer is whole when it is written: nothing to wait for.
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("send without delay to {address}: {error}");
        }
        let registration = self.connections.enter();
        let number = registration.number();
        let connection = Connection::new(stream, registration);
        let served = self.http.call((connection, Some(address)));
        self.connections.serve(number, async move {
            if let Err(error) = served.await {
                log::debug!("connection from {address} broke off: {error}");
            }
        });
    }
}
