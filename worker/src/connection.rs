//! One client's connection as HTTP sees it, and the way past HTTP's buffer for bodies that are too large to be copied
//! into it. Knows nothing of requests.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use actix_rt::net::TcpStream;
use actix_web::web::{Buf, Bytes};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connections::Registration;

/// How much is written before other connections get their turn: about what takes a fifth of a millisecond.
const PIECE: usize = 1024 * 1024;

/// What is sent while a request's body is waited for.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A socket that tells when bytes last moved, and that sends what is in its outlet after everything written before.
pub(crate) struct Connection {
    stream: TcpStream,
    outlet: Rc<Outlet>,
    registration: Registration,
    turn: Turn,
}

/// Who is to do something next on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The client, which has not asked anything yet: whoever connects is about to.
    First,
    /// This process: something was received that is not answered.
    Ours,
    /// The client, and nothing is lost if it never does.
    Theirs,
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
            turn: Turn::First,
        }
    }

    /// What an answer hands its body to.
    pub(crate) fn outlet(&self) -> Rc<Outlet> {
        Rc::clone(&self.outlet)
    }

    /// Whether to close, instead of waiting for another request: when draining, and no byte of one is here.
    fn ends(&self) -> bool {
        let closing = match self.turn {
            Turn::Ours => false,
            Turn::Theirs => self.registration.is_closing(),
            Turn::First => self.registration.is_closing_all(),
        };
        closing && self.outlet.rest.borrow().is_empty() && nothing_received(&self.stream)
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

/// Asks the kernel: the runtime only knows what it was told.
fn nothing_received(stream: &TcpStream) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(stream.as_raw_fd(), &mut [0], flags) == Err(Errno::EAGAIN)
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
            this.turn = Turn::Ours;
            this.registration.moved();
        } else if this.ends() {
            // As if the client had closed it: that is what HTTP ends an idle connection for.
            return Poll::Ready(Ok(()));
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
        if !bytes.ends_with(CONTINUE) {
            this.turn = Turn::Theirs;
        }
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
