//! Readiness: every environment has a document, none is stale, and the proxy does not drain.

use std::time::{Duration, SystemTime};

use contract::BoardWords;
use jiff::Timestamp;

use crate::environments::Environments;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `GET /proxy/health` and its other paths.
pub(crate) fn answer(environments: &Environments) -> Result<Response, Refusal> {
    let index = environments.index();
    let board = environments.board();
    let fetched = index.rows().map(|row| board.fetched(row));
    let health = Health::of(fetched, SystemTime::now(), index.stale_after())
        .unless_missing(index.is_complete())
        .unless_draining(board.draining());
    match health.reason {
        None => Ok(response::json(health.report())),
        Some(_) => Err(Refusal::NotReady(health.report())),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Health {
    /// Why the proxy is not ready; `None` if it is.
    reason: Option<&'static str>,
    /// The oldest of the last successful fetches of all environments; `None` if one was never fetched.
    last_successful_update: Option<SystemTime>,
}

const NOT_UPDATED: &str = "environment document(s) not updated.";
const STALE: &str = "environment document(s) stale.";
const DRAINING: &str = "draining.";

impl Health {
    fn of(
        mut fetched: impl Iterator<Item = Option<SystemTime>>,
        now: SystemTime,
        stale_after: Option<Duration>,
    ) -> Self {
        let oldest = fetched.try_fold(None, |oldest: Option<SystemTime>, at| {
            let at = at?;
            Some(Some(oldest.map_or(at, |oldest| oldest.min(at))))
        });
        let oldest = oldest.flatten();
        // A fetch in the future, from before the clock was set back, is not old.
        let age = oldest.map(|oldest| now.duration_since(oldest).unwrap_or_default());
        let reason = match (age, stale_after) {
            (None, _) => Some(NOT_UPDATED),
            (Some(age), Some(limit)) if age > limit => Some(STALE),
            _ => None,
        };
        Self {
            reason,
            last_successful_update: oldest,
        }
    }

    fn unless_missing(self, complete: bool) -> Self {
        let reason = if complete {
            self.reason
        } else {
            Some(NOT_UPDATED)
        };
        Self { reason, ..self }
    }

    fn unless_draining(self, draining: bool) -> Self {
        let reason = if draining {
            Some(DRAINING)
        } else {
            self.reason
        };
        Self { reason, ..self }
    }

    fn report(self) -> String {
        let status = if self.reason.is_none() { "ok" } else { "error" };
        let reason = quoted(self.reason.map(str::to_owned));
        let last = quoted(self.last_successful_update.and_then(iso_8601));
        format!(r#"{{"status":"{status}","reason":{reason},"last_successful_update":{last}}}"#)
    }
}

fn iso_8601(time: SystemTime) -> Option<String> {
    let timestamp = Timestamp::try_from(time).ok()?;
    Some(
        timestamp
            .strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
            .to_string(),
    )
}

/// The JSON of a text that needs no escapes.
fn quoted(text: Option<String>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_768_473_000;

    fn before(seconds: u64) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - seconds))
    }

    fn health(fetched: &[Option<SystemTime>], stale_after: Option<u64>) -> Health {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        Health::of(
            fetched.iter().copied(),
            now,
            stale_after.map(Duration::from_secs),
        )
    }

    #[test]
    fn is_ready_when_every_fetch_is_recent_and_reports_the_oldest() {
        let health = health(&[before(3), before(9), before(1)], Some(10));
        assert_eq!(
            health.report(),
            concat!(
                r#"{"status":"ok","reason":null,"#,
                r#""last_successful_update":"2026-01-15T10:29:51.000000+00:00"}"#
            )
        );
    }

    #[test]
    fn is_stale_when_the_oldest_fetch_is_older_than_allowed() {
        let health = health(&[before(3), before(11)], Some(10));
        assert_eq!(
            health.report(),
            concat!(
                r#"{"status":"error","reason":"environment document(s) stale.","#,
                r#""last_successful_update":"2026-01-15T10:29:49.000000+00:00"}"#
            )
        );
    }

    #[test]
    fn is_never_stale_without_a_limit() {
        assert_eq!(health(&[before(1_000_000)], None).reason, None);
    }

    #[test]
    fn is_not_ready_while_one_environment_was_never_fetched() {
        let expected = concat!(
            r#"{"status":"error","reason":"environment document(s) not updated.","#,
            r#""last_successful_update":null}"#
        );
        assert_eq!(health(&[before(3), None], Some(10)).report(), expected);
        assert_eq!(health(&[None, before(3)], None).report(), expected);
        assert_eq!(health(&[], None).report(), expected);
    }

    #[test]
    fn is_not_ready_while_a_document_is_missing_or_the_proxy_drains() {
        let ready = health(&[before(3)], Some(10));
        assert_eq!(ready.unless_missing(true).unless_draining(false), ready);
        assert_eq!(ready.unless_missing(false).reason, Some(NOT_UPDATED));
        assert_eq!(
            ready.unless_missing(false).unless_draining(true).reason,
            Some(DRAINING)
        );
    }

    #[test]
    fn a_fetch_in_the_future_is_not_old() {
        let future = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 60));
        assert_eq!(health(&[future], Some(10)).reason, None);
    }
}
