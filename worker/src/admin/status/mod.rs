//! The status of the whole proxy as JSON, which the status page shows: any worker tells the same. `docs/status.md`
//! describes each member. Nothing in it is secret, and keys are masked.
//!
//! | file | what it tells |
//! |---|---|
//! | `environments` | how the environments do, and each of those that are searched for |
//! | `processes` | supervisor and workers |
//! | `requests` | requests and how long they took, of all workers together |

mod environments;
mod processes;
mod requests;

use std::time::SystemTime;

use contract::{Backlog, BoardWords, Fetch};
use serde_json::{Value, json};

use crate::endpoints::health;
use crate::environments::Environments;

/// The status as it is now, with the environments whose key or name has this text in it.
pub(super) fn told(environments: &Environments, search: &str) -> Value {
    let board = environments.board();
    let proxy = board.proxy();
    let now = SystemTime::now();
    let (reloads, refused_reloads) = proxy.reloads();
    let Backlog { bytes, dropped } = proxy.backlog();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "time": seconds_since(SystemTime::UNIX_EPOCH, now),
        "started": proxy.started().map(|at| seconds_since(SystemTime::UNIX_EPOCH, at)),
        "state": match board.draining() {
            true => "draining",
            false if health::is_ready(environments) => "ready",
            false => "not ready",
        },
        "configuration": {
            "read_seconds_ago": proxy.configured().map(|at| seconds_since(at, now)),
            "last_reload_applied": proxy.is_configured(),
            "reloads": reloads,
            "refused_reloads": refused_reloads,
        },
        "environments": environments::told(environments, search, now),
        "supervisor": {"memory": processes::memory(proxy.memory())},
        "workers": processes::workers(board, now),
        "requests": requests::told(board),
        "fetches": {
            "changed": proxy.fetches(Fetch::Changed),
            "unchanged": proxy.fetches(Fetch::Unchanged),
            "failed": proxy.fetches(Fetch::Failed),
        },
        "journal": {"waiting_bytes": bytes, "dropped": dropped},
    })
}

/// What seems to be in the future, because the clock was set back, is now.
fn seconds_since(at: SystemTime, now: SystemTime) -> f64 {
    now.duration_since(at).unwrap_or_default().as_secs_f64()
}
