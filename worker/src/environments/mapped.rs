//! One environment as a worker holds it: its map, and what can be made ready once per map so that a request only
//! copies it. Knows nothing of keys, nor of which generation it belongs to.

use std::sync::Arc;

use actix_http::header::{HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use engine::{ArchivedAnswer, ArchivedEnvironment, Environment, Patterns, Side};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use snapshot::Map;

use crate::http::accept_encoding;
use crate::http::response::Representation;

/// A mapped environment.
pub(crate) struct Held {
    generation: u64,
    map: Arc<Map<Environment>>,
    patterns: Patterns,
    client_flags: Constant,
    server_flags: Constant,
    document: Constant,
    updated_at: Option<HeaderValue>,
}

/// A constant answer in each form it is kept in.
pub(crate) struct Constant {
    plain: Representation,
    gzip: Option<Representation>,
}

impl Held {
    pub(crate) fn new(map: Map<Environment>, generation: u64) -> Self {
        let map = Arc::new(map);
        let updated_at = map.updated_at().and_then(unix_seconds);
        let constant = |answer: fn(&ArchivedEnvironment) -> &ArchivedAnswer| {
            Constant::new(&map, answer(&map), move |map| Some(answer(map)))
        };
        Self {
            generation,
            patterns: Patterns::new(&map),
            client_flags: constant(|environment| environment.flags(Side::Client)),
            server_flags: constant(|environment| environment.flags(Side::Server)),
            document: constant(ArchivedEnvironment::document),
            updated_at: updated_at.and_then(|seconds| HeaderValue::from_str(&seconds).ok()),
            map,
        }
    }

    /// The generation of its file, which no other file has.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// What lies in the map.
    pub(crate) fn environment(&self) -> &ArchivedEnvironment {
        &self.map
    }

    /// What was compiled from it so far.
    pub(crate) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Every flag that a key of that side may see.
    pub(crate) fn flags(&self, side: Side) -> &Constant {
        match side {
            Side::Client => &self.client_flags,
            Side::Server => &self.server_flags,
        }
    }

    /// One flag by its feature. Made for the request: there may be thousands, and most are never asked for alone.
    pub(crate) fn flag(&self, side: Side, feature: &str) -> Option<Constant> {
        let archived = self.map.flag(side, feature)?;
        let feature: Arc<str> = feature.into();
        Some(Constant::new(&self.map, archived, move |map| {
            map.flag(side, &feature)
        }))
    }

    /// The environment document.
    pub(crate) fn document(&self) -> &Constant {
        &self.document
    }

    /// When upstream last changed the document, ready to be sent; `None` if the document does not say.
    pub(crate) fn updated_at(&self) -> Option<&HeaderValue> {
        self.updated_at.as_ref()
    }
}

impl Constant {
    /// Of `archived`, which is what `answer` finds in the map.
    fn new<A>(map: &Arc<Map<Environment>>, archived: &ArchivedAnswer, answer: A) -> Self
    where
        A: Fn(&ArchivedEnvironment) -> Option<&ArchivedAnswer> + Clone + Send + 'static,
    {
        let representation = |gzip, etag| Representation {
            body: Bytes::from_owner(Part {
                map: Arc::clone(map),
                answer: answer.clone(),
                gzip,
            }),
            etag: HeaderValue::from_str(etag).ok(),
            gzip,
        };
        let gzip = archived.gzip().is_some();
        Self {
            plain: representation(false, archived.etag()),
            gzip: gzip.then(|| representation(true, archived.gzip_etag())),
        }
    }

    /// The form that suits a client best.
    pub(crate) fn choose(&self, headers: &HeaderMap) -> &Representation {
        match &self.gzip {
            Some(gzip) if accept_encoding::prefers_gzip(headers) => gzip,
            _ => &self.plain,
        }
    }

    /// Whether there is more than one form.
    pub(crate) fn varies(&self) -> bool {
        self.gzip.is_some()
    }
}

/// The bytes of an answer, where they lie in a map that they keep alive.
struct Part<A> {
    map: Arc<Map<Environment>>,
    answer: A,
    gzip: bool,
}

impl<A: Fn(&ArchivedEnvironment) -> Option<&ArchivedAnswer>> AsRef<[u8]> for Part<A> {
    fn as_ref(&self) -> &[u8] {
        let answer = (self.answer)(&self.map);
        let part = answer.and_then(|answer| match self.gzip {
            true => answer.gzip(),
            false => Some(answer.body()),
        });
        part.unwrap_or_default()
    }
}

/// Seconds since 1970, always with a fraction: clients in several languages expect a float. A time without an offset
/// counts as UTC.
fn unix_seconds(text: &str) -> Option<String> {
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let time = text.parse::<DateTime>().ok()?;
            TimeZone::UTC.to_timestamp(time).ok()?
        }
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds since 1970 fit into the 53 bits of a double until the year 2255"
    )]
    let seconds = timestamp.as_microsecond() as f64 / 1e6;
    Some(format!("{seconds:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_a_document_changed_in_seconds_with_a_fraction() {
        for (text, seconds) in [
            ("2026-01-15T10:30:00.123456Z", Some("1768473000.123456")),
            (
                "2026-01-15T10:30:00.123456+00:00",
                Some("1768473000.123456"),
            ),
            ("2026-01-15T12:30:00+02:00", Some("1768473000.0")),
            ("2026-01-15 10:30:00Z", Some("1768473000.0")),
            ("2026-01-15T10:30:00.5", Some("1768473000.5")),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(unix_seconds(text).as_deref(), seconds, "{text}");
        }
    }
}
