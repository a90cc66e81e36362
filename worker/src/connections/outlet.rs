//! The way past HTTP's buffer for bodies that are too large to be copied into it, and past HTTP for streams.
//!
//! HTTP copies each body into a buffer of its own. For a list of flags that costs nothing; for a document it costs as
//! much as the rest of the request, and as much memory for each slow client.

use std::cell::{Cell, RefCell, RefMut};
use std::task::{Context, Poll, Waker};

use actix_rt::net::TcpStream;
use actix_web::web::Bytes;

/// Where the body of an answer waits until the socket has taken it, straight from the memory it lies in.
#[derive(Default)]
pub(crate) struct Outlet {
    rest: RefCell<Bytes>,
    then: Cell<Option<Then>>,
}

/// What waits until the socket has taken everything.
enum Then {
    /// The answer.
    Wake(Waker),
    /// Who goes on with the socket in HTTP's place.
    HandOver(Takeover),
}

/// Goes on with the socket.
pub(crate) type Takeover = Box<dyn FnOnce(TcpStream)>;

impl Outlet {
    /// Hands over a body. Ready once an earlier body and this one are in the socket.
    pub(crate) fn poll_send(&self, body: &mut Bytes, context: &mut Context<'_>) -> Poll<()> {
        let mut rest = self.rest.borrow_mut();
        if rest.is_empty() {
            if body.is_empty() {
                return Poll::Ready(());
            }
            *rest = std::mem::take(body);
        }
        self.then.set(Some(Then::Wake(context.waker().clone())));
        Poll::Pending
    }

    /// Has the socket handed over when the head of the answer is sent. Then HTTP ends.
    pub(crate) fn hand_over(&self, takeover: Takeover) {
        self.then.set(Some(Then::HandOver(takeover)));
    }

    /// How many bytes the socket has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.rest.borrow().len()
    }

    /// The bytes that the socket has not taken yet.
    #[inline]
    pub(super) fn rest(&self) -> RefMut<'_, Bytes> {
        self.rest.borrow_mut()
    }

    /// Notes that the socket has taken everything. Returns who goes on with it in HTTP's place.
    #[inline]
    pub(super) fn finish(&self) -> Option<Takeover> {
        match self.then.take()? {
            Then::Wake(waker) => {
                // Lets go of the map now, and wakes the answer, which cannot see the socket.
                *self.rest.borrow_mut() = Bytes::new();
                waker.wake();
                None
            }
            Then::HandOver(takeover) => Some(takeover),
        }
    }
}
