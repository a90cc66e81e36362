//! Requests and how long their answers took, of all workers since the start.

use std::time::Duration;

use contract::{BoardWords, Endpoint, STATUS_CLASSES};
use serde_json::{Map, Value, json};
use snapshot::Board;

/// For each endpoint: the requests by class of status, and how many took at most as long as each bound, and in all.
pub(super) fn told(board: &Board) -> Value {
    let mut bounds = Vec::new();
    let endpoints = Endpoint::ALL.map(|endpoint| {
        let totals = board.totals(endpoint);
        let (all_bounds, mut durations): (Vec<Duration>, Vec<u64>) =
            totals.durations.cumulative().unzip();
        durations.push(totals.durations.count());
        bounds = all_bounds.iter().map(Duration::as_secs_f64).collect();
        let statuses = STATUS_CLASSES.into_iter().zip(totals.requests);
        let statuses: Map<String, Value> = statuses
            .map(|(class, count)| (class.to_owned(), count.into()))
            .collect();
        json!({
            "endpoint": endpoint.name(),
            "statuses": statuses,
            "bytes": totals.bytes,
            "durations": durations,
        })
    });
    json!({"duration_bounds_seconds": bounds, "endpoints": endpoints})
}
