//! One mapped environment, with everything that is made once for each map so that a request only copies it.

use std::rc::Rc;
use std::sync::Arc;

use actix_http::header::HeaderValue;
use actix_web::web::Bytes;
use engine::{ArchivedConstantAnswer, ArchivedEnvironment, Environment, Patterns, Side};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use snapshot::Map;

use super::usage::{Resource, UsageCounters};
use crate::http::constant::{Constant, Date, Representation};

/// A mapped environment.
pub(crate) struct MappedEnvironment {
    generation: u64,
    usage: Rc<UsageCounters>,
    map: Arc<Map<Environment>>,
    patterns: Patterns,
    client_flags: Constant,
    server_flags: Constant,
    document: Constant,
    updated_at: Option<HeaderValue>,
}

impl MappedEnvironment {
    pub(super) fn new(map: Map<Environment>, generation: u64, usage: Rc<UsageCounters>) -> Self {
        let map = Arc::new(map);
        let updated_at = map.updated_at().and_then(timestamp);
        let constant = |answer: fn(&ArchivedEnvironment) -> &ArchivedConstantAnswer| {
            mapped_constant(&map, answer(&map), move |map| Some(answer(map)))
        };
        Self {
            generation,
            usage,
            patterns: Patterns::new(&map),
            client_flags: constant(|environment| environment.flags(Side::Client)),
            server_flags: constant(|environment| environment.flags(Side::Server)),
            document: Constant {
                date: updated_at.and_then(|time| Date::new(time, map.is_dated())),
                ..constant(ArchivedEnvironment::document)
            },
            updated_at: updated_at.and_then(|time| HeaderValue::try_from(unix_seconds(time)).ok()),
            map,
        }
    }

    /// The generation of the snapshot. No other snapshot of any environment has the same.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Counts a request that it answers.
    #[inline]
    pub(crate) fn count(&self, resource: Resource) {
        self.usage.count(resource);
    }

    pub(crate) fn archive(&self) -> &ArchivedEnvironment {
        &self.map
    }

    /// The map, for another thread.
    pub(crate) fn map(&self) -> Arc<Map<Environment>> {
        Arc::clone(&self.map)
    }

    /// The regular expressions that requests have needed so far.
    pub(crate) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// All flags of a side.
    pub(crate) fn flags(&self, side: Side) -> &Constant {
        match side {
            Side::Client => &self.client_flags,
            Side::Server => &self.server_flags,
        }
    }

    /// The flag of one feature. It is made for each request: there may be thousands, and few are asked for alone.
    pub(crate) fn flag(&self, side: Side, feature: &str) -> Option<Constant> {
        let archived = self.map.flag(side, feature)?;
        let feature: Arc<str> = feature.into();
        Some(mapped_constant(&self.map, archived, move |map| {
            map.flag(side, &feature)
        }))
    }

    /// The environment document.
    pub(crate) fn document(&self) -> &Constant {
        &self.document
    }

    /// When upstream last changed the document, as the value of a header; `None` if the document does not say.
    pub(crate) fn updated_at(&self) -> Option<&HeaderValue> {
        self.updated_at.as_ref()
    }
}

/// A constant whose bytes stay in the map. `answer` finds `archived` in it again.
fn mapped_constant<A>(
    map: &Arc<Map<Environment>>,
    archived: &ArchivedConstantAnswer,
    answer: A,
) -> Constant
where
    A: Fn(&ArchivedEnvironment) -> Option<&ArchivedConstantAnswer> + Clone + Send + 'static,
{
    let representation = |is_gzip, entity_tag| Representation {
        body: Bytes::from_owner(MappedBytes {
            map: Arc::clone(map),
            answer: answer.clone(),
            is_gzip,
        }),
        entity_tag: HeaderValue::from_str(entity_tag).ok(),
        is_gzip,
    };
    let has_gzip = archived.gzip().is_some();
    Constant {
        plain: representation(false, archived.etag()),
        gzip: has_gzip.then(|| representation(true, archived.gzip_etag())),
        date: None,
    }
}

/// The bytes of an answer in a map, which they keep alive.
struct MappedBytes<A> {
    map: Arc<Map<Environment>>,
    answer: A,
    is_gzip: bool,
}

impl<A: Fn(&ArchivedEnvironment) -> Option<&ArchivedConstantAnswer>> AsRef<[u8]>
    for MappedBytes<A>
{
    fn as_ref(&self) -> &[u8] {
        let answer = (self.answer)(&self.map);
        let bytes = answer.and_then(|answer| match self.is_gzip {
            true => answer.gzip(),
            false => Some(answer.body()),
        });
        bytes.unwrap_or_default()
    }
}

/// A time without an offset counts as UTC.
fn timestamp(text: &str) -> Option<Timestamp> {
    match text.parse::<Timestamp>() {
        Ok(timestamp) => Some(timestamp),
        Err(_) => {
            let time = text.parse::<DateTime>().ok()?;
            TimeZone::UTC.to_timestamp(time).ok()
        }
    }
}

/// A time in seconds since 1970, always with a fraction: clients in several languages expect a float.
fn unix_seconds(time: Timestamp) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds since 1970 fit into the 53 bits of a double until the year 2255"
    )]
    let seconds = time.as_microsecond() as f64 / 1e6;
    format!("{seconds:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_given_in_seconds_with_a_fraction() {
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
            let found = timestamp(text).map(unix_seconds);
            assert_eq!(found.as_deref(), seconds, "{text}");
        }
    }
}
