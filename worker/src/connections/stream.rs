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
use crate::connections::activity::Activity;
use crate::connections::pipelining;

/// How much is written before other connections get their turn: about what takes a fifth of a millisecond.
const PIECE: usize = 1024 * 1024;

/// How much is read before HTTP has to look at it. It reads up to 128 KiB ahead otherwise, and holds it for as long as a
/// client takes over the answers.
const MOUTHFUL: usize = 8 * 1024;

/// What is sent while a request's body is waited for. It is no answer.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A socket that tells what it is doing, and that sends what is in its outlet after everything written before.
pub(crate) struct Connection {
    stream: TcpStream,
    outlet: Rc<Outlet>,
    registration: Registration,
    /// Bytes handed on in this turn.
    read: usize,
    /// What came behind a request, for the turns to come: HTTP makes some kilobytes of each request that it is shown, and
    /// of the shortest there are hundreds in a mouthful.
    behind: Bytes,
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
            read: 0,
            behind: Bytes::new(),
        }
    }

    /// What tells of it while its requests are answered.
    pub(crate) fn activity(&self) -> Rc<Activity> {
        Rc::clone(self.registration.activity())
    }

    /// What an answer hands its body to.
    pub(crate) fn outlet(&self) -> Rc<Outlet> {
        Rc::clone(&self.outlet)
    }

    /// Whether to close, instead of waiting for another request: when draining, and no byte of one is here.
    fn ends(&self) -> bool {
        self.registration.is_closing()
            && self.outlet.rest.borrow().is_empty()
            && self.behind.is_empty()
            && nothing_received(&self.stream)
    }

    fn poll_outlet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read = 0;
        let mut rest = self.outlet.rest.borrow_mut();
        if !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, piece(&rest))? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => {
                    self.registration.wrote(written);
                    rest.advance(written);
                }
                Poll::Pending => {
                    self.registration.blocked(0)?;
                    return Poll::Pending;
                }
            }
        }
        if !rest.is_empty() {
            self.registration.blocked(0)?;
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
        if this.registration.activity().is_sending() {
            // No more requests before the answers are taken; `poll_flush` sees to it that this is asked again.
            return Poll::Pending;
        }
        if this.read >= MOUTHFUL {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if this.behind.is_empty() {
            match Pin::new(&mut this.stream).poll_read(context, buffer)? {
                Poll::Ready(()) => {}
                // As if the client had closed it: that is what HTTP ends an idle connection for.
                Poll::Pending if this.ends() => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
            let came = &buffer.filled()[before..];
            this.registration.read(came.len())?;
            let length = pipelining::first(came);
            if length < came.len() {
                this.behind = Bytes::copy_from_slice(&came[length..]);
                buffer.set_filled(before + length);
            }
        } else {
            let length = pipelining::first(&this.behind).min(buffer.remaining());
            buffer.put_slice(&this.behind.split_to(length));
        }
        this.read += if this.behind.is_empty() {
            buffer.filled().len() - before
        } else {
            // The next one is for the next turn.
            MOUTHFUL
        };
        Poll::Ready(Ok(()))
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
        let polled = if rest.is_empty() {
            stream.poll_write(context, bytes)?
        } else {
            // Head and body in one system call, or the client is woken for the head alone.
            let both = [IoSlice::new(bytes), IoSlice::new(piece(&rest))];
            stream.poll_write_vectored(context, &both)?
        };
        let Poll::Ready(written) = polled else {
            this.registration.blocked(bytes.len())?;
            return Poll::Pending;
        };
        if bytes.ends_with(CONTINUE) {
            this.registration.moved();
        } else {
            this.registration.wrote(written);
        }
        let of_these = written.min(bytes.len());
        rest.advance(written - of_these);
        Poll::Ready(Ok(of_these))
    }

    /// HTTP flushes whenever it has written all it has: the outlet's turn.
    #[inline]
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outlet(context))?;
        if this.registration.flushed() {
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
