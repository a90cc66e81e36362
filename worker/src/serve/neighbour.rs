//! A listener's sockets of the neighbouring slot, which this worker serves while that slot has no worker that does: it
//! died, hangs, or waits to be replaced.
//!
//! With `SO_REUSEPORT` the kernel goes on queueing connections for a slot without a worker. Its replacement takes the
//! same sockets, so none is lost, but they wait: for a second in a crash loop, because replacements back off, and for
//! ten seconds when a worker hangs, because only then is it killed. With this file the first are accepted at once and
//! the second after two seconds. Killing a silent worker that early instead would kill healthy workers of an overloaded
//! machine.
//!
//! The sockets are watched only while they are needed, or each of their connections would wake two workers.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;

use actix_rt::net::TcpListener as AsyncListener;
use actix_rt::signal::unix::Signal;
use actix_rt::time::sleep;
use contract::heartbeat;

use crate::process::slot::Slot;

/// The neighbour of this worker.
pub(super) struct Neighbour {
    slot: Rc<Slot>,
    sockets: Vec<TcpListener>,
    doorbell: Signal,
}

impl Neighbour {
    /// The supervisor rings `doorbell` when a worker has ended.
    pub(super) fn new(
        slot: Rc<Slot>,
        sockets: Vec<TcpListener>,
        doorbell: Signal,
    ) -> io::Result<Self> {
        for socket in &sockets {
            socket.set_nonblocking(true)?;
        }
        Ok(Self {
            slot,
            sockets,
            doorbell,
        })
    }

    /// Ready once the neighbour does not serve its sockets.
    pub(super) async fn absence(&mut self) {
        while !self.slot.neighbour_is_absent() {
            self.board_may_have_changed().await;
        }
    }

    /// Ready once the neighbour serves its sockets.
    pub(super) async fn presence(&mut self) {
        while self.slot.neighbour_is_absent() {
            self.board_may_have_changed().await;
        }
    }

    /// The sockets, to accept from.
    pub(super) fn listen(&self) -> io::Result<Vec<AsyncListener>> {
        let sockets = self.sockets.iter();
        let copies = sockets.map(|socket| AsyncListener::from_std(socket.try_clone()?));
        copies.collect()
    }

    /// Ready when the supervisor rings, or when a heartbeat may be missing.
    async fn board_may_have_changed(&mut self) {
        tokio::select! {
            biased;
            _ = self.doorbell.recv() => {}
            () = sleep(heartbeat::INTERVAL) => {}
        }
    }
}
