//! Upstream's realtime: a stream of events for each environment, which tell that its document has changed.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Limited};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, StatusCode};
use sse_stream::{Sse, SseStream};
use thiserror::Error;

use super::api_url::ApiUrl;
use super::upstream::{self, UpstreamSettings, client_builder, innermost};

/// The id of the event that was heard last.
const LAST_EVENT_ID: &str = "last-event-id";

/// A stream without a byte for so long is opened again.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// How often the kernel asks whether upstream is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A stream of so many bytes is opened again. It bounds what one event can take.
const MAX_BYTES: usize = 1 << 20;

/// How documents are followed beside polling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RealtimeSettings {
    /// Where the streams are, in place of the API, and how it is reached.
    pub upstream: UpstreamSettings,
    /// The time from one fetch to the next of an environment whose stream is connected.
    pub poll_frequency: Duration,
    /// A fetch that an event asks for waits for a random part of this.
    pub fetch_spread: Duration,
}

/// Where streams are opened.
pub(crate) struct Realtime {
    client: Client,
    url: ApiUrl,
    pub(crate) poll_frequency: Duration,
    pub(crate) fetch_spread: Duration,
}

/// Why there is no stream.
#[derive(Debug, Error)]
pub(crate) enum RealtimeError {
    #[error("upstream answered with status {0}")]
    Status(StatusCode),
    #[error("upstream answered with something else than events")]
    NotEvents,
    #[error("{0}")]
    Unreachable(String),
    #[error("upstream ends each stream at once")]
    TooShort,
}

/// The events of one stream.
pub(crate) struct Events(SseStream<Bounded>);

type Bounded = MapErr<Limited<reqwest::Body>, fn(Box<dyn StdError + Send + Sync>) -> io::Error>;

impl Realtime {
    pub(crate) fn new(settings: &RealtimeSettings) -> Result<Self, upstream::Error> {
        let builder = client_builder(&settings.upstream, None)?;
        let client = builder()
            .read_timeout(LONGEST_SILENCE)
            .tcp_keepalive(KEEP_ALIVE);
        Ok(Self {
            client: client.build().map_err(upstream::Error::Client)?,
            url: settings.upstream.api_url.clone(),
            poll_frequency: settings.poll_frequency,
            fetch_spread: settings.fetch_spread,
        })
    }

    /// Opens the stream of an environment. Where upstream knows the event that was heard last, it tells at once what
    /// came after it.
    pub(crate) async fn open(
        &self,
        client_side_key: &str,
        last_event_id: Option<&str>,
    ) -> Result<Events, RealtimeError> {
        let path = format!("sse/environments/{client_side_key}/stream");
        let request = self.client.get(self.url.below(&path));
        let mut request = request.header(ACCEPT, "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header(LAST_EVENT_ID, id);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|error| RealtimeError::Unreachable(innermost(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(RealtimeError::Status(answer.status()));
        }
        let content_type = answer.headers().get(CONTENT_TYPE);
        if !content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream")) {
            return Err(RealtimeError::NotEvents);
        }
        let body = Limited::new(reqwest::Body::from(answer), MAX_BYTES);
        Ok(Events(SseStream::new(body.map_err(io::Error::other))))
    }
}

impl Events {
    /// The next event, or what only gives an id; `None` when the stream has ended, however it did.
    pub(crate) async fn next(&mut self) -> Option<Sse> {
        self.0.next().await?.ok()
    }
}
