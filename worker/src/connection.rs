//! One client's connection as HTTP sees it, and the way past HTTP's buffer for bodies that are too large to be copied
//! into it. Knows nothing of requests.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use actix_rt::net::TcpStream;
use actix_web::web::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connections::Registration;

/// How much is written before other connections get their turn: about what takes a fifth of a millisecond.
const PIECE: usize = 1024 * 1024;

/// A socket that tells when bytes last moved, and that sends what is in its outlet after everything written before.
pub(crate) struct Connection {
    stream: TcpStream,
    outlet: Rc<Outlet>,
    registration: Registration,
}

/// Where the body of an answer waits until the socket has taken it, straight from the memory it lies in.
///
/// HTTP copies every body it is given into a buffer of its own. For a flag list that is nothing; for a document it
/// costs as much as the rest of the request, and for each slow client as much memory as it was handed.
#[derive(Default)]
pub(crate) struct Outlet {
    rest: RefCell<Bytes>,
    /// Whoever waits for the last byte.
    waker: Cell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, registration: Registration) -> Self {
        Self {
            stream,
            outlet: Rc::default(),
            registration,
        }
    }

    /// What an answer hands its body to.
    pub(crate) fn outlet(&self) -> Rc<Outlet> {
        Rc::clone(&self.outlet)
    }

    fn poll_outlet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut rest = self.outlet.rest.borrow_mut();
        if !rest.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, piece(&rest)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.registration.moved();
            rest.advance(written);
        }
        if !rest.is_empty() {
            // Others first, then the next piece.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(waker) = self.outlet.waker.take() {
            // Lets go of the map at once, and tells the answer, which cannot see the socket.
            *rest = Bytes::new();
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl Outlet {
    /// Hands over a body. Ready once an earlier one is gone and this one is in the socket.
    pub(crate) fn poll_send(&self, body: &mut Bytes, context: &mut Context<'_>) -> Poll<()> {
        let mut rest = self.rest.borrow_mut();
        if rest.is_empty() {
            if body.is_empty() {
                return Poll::Ready(());
            }
            *rest = std::mem::take(body);
        }
        self.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

fn piece(body: &[u8]) -> &[u8] {
    &body[..body.len().min(PIECE)]
}

impl AsyncRead for Connection {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        if polled.is_ready() {
            this.registration.moved();
        }
        polled
    }
}

impl AsyncWrite for Connection {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut rest = this.outlet.rest.borrow_mut();
        let stream = Pin::new(&mut this.stream);
        let written = if rest.is_empty() {
            ready!(stream.poll_write(context, bytes))?
        } else {
            // Head and body in one system call, or the client is woken for the head alone.
            let both = [IoSlice::new(bytes), IoSlice::new(piece(&rest))];
            ready!(stream.poll_write_vectored(context, &both))?
        };
        this.registration.moved();
        let of_these = written.min(bytes.len());
        rest.advance(written - of_these);
        Poll::Ready(Ok(of_these))
    }

    /// HTTP flushes whenever it has written all it has: the outlet's turn.
    #[inline]
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_outlet(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
