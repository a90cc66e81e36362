//! Readiness: every environment has a document, none is stale, and the proxy does not drain. An operator can choose
//! that one such environment is enough.

use std::time::SystemTime;

use contract::{BoardWords, ReadyWhen, key};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::environments::Environments;
use crate::environments::status::{State, Status};
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// How many environments are named that are not as they should be. The others are counted.
const MAX_NAMED: usize = 10;

const NOT_UPDATED: &str = "environment document(s) not updated.";
const STALE: &str = "environment document(s) stale.";
const DRAINING: &str = "draining.";

/// Answers `GET /proxy/health` and its other paths.
pub(crate) fn answer(environments: &Environments) -> Result<Response, Refusal> {
    let health = Health::now(environments);
    let report = health.report().to_string();
    match health.reason {
        None => Ok(response::json(report)),
        Some(_) => Err(Refusal::NotReady(report)),
    }
}

/// Whether the proxy is ready.
pub(crate) fn is_ready(environments: &Environments) -> bool {
    Health::now(environments).reason.is_none()
}

/// What readiness says.
struct Health {
    /// Why the proxy is not ready; `None` if it is.
    reason: Option<&'static str>,
    /// The oldest of the last successful fetches of all environments; `None` if one was never fetched.
    last_successful_update: Option<SystemTime>,
    /// The first environments that are not current.
    named: Vec<Value>,
    /// How many more there are.
    unnamed: usize,
    /// How many streams of upstream are connected, and how many are not.
    realtime: [usize; 2],
}

impl Health {
    fn now(environments: &Environments) -> Self {
        let index = environments.index();
        let statuses = index.statuses(SystemTime::now());
        Self::of(
            statuses,
            index.ready_when(),
            environments.board().draining(),
        )
    }

    fn of<'index>(
        statuses: impl Iterator<Item = Status<'index>>,
        ready_when: ReadyWhen,
        draining: bool,
    ) -> Self {
        let (mut count, mut current, mut missing, mut never_fetched) = (0, 0, 0, 0);
        let mut oldest: Option<SystemTime> = None;
        let mut named = Vec::new();
        let mut realtime = [0; 2];
        for status in statuses {
            count += 1;
            if let Some(is_connected) = status.realtime {
                realtime[usize::from(!is_connected)] += 1;
            }
            match status.fetched {
                Some(at) => oldest = Some(oldest.map_or(at, |oldest| oldest.min(at))),
                None => never_fetched += 1,
            }
            match status.state {
                State::Current => {
                    current += 1;
                    continue;
                }
                State::Missing => missing += 1,
                State::Stale => {}
            }
            if named.len() < MAX_NAMED {
                named.push(described(&status));
            }
        }
        let is_ready = match ready_when {
            ReadyWhen::All => current == count && count > 0,
            ReadyWhen::Any => current > 0,
        };
        let reason = match (draining, is_ready) {
            (true, _) => Some(DRAINING),
            (false, true) => None,
            (false, false) if missing > 0 || count == 0 => Some(NOT_UPDATED),
            (false, false) => Some(STALE),
        };
        Self {
            reason,
            last_successful_update: oldest.filter(|_| never_fetched == 0),
            unnamed: count - current - named.len(),
            named,
            realtime,
        }
    }

    /// The members of the official proxy, and after them what it does not tell.
    fn report(&self) -> Value {
        let status = if self.reason.is_none() { "ok" } else { "error" };
        let mut report = Map::new();
        report.insert("status".to_owned(), status.into());
        report.insert("reason".to_owned(), self.reason.into());
        let last = self.last_successful_update.and_then(iso_8601);
        report.insert("last_successful_update".to_owned(), last.into());
        if !self.named.is_empty() {
            report.insert("environments".to_owned(), self.named.clone().into());
        }
        if self.unnamed > 0 {
            report.insert("more_environments".to_owned(), self.unnamed.into());
        }
        if let [connected, disconnected] = self.realtime
            && connected + disconnected > 0
        {
            let told = json!({"connected": connected, "disconnected": disconnected});
            report.insert("realtime".to_owned(), told);
        }
        report.into()
    }
}

/// An environment that is not current, and why. Anybody may ask for readiness, so its key is masked.
fn described(status: &Status<'_>) -> Value {
    let (failure, since) = status.failing.unzip();
    json!({
        "environment": key::masked(status.name),
        "state": status.state.name(),
        "last_successful_update": status.fetched.and_then(iso_8601),
        "failure": failure.map(|failure| failure.to_string()),
        "failing_since": since.and_then(iso_8601),
    })
}

fn iso_8601(time: SystemTime) -> Option<String> {
    let timestamp = Timestamp::try_from(time).ok()?;
    Some(
        timestamp
            .strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
            .to_string(),
    )
}
