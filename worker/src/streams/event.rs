//! What clients are told of a document, as server-sent events (WHATWG HTML, 9.2).
//!
//! The id of an event comes from the document alone: its date and a digest of its content. So any worker of any host
//! can tell whether the client of another one has missed something.
//!
//! SDKs are particular about the bytes. Each event is one chunk with one line of data, because some split what they
//! receive at line ends and decode each line. Its date always has a fraction, or Flutter ignores it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::web::Bytes;
use serde_json::json;

use crate::environments::mapped::MappedEnvironment;

/// How long a client waits before it opens the next stream, in milliseconds, if it goes by what a stream says.
const RETRY: &str = "1000";

/// For so long after its edit a document is told to clients that do not say what they know. Most SDKs never say, and an
/// event while they have no stream would be lost. It takes a poll until the edit is here, and some seconds until they
/// are back.
const RECENT: Duration = Duration::from_secs(60);

/// The end of a stream.
pub(super) const END: &[u8] = b"0\r\n\r\n";

/// In whose words clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Those of Flagsmith's SDKs.
    Flagsmith,
    /// Those of OFREP.
    Ofrep,
}

/// A document as clients are told of it.
pub(super) struct Event {
    /// When upstream last changed the document, in seconds since 1970 and as text; `None` if the document does not say.
    updated_at: Option<(f64, String)>,
    id: String,
    change: Bytes,
    /// The same in the words of OFREP.
    refetch: Bytes,
}

impl Event {
    pub(super) fn of(environment: &MappedEnvironment) -> Self {
        let text = environment
            .updated_at()
            .and_then(|value| value.to_str().ok());
        let updated_at = text.and_then(|text| Some((text.parse().ok()?, text.to_owned())));
        let digest = environment.archive().document().etag().trim_matches('"');
        let id = format!("{}-{digest}", text.unwrap_or_default());
        let change = change(
            &id,
            updated_at
                .as_ref()
                .map_or_else(now, |(_, text)| text.clone()),
        );
        let refetch = refetch(&id, digest, environment.archive().updated_at());
        Self {
            updated_at,
            id,
            change,
            refetch,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The same for those who were told of the event with this id before.
    pub(super) fn after(self, id: &str) -> Self {
        Self {
            change: self.change_after(id, Protocol::Flagsmith),
            ..self
        }
    }

    /// The chunk that tells those of the change who were told of the event with this id before. Clients ignore a change
    /// whose date is no later than the one they know, and not every edit moves the date of a document. So such a change
    /// has the date of now.
    pub(super) fn change_after(&self, id: &str, protocol: Protocol) -> Bytes {
        if protocol == Protocol::Ofrep {
            return self.refetch.clone();
        }
        let known = id
            .split_once('-')
            .and_then(|(date, _)| date.parse::<f64>().ok());
        let is_later = match (&self.updated_at, known) {
            (Some((date, _)), Some(known)) => *date > known,
            _ => true,
        };
        if is_later {
            self.change.clone()
        } else {
            change(&self.id, now())
        }
    }

    /// The document was edited so lately that a client may have missed it while it had no stream.
    pub(super) fn is_recent(&self) -> bool {
        self.updated_at.as_ref().is_some_and(|(date, _)| {
            let age = seconds_since_1970() - date;
            age.abs() < RECENT.as_secs_f64()
        })
    }

    /// The chunk that tells of the change.
    pub(super) fn change(&self, protocol: Protocol) -> &Bytes {
        match protocol {
            Protocol::Flagsmith => &self.change,
            Protocol::Ofrep => &self.refetch,
        }
    }

    /// The chunk that begins a stream when there is nothing to tell. It gives the client the id, and is no event
    /// because it has no data.
    pub(super) fn opening(&self) -> Bytes {
        chunk(&format!("retry: {RETRY}\nid: {}\n\n", self.id))
    }
}

/// The chunk that is sent when there was nothing to tell for a while. It is a comment.
pub(super) fn comment() -> Bytes {
    Bytes::from_static(b"f\r\n: nothing new\n\n\r\n")
}

/// What is in a chunk.
pub(super) fn content(chunk: &Bytes) -> Bytes {
    let begin = chunk.iter().position(|&byte| byte == b'\n');
    chunk.slice(begin.map_or(0, |begin| begin + 1)..chunk.len() - 2)
}

fn change(id: &str, updated_at: String) -> Bytes {
    let data = format!("{{\"updated_at\": {updated_at}}}");
    chunk(&format!(
        "retry: {RETRY}\nid: {id}\nevent: environment_updated\ndata: {data}\n\n"
    ))
}

/// Providers send `etag` and `lastModified` back, so that a proxy that is not as far can tell.
fn refetch(id: &str, digest: &str, updated_at: Option<&str>) -> Bytes {
    let mut data = json!({"type": "refetchEvaluation", "etag": digest});
    if let Some(updated_at) = updated_at {
        data["lastModified"] = updated_at.into();
    }
    chunk(&format!(
        "retry: {RETRY}\nid: {id}\nevent: message\ndata: {data}\n\n"
    ))
}

fn chunk(content: &str) -> Bytes {
    format!("{:x}\r\n{content}\r\n", content.len()).into()
}

/// The time in seconds since 1970, with a fraction.
fn now() -> String {
    format!("{:?}", seconds_since_1970())
}

fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
