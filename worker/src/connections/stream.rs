//! One client's connection as HTTP sees it: a socket that notes what it does, reads one pipelined request in a turn,
//! and sends what is in its outlet.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_rt::net::TcpStream;
use actix_web::web::{Buf, BytesMut};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::framing::{Framing, Shown, encode_target};
use super::malformed;
use super::outlet::{Outlet, Takeover};
use super::registry::Registration;
use crate::access::AccessLog;

/// How many bytes are sent before other connections get their turn: about a fifth of a millisecond's work.
const SEND_PER_TURN: usize = 1024 * 1024;

/// How many bytes are shown to HTTP in one turn. Without a limit it reads up to 128 KiB ahead, and holds them for as
/// long as the client takes to read its answers.
const RECEIVE_PER_TURN: usize = 8 * 1024;

/// The end of what HTTP sends when it wants a request's body. It belongs to no answer.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    outlet: Rc<Outlet>,
    registration: Registration,
    /// How many bytes were shown to HTTP in this turn.
    received_in_turn: usize,
    framing: Framing,
    /// Received bytes that HTTP is not shown yet. Most are pipelined requests, for the turns to come: HTTP makes some
    /// kilobytes of each request that it is shown, and hundreds of the shortest fit into [`RECEIVE_PER_TURN`].
    unseen: BytesMut,
    /// The unseen bytes are the start of a line, of which HTTP is shown the whole or nothing.
    awaits_line: bool,
    /// Where HTTP's own refusals are logged, and the address of the client.
    access_log: Option<(Rc<AccessLog>, SocketAddr)>,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        registration: Registration,
        access_log: Option<(Rc<AccessLog>, SocketAddr)>,
    ) -> Self {
        Self {
            stream,
            outlet: Rc::default(),
            registration,
            received_in_turn: 0,
            framing: Framing::default(),
            unseen: BytesMut::new(),
            awaits_line: false,
            access_log,
        }
    }

    /// What the connection does. The service notes there that it waits for a request body.
    pub(crate) fn activity(&self) -> Rc<Activity> {
        Rc::clone(self.registration.activity())
    }

    /// Where an answer puts a large body.
    pub(crate) fn outlet(&self) -> Rc<Outlet> {
        Rc::clone(&self.outlet)
    }

    /// The worker drains, and neither a request nor an answer is under way on this connection.
    fn should_close(&self) -> bool {
        self.registration.should_close()
            && self.outlet.rest().is_empty()
            && self.unseen.is_empty()
            && nothing_received(&self.stream)
    }

    /// Receives bytes, and appends to `buffer` those of them that HTTP may see. Returns false at the end of the stream.
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        buffer.put_slice(&self.unseen);
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                buffer.set_filled(before);
                // HTTP ends an idle connection when the client has closed it, so this looks as if it had.
                return if self.should_close() {
                    Poll::Ready(Ok(false))
                } else {
                    Poll::Pending
                };
            }
        }
        let received = buffer.filled().len() - before - self.unseen.len();
        if received == 0 {
            return Poll::Ready(Ok(false));
        }
        self.unseen.clear();
        self.registration.received(received)?;
        let bytes = &mut buffer.filled_mut()[before..];
        let shown = self.framing.follow(bytes);
        let length = shown.length(bytes.len());
        self.unseen = BytesMut::from(&bytes[length..]);
        buffer.set_filled(before + length);
        self.prepare_unseen(shown, true);
        Poll::Ready(Ok(true))
    }

    /// Appends to `buffer` as many of the unseen bytes as HTTP may see in one turn.
    fn show_unseen(&mut self, buffer: &mut ReadBuf<'_>) {
        let room = self.unseen.len().min(buffer.remaining());
        let shown = self.framing.follow(&mut self.unseen[..room]);
        let is_last = room == self.unseen.len();
        buffer.put_slice(&self.unseen.split_to(shown.length(room)));
        self.prepare_unseen(shown, is_last);
    }

    /// Prepares the unseen bytes for their turn.
    fn prepare_unseen(&mut self, shown: Shown, is_last: bool) {
        self.awaits_line = is_last && matches!(shown, Shown::UpToLine(_));
        if matches!(shown, Shown::UpToTarget(_)) {
            self.unseen = encode_target(&self.unseen);
        }
    }

    fn poll_outlet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.received_in_turn = 0;
        let mut rest = self.outlet.rest();
        if !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, for_one_turn(&rest))? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(sent) => {
                    self.registration.sent(sent);
                    rest.advance(sent);
                }
                Poll::Pending => {
                    self.registration.blocked(0)?;
                    return Poll::Pending;
                }
            }
        }
        if !rest.is_empty() {
            self.registration.blocked(0)?;
            // Other connections first, then the rest.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        drop(rest);
        match self.outlet.finish() {
            None => Poll::Ready(Ok(())),
            Some(takeover) => Poll::Ready(Err(self.hand_over(takeover))),
        }
    }

    /// Hands the socket over. Returns the error that ends HTTP, which then closes its own descriptor of it.
    #[cold]
    fn hand_over(&self, takeover: Takeover) -> io::Error {
        match duplicate(&self.stream) {
            Ok(socket) => {
                takeover(socket);
                io::Error::other("its socket was handed over")
            }
            Err(error) => error,
        }
    }
}

fn duplicate(stream: &TcpStream) -> io::Result<TcpStream> {
    let descriptor = stream.as_fd().try_clone_to_owned()?;
    TcpStream::from_std(descriptor.into())
}

/// Asks the kernel: the runtime learns of received bytes later.
fn nothing_received(stream: &TcpStream) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(stream.as_raw_fd(), &mut [0], flags) == Err(Errno::EAGAIN)
}

fn for_one_turn(body: &[u8]) -> &[u8] {
    &body[..body.len().min(SEND_PER_TURN)]
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
            // No further request until the client has taken its answers. Then `poll_flush` wakes this task.
            return Poll::Pending;
        }
        if this.received_in_turn >= RECEIVE_PER_TURN {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        while buffer.filled().len() == before {
            if this.unseen.is_empty() || this.awaits_line {
                if !ready!(this.poll_receive(context, buffer))? {
                    return Poll::Ready(Ok(()));
                }
            } else {
                this.show_unseen(buffer);
            }
        }
        this.received_in_turn += if this.unseen.is_empty() || this.awaits_line {
            buffer.filled().len() - before
        } else {
            // The next request is for the next turn.
            RECEIVE_PER_TURN
        };
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut rest = this.outlet.rest();
        let stream = Pin::new(&mut this.stream);
        if let Some(refusal) = malformed::explained(bytes) {
            if refusal.start == 0 {
                let (status, length) = (refusal.status, refusal.length);
                this.registration.count_malformed(status, length);
                if let Some((access_log, address)) = &this.access_log {
                    access_log.log_malformed(*address, status, length);
                }
                *rest = refusal.answer;
                return Poll::Ready(Ok(bytes.len()));
            }
            bytes = &bytes[..refusal.start];
        }
        let polled = if rest.is_empty() {
            stream.poll_write(context, bytes)?
        } else {
            // Head and body in one system call, or the client would be woken for the head alone.
            let both = [IoSlice::new(bytes), IoSlice::new(for_one_turn(&rest))];
            stream.poll_write_vectored(context, &both)?
        };
        let Poll::Ready(sent) = polled else {
            this.registration.blocked(bytes.len())?;
            return Poll::Pending;
        };
        if bytes.ends_with(CONTINUE) {
            this.registration.sent_continue();
        } else {
            this.registration.sent(sent);
        }
        let of_bytes = sent.min(bytes.len());
        rest.advance(sent - of_bytes);
        Poll::Ready(Ok(of_bytes))
    }

    /// HTTP flushes when it has written all it has: then the outlet is sent.
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
