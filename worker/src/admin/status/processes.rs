//! Supervisor and workers: what each uses and does.

use std::time::SystemTime;

use contract::{BoardWords, Endpoint, Memory};
use serde_json::{Value, json};
use snapshot::Board;

use super::seconds_since;

/// The memory of a process when the supervisor last looked.
pub(super) fn memory(memory: Memory) -> Value {
    json!({"private_bytes": memory.private, "mapped_bytes": memory.mapped})
}

/// The worker of each slot. Requests and restarts are of all workers that the slot has had.
pub(super) fn workers(board: &Board, now: SystemTime) -> Value {
    let worker = |slot| {
        let (claimed, before) = board.claimed(slot).unzip();
        let counters = board.counters(slot);
        let requests = Endpoint::ALL
            .into_iter()
            .flat_map(|it| counters.requests(it));
        json!({
            "slot": slot,
            "process": board.worker_process(slot),
            "state": board.worker_state(slot).to_string(),
            "uptime_seconds": claimed.map(|at| seconds_since(at, now)),
            "restarts": before.unwrap_or_default(),
            "requests": requests.sum::<u64>(),
            "open_connections": board.open_connections(slot),
            "open_streams": board.open_streams(slot),
            "memory": memory(board.worker_memory(slot)),
        })
    };
    (0..board.shape().slots).map(worker).collect()
}
