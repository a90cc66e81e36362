//! Reading a request's body: whole, within a size and a time. Knows nothing of what is in it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_http::header::CONTENT_LENGTH;
use actix_http::{Payload, RequestHead};
use actix_rt::time::{Sleep, sleep};
use actix_web::web::Bytes;
use futures_core::Stream;

use contract::Limits;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is longer than the operator allows.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It broke off, or its framing is wrong.
    Broken,
}

/// A body being read.
pub(crate) struct Reading {
    payload: Payload,
    received: Received,
    limits: Limits,
    polled: bool,
    waits: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// A body that came in one piece is not copied.
enum Received {
    Nothing,
    Piece(Bytes),
    Pieces(Vec<u8>),
}

impl Reading {
    pub(crate) fn new(payload: Payload, limits: Limits) -> Self {
        Self {
            payload,
            received: Received::Nothing,
            limits,
            polled: false,
            waits: false,
            deadline: None,
        }
    }

    /// Whether it had to wait for more of the body than came with the head.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether it waits for more of the body since it was last polled, and not before.
    pub(crate) fn begins_to_wait(&mut self) -> bool {
        let begins = self.deadline.is_some() && !self.waits;
        self.waits = self.deadline.is_some();
        begins
    }

    /// The whole body; not to be polled again once it is ready.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Unread>> {
        // The connection's task first polls before it has looked for the body behind the head, and again after that, in
        // the same turn. If no waker is left behind the first time, feeding the body does not schedule that task for
        // another, empty turn, which would cost as much as a quarter of the whole request. Nothing is missed: only that
        // task feeds the payload, and its socket wakes it. (The deadline of a request that was sent before the one
        // ahead of it was answered starts when the next of its bytes arrives.)
        if !self.polled && matches!(self.payload, Payload::H1 { .. }) {
            self.polled = true;
            return self.take(&mut Context::from_waker(Waker::noop()));
        }
        match self.take(context) {
            Poll::Ready(body) => Poll::Ready(body),
            Poll::Pending => {
                let deadline = self
                    .deadline
                    .get_or_insert_with(|| Box::pin(sleep(self.limits.body_timeout)));
                deadline
                    .as_mut()
                    .poll(context)
                    .map(|()| Err(Unread::TooSlow))
            }
        }
    }

    fn take(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Unread>> {
        loop {
            match Pin::new(&mut self.payload).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(self.received.whole())),
                Poll::Ready(Some(Err(error))) => {
                    log::debug!("request body broke off: {error}");
                    return Poll::Ready(Err(Unread::Broken));
                }
                Poll::Ready(Some(Ok(piece))) => {
                    if self.received.length() + piece.len() > self.limits.max_body_bytes {
                        return Poll::Ready(Err(Unread::TooLarge));
                    }
                    self.received.push(piece);
                }
            }
        }
    }
}

/// Whether a request says itself that its body is longer than allowed.
pub(crate) fn announces_too_much(head: &RequestHead, limits: Limits) -> bool {
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
    length.is_some_and(|length| length > limits.max_body_bytes as u64)
}

impl Received {
    fn length(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Piece(piece) => piece.len(),
            Self::Pieces(pieces) => pieces.len(),
        }
    }

    fn push(&mut self, piece: Bytes) {
        match self {
            Self::Nothing => *self = Self::Piece(piece),
            Self::Piece(first) => {
                let mut pieces = Vec::with_capacity(2 * (first.len() + piece.len()));
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&piece);
                *self = Self::Pieces(pieces);
            }
            Self::Pieces(pieces) => pieces.extend_from_slice(&piece),
        }
    }

    fn whole(&mut self) -> Bytes {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Bytes::new(),
            Self::Piece(piece) => piece,
            Self::Pieces(pieces) => Bytes::from(pieces),
        }
    }
}
