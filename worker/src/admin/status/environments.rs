//! How the environments do: all are counted, and those that are searched for are listed, up to a bound.

use std::cmp::Reverse;
use std::time::SystemTime;

use contract::key;
use serde_json::{Value, json};

use super::seconds_since;
use crate::environments::Environments;
use crate::environments::mapped::MappedEnvironment;
use crate::environments::status::{State, Status};

/// How many environments are listed at most, some 400 bytes each. Names are known of mapped environments alone, so if
/// there are more, a search looks at keys only: it would map them all.
const MAX_LISTED: usize = 200;

/// Those that need attention come first, then the others by row.
pub(super) fn told(environments: &Environments, search: &str, now: SystemTime) -> Value {
    let index = environments.index();
    let mut statuses: Vec<Status<'_>> = index.statuses(now).collect();
    let count = statuses.len();
    let of_state = |state| statuses.iter().filter(|it| it.state == state).count();
    let (current, stale) = (of_state(State::Current), of_state(State::Stale));
    let failing = statuses.iter().filter(|it| it.failing.is_some()).count();
    let search = search.trim().to_lowercase();
    let names_are_searched = count <= MAX_LISTED;
    if !search.is_empty() {
        let holds = |whole: &str| whole.to_lowercase().contains(&search);
        let is_named = |row| {
            let environment = index.open_row(row);
            environment.is_some_and(|it| it.archive().name().is_some_and(holds))
        };
        statuses.retain(|it| holds(it.name) || names_are_searched && is_named(it.row));
    }
    statuses.sort_by_key(|status| Reverse(urgency(status)));
    let listed = statuses.iter().take(MAX_LISTED).map(|status| {
        let environment = index.open_row(status.row);
        let (failure, since) = status.failing.unzip();
        json!({
            "id": status.row,
            "key": key::masked(status.name),
            "state": status.state.name(),
            "generation": status.generation,
            "fetched_seconds_ago": status.age(now).map(|age| age.as_secs_f64()),
            "failure": failure.map(|failure| failure.to_string()),
            "failing_for_seconds": since.map(|since| seconds_since(since, now)),
            "realtime_connected": status.realtime,
            "document": environment.map(|environment| document(&environment)),
        })
    });
    json!({
        "count": count,
        "current": current,
        "stale": stale,
        "missing": count - current - stale,
        "failing": failing,
        "names_are_searched": names_are_searched,
        "found": statuses.len(),
        "listed": listed.collect::<Value>(),
    })
}

/// The document that this worker answers from.
fn document(environment: &MappedEnvironment) -> Value {
    let archive = environment.archive();
    json!({
        "name": archive.name(),
        "updated_at": archive.updated_at(),
        "bytes": archive.document().body().len(),
        "features": archive.feature_count(),
        "segments": archive.segment_count(),
        "identity_overrides": archive.identity_override_count(),
        "warnings": archive.warnings(),
    })
}

/// Higher for what an operator should look at first.
fn urgency(status: &Status<'_>) -> u8 {
    match status.state {
        State::Missing => 3,
        State::Stale => 2,
        State::Current => u8::from(status.failing.is_some()),
    }
}
