//! Reading the body of a request: whole, within a size and a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_http::header::CONTENT_LENGTH;
use actix_http::{Payload, RequestHead};
use actix_rt::time::{Sleep, sleep};
use actix_web::web::Bytes;
use contract::Limits;
use futures_core::Stream;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnreadBody {
    /// It is longer than `max_body_bytes`.
    TooLarge,
    /// It did not arrive within `body_timeout`.
    TooSlow,
    /// The connection broke, or the body's framing is wrong.
    Broken,
}

/// A body while it is read.
pub(crate) struct BodyReader {
    payload: Payload,
    received: Received,
    limits: Limits,
    was_polled: bool,
    has_waited: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// What has arrived. A body that arrives in one piece is not copied.
enum Received {
    Nothing,
    Piece(Bytes),
    Pieces(Vec<u8>),
}

impl BodyReader {
    pub(crate) fn new(payload: Payload, limits: Limits) -> Self {
        Self {
            payload,
            received: Received::Nothing,
            limits,
            was_polled: false,
            has_waited: false,
            deadline: None,
        }
    }

    /// The body did not arrive together with the head.
    pub(crate) fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// True once: after the first poll that had to wait for the client.
    pub(crate) fn begins_to_wait(&mut self) -> bool {
        let begins = self.deadline.is_some() && !self.has_waited;
        self.has_waited = self.deadline.is_some();
        begins
    }

    /// The whole body. Not to be polled again once it is ready.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, UnreadBody>> {
        // The connection's task polls twice in one turn: before it has looked for a body after the head, and then
        // again. The first poll registers no waker: with one, feeding the body would schedule the task for another,
        // empty turn, which costs up to a quarter of the whole request. Nothing is missed, because only that task
        // feeds the payload, and its socket wakes it. A pipelined request's deadline starts with its next byte, not
        // when its turn comes.
        if !self.was_polled && matches!(self.payload, Payload::H1 { .. }) {
            self.was_polled = true;
            return self.poll_payload(&mut Context::from_waker(Waker::noop()));
        }
        match self.poll_payload(context) {
            Poll::Ready(body) => Poll::Ready(body),
            Poll::Pending => {
                let deadline = self
                    .deadline
                    .get_or_insert_with(|| Box::pin(sleep(self.limits.body_timeout)));
                deadline
                    .as_mut()
                    .poll(context)
                    .map(|()| Err(UnreadBody::TooSlow))
            }
        }
    }

    fn poll_payload(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, UnreadBody>> {
        loop {
            match Pin::new(&mut self.payload).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(self.received.take())),
                Poll::Ready(Some(Err(error))) => {
                    log::debug!("cannot read a request body: {error}");
                    return Poll::Ready(Err(UnreadBody::Broken));
                }
                Poll::Ready(Some(Ok(piece))) => {
                    if self.received.length() + piece.len() > self.limits.max_body_bytes {
                        return Poll::Ready(Err(UnreadBody::TooLarge));
                    }
                    self.received.push(piece);
                }
            }
        }
    }
}

/// The request's `Content-Length` is more than `max_body_bytes`.
pub(crate) fn announces_too_much(head: &RequestHead, max_body_bytes: usize) -> bool {
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
    length.is_some_and(|length| length > max_body_bytes as u64)
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

    fn take(&mut self) -> Bytes {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Bytes::new(),
            Self::Piece(piece) => piece,
            Self::Pieces(pieces) => Bytes::from(pieces),
        }
    }
}
