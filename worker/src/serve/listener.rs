//! One listener of a worker: the sockets of its slot and of the neighbour's, and who accepts from them.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::TcpListener as Socket;
use std::rc::Rc;
use std::time::Duration;

use actix_rt::net::TcpListener;
use actix_rt::time::sleep;

use super::accept::Acceptor;
use super::neighbour::Neighbour;
use crate::connections::Connections;
use crate::error::Error;
use crate::process::doorbell;
use crate::process::slot::Slot;

pub(super) struct Listener {
    acceptor: Acceptor,
    own: Vec<TcpListener>,
    neighbour: Option<Neighbour>,
}

impl Listener {
    /// The `neighbour` is `None` if there is only one slot.
    pub(super) fn new(
        acceptor: Acceptor,
        own: Vec<Socket>,
        neighbour: Option<Vec<Socket>>,
        slot: &Rc<Slot>,
    ) -> Result<Self, Error> {
        let own = own.into_iter().map(asynchronous).collect::<io::Result<_>>();
        let neighbour = neighbour
            .filter(|sockets| !sockets.is_empty())
            .map(|sockets| Neighbour::new(Rc::clone(slot), sockets, doorbell::listen()?));
        Ok(Self {
            acceptor,
            own: own.map_err(Error::Serve)?,
            neighbour: neighbour.transpose().map_err(Error::Runtime)?,
        })
    }

    pub(super) fn connections(&self) -> Rc<Connections> {
        Rc::clone(self.acceptor.connections())
    }

    /// Accepts for ever.
    pub(super) async fn accept(&mut self) -> Infallible {
        tokio::select! {
            biased;
            never = self.acceptor.accept(&self.own) => never,
            never = self.acceptor.accept_for_neighbour(self.neighbour.as_mut()) => never,
        }
    }

    /// Accepts for this long, then all that is in the sockets' queues, and closes them. The neighbour's sockets too: if
    /// the neighbour has died, it has no successor that would accept.
    pub(super) async fn close(self, accept_for: Duration) {
        let neighbours = self.neighbour.and_then(|it| it.listen().ok());
        tokio::select! {
            biased;
            () = sleep(accept_for) => {}
            never = self.acceptor.accept(&self.own) => match never {},
            never = accept_if_any(&self.acceptor, neighbours.as_deref()) => match never {},
        }
        for socket in self.own.into_iter().chain(neighbours.into_iter().flatten()) {
            self.acceptor.empty_and_close(socket);
        }
    }
}

async fn accept_if_any(acceptor: &Acceptor, sockets: Option<&[TcpListener]>) -> Infallible {
    match sockets {
        Some(sockets) => acceptor.accept(sockets).await,
        None => pending().await,
    }
}

fn asynchronous(socket: Socket) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}
