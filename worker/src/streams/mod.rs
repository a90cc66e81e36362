//! Streams: clients that wait to be told that the document of their environment has changed.
//!
//! | file | what it is |
//! |---|---|
//! | `event` | what clients are told of a document, as bytes that all streams share |
//! | `channel` | the streams of one environment |
//! | `stream` | one stream on its socket |
//! | `places` | how many streams there may be |
//!
//! A stream begins as a request. When HTTP has sent the head of the answer, the stream takes over the socket and HTTP
//! ends with its buffers: what remains is a small task that waits.

mod channel;
mod event;
mod places;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix_rt::time::{Instant, timeout};
use contract::{StreamSettings, counted};
use engine::Side;

use crate::environments::Environments;
use crate::environments::mapped::MappedEnvironment;
use crate::http::refusal::Refusal;
use crate::process::slot::Slot;
use channel::Channel;
pub(crate) use event::Protocol;
use places::Places;
use stream::Begin;
pub(crate) use stream::Stream;

/// How long a stream of OFREP lasts. Its provider for browsers takes the end of a stream for an error and says that its
/// flags are stale, so only a drain ends one while somebody listens.
const OFREP_LASTS: Duration = Duration::from_hours(24);

/// All streams of this worker.
pub(crate) struct Streams {
    environments: Rc<Environments>,
    lasts: Duration,
    places: Rc<Places>,
    /// By client-side key. Those without streams go when the board changes.
    channels: RefCell<HashMap<Box<str>, Rc<Channel>>>,
    is_ending: Cell<bool>,
}

impl Streams {
    /// None yet.
    pub(crate) fn new(
        environments: &Rc<Environments>,
        settings: StreamSettings,
        slot: &Rc<Slot>,
    ) -> Self {
        Self {
            environments: Rc::clone(environments),
            lasts: settings.lasts,
            places: Places::new(settings.max_streams, slot),
            channels: RefCell::default(),
            is_ending: Cell::default(),
        }
    }

    /// Opens a stream for a client that was last told of the event with this id. If that is not the current one, or the
    /// client names none and the document is so new that its edit may have been missed, the client is told at once.
    pub(crate) fn begin(
        &self,
        key: &[u8],
        last_event_id: Option<&str>,
        protocol: Protocol,
        is_chunked: bool,
    ) -> Result<Stream, Refusal> {
        let (environment, side) = self.environments.index().open(key)?;
        let client_side_key = match side {
            Side::Client => std::str::from_utf8(key).ok(),
            // It would be in URLs, and so in logs.
            Side::Server => None,
        };
        let client_side_key = client_side_key.ok_or_else(|| Refusal::unknown_key(key))?;
        let place = Places::take(&self.places).ok_or(Refusal::TooManyStreams)?;
        let lasts = match protocol {
            _ if self.is_ending.get() => Duration::ZERO,
            Protocol::Flagsmith => self.lasts,
            Protocol::Ofrep => OFREP_LASTS,
        };
        let lasts = lasts.mul_f64(0.9 + 0.2 * fastrand::f64());
        Ok(Stream::new(Begin {
            channel: self.channel(client_side_key, &environment),
            last_event_id,
            protocol,
            until: Instant::now() + lasts,
            is_chunked,
            place,
        }))
    }

    fn channel(&self, key: &str, environment: &MappedEnvironment) -> Rc<Channel> {
        let mut channels = self.channels.borrow_mut();
        if let Some(channel) = channels.get(key) {
            channel.follow(environment);
            return Rc::clone(channel);
        }
        let channel = Rc::new(Channel::new(environment));
        channels.insert(key.into(), Rc::clone(&channel));
        channel
    }

    /// Tells the streams of all environments whose document is another one by now, and ends those of environments that
    /// are not served any more. Costs a look at the board for each environment with streams.
    pub(crate) fn follow(&self) {
        let index = self.environments.index();
        self.channels.borrow_mut().retain(|key, channel| {
            if channel.is_unused() {
                return false;
            }
            match index.open(key.as_bytes()) {
                Ok((environment, _)) => channel.follow(&environment),
                Err(Refusal::UnknownKey(_)) => {
                    channel.end();
                    return false;
                }
                // What was being told stays so.
                Err(_) => {}
            }
            true
        });
    }

    /// How many there are.
    pub(crate) fn open(&self) -> &Rc<Cell<usize>> {
        self.places.taken()
    }

    /// Ends all streams, and those that begin later as soon as they have begun. Waits so long for their clients to be
    /// told.
    pub(crate) async fn drain(&self, shutdown_timeout: Duration) {
        self.is_ending.set(true);
        for channel in self.channels.take().into_values() {
            channel.end();
        }
        let ended = timeout(shutdown_timeout, self.places.all_free());
        if ended.await.is_err() {
            log::warn!(
                "drain timeout: {} cut",
                counted(self.places.taken().get(), "stream")
            );
        }
    }
}
