//! One stream on its socket: it tells its client of each change until it ends.
//!
//! Nothing is kept for a client that does not read: what it was not told when its socket has room again is the newest
//! event alone, and after [`TAKE_TIMEOUT`] it is cut.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_rt::time::{Instant, timeout};
use actix_web::web::Bytes;

use super::channel::{Channel, Member};
use super::event::{self, Event, Protocol};
use super::places::Place;

/// How long a client may take to read one event.
const TAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// After so much silence a comment is sent, so that nobody on the way takes the connection for a dead one.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// A stream that waits for its socket.
pub(crate) struct Stream {
    channel: Member,
    /// What its client knows, or is told first.
    told: Option<Rc<Event>>,
    first: Option<Bytes>,
    protocol: Protocol,
    until: Instant,
    is_chunked: bool,
    _place: Place,
}

/// What a stream begins with.
pub(super) struct Begin<'a> {
    pub(super) channel: Rc<Channel>,
    /// The id of the event that its client was told of last.
    pub(super) last_event_id: Option<&'a str>,
    pub(super) protocol: Protocol,
    /// When it ends.
    pub(super) until: Instant,
    /// Whether the client reads chunks (HTTP/1.1).
    pub(super) is_chunked: bool,
    pub(super) place: Place,
}

/// What comes next in a stream.
enum Next {
    Change(Rc<Event>),
    Silence,
    End,
}

impl Stream {
    pub(super) fn new(begin: Begin<'_>) -> Self {
        let told = begin.channel.event();
        let first = told.as_ref().map(|event| match begin.last_event_id {
            Some(id) if id == event.id() => event.opening(),
            Some(id) => event.change_after(id, begin.protocol),
            None if event.is_recent() => event.change(begin.protocol).clone(),
            None => event.opening(),
        });
        Self {
            channel: Member::of(begin.channel),
            told,
            first,
            protocol: begin.protocol,
            until: begin.until,
            is_chunked: begin.is_chunked,
            _place: begin.place,
        }
    }

    /// Tells the client of each change, until it is gone or the stream ends. Returns how many bytes were sent.
    pub(crate) async fn run(mut self, socket: TcpStream) -> usize {
        let client = Client {
            socket: &socket,
            is_chunked: self.is_chunked,
            sent: Cell::new(0),
        };
        let outcome = tokio::select! {
            biased;
            told = self.tell(&client) => told,
            gone = client.gone() => gone,
        };
        if let Err(error) = outcome {
            log::debug!("a stream broke: {error}");
        }
        client.sent.get()
    }

    async fn tell(&mut self, client: &Client<'_>) -> io::Result<()> {
        if let Some(first) = self.first.take() {
            client.send(&first).await?;
        }
        loop {
            match self.next().await {
                Next::Change(event) => {
                    client.send(event.change(self.protocol)).await?;
                    self.told = Some(event);
                }
                Next::Silence => client.send(&event::comment()).await?,
                Next::End => return client.end().await,
            }
        }
    }

    async fn next(&self) -> Next {
        let silent_until = Instant::now() + LONGEST_SILENCE;
        loop {
            let Some(event) = self.channel.event() else {
                return Next::End;
            };
            if self
                .told
                .as_ref()
                .is_none_or(|told| !Rc::ptr_eq(told, &event))
            {
                return Next::Change(event);
            }
            let now = Instant::now();
            if now >= self.until {
                return Next::End;
            }
            if now >= silent_until {
                return Next::Silence;
            }
            // If nothing changes until then, the loop says what is due.
            let _ = timeout(self.until.min(silent_until) - now, self.channel.changed()).await;
        }
    }
}

/// The client of a stream.
struct Client<'s> {
    socket: &'s TcpStream,
    is_chunked: bool,
    sent: Cell<usize>,
}

impl Client<'_> {
    async fn send(&self, chunk: &Bytes) -> io::Result<()> {
        if self.is_chunked {
            self.write(chunk).await
        } else {
            self.write(&event::content(chunk)).await
        }
    }

    async fn end(&self) -> io::Result<()> {
        if self.is_chunked {
            self.write(event::END).await?;
        }
        Ok(())
    }

    async fn write(&self, mut rest: &[u8]) -> io::Result<()> {
        let written = async {
            while !rest.is_empty() {
                match self.socket.try_write(rest) {
                    Ok(sent) => {
                        self.sent.update(|before| before + sent);
                        rest = &rest[sent..];
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.socket.writable().await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        timeout(TAKE_TIMEOUT, written)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready once the client has closed the connection. The answer ends the connection, so what the client still sends
    /// means nothing; but unread bytes would reset the connection at its end.
    async fn gone(&self) -> io::Result<()> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read(&mut [0; 512]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
