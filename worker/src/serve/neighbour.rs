//! The socket of the neighbouring slot: whose connections this worker takes while that slot has nobody who does, because
//! its worker died, hangs, or waits to be replaced. Knows nothing of what happens to a connection.
//!
//! With `SO_REUSEPORT` the kernel goes on queueing connections there, whoever may take them. The socket is watched only
//! while it is needed, or each of its connections would wake two workers.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use actix_rt::net::TcpListener as Listener;
use actix_rt::signal::unix::Signal;
use actix_rt::time::sleep;
use contract::heartbeat;

use crate::process::slot::Slot;

/// The neighbour, seen from this worker.
pub(crate) struct Neighbour {
    slot: Rc<Slot>,
    socket: TcpListener,
    doorbell: Signal,
}

impl Neighbour {
    /// The supervisor rings when a worker is gone.
    pub(crate) fn new(slot: Rc<Slot>, socket: TcpListener, doorbell: Signal) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            slot,
            socket,
            doorbell,
        })
    }

    /// Ready once the neighbour needs help.
    pub(crate) async fn absence(&mut self) {
        while !self.slot.neighbour_is_absent() {
            self.change().await;
        }
    }

    /// Ready once the neighbour serves again.
    pub(crate) async fn presence(&mut self) {
        while self.slot.neighbour_is_absent() {
            self.change().await;
        }
    }

    /// The socket, to accept from.
    pub(crate) fn listen(&self) -> io::Result<Listener> {
        Listener::from_std(self.socket.try_clone()?)
    }

    /// Ready when it is worth to look at the board again.
    async fn change(&mut self) {
        first(self.doorbell.recv(), sleep(heartbeat::INTERVAL)).await;
    }
}

/// Runs both until one of them is ready.
pub(crate) async fn first<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> Option<A> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = one.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        other.as_mut().poll(context).map(|_| None)
    })
    .await
}
