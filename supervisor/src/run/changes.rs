//! The words for what a reload changes.

use std::path::Path;

use log::warn;

use crate::environments::Turnover;
use crate::settings::Settings;
use crate::source::Source;
use crate::words::Seconds;
use contract::{Readiness, counted};

/// The environments that come and go, and the keys that change.
pub(super) fn of_environments(turnover: &Turnover) -> Vec<String> {
    let (added, removed, rotated) = (
        turnover.added.len(),
        turnover.removed.len(),
        turnover.rotated.len(),
    );
    let mut changes = Vec::new();
    if added > 0 {
        changes.push(format!("{} added", counted(added, "environment")));
    }
    match (added, removed) {
        (_, 0) => {}
        (0, removed) => changes.push(format!("{} removed", counted(removed, "environment"))),
        (_, removed) => changes.push(format!("{removed} removed")),
    }
    if rotated > 0 {
        changes.push(format!("{} rotated", counted(rotated, "key pair")));
    }
    changes
}

/// The changes of polling, or else of readiness. Readiness also depends on the number of environments: if that
/// changes, `readiness` is not mentioned.
pub(super) fn of_polling(
    current: &Settings,
    next: &Settings,
    readiness: Option<Readiness>,
) -> Option<String> {
    let polling = current.source != next.source
        || current.api_poll_frequency != next.api_poll_frequency
        || current.fetch_rules != next.fetch_rules;
    match &next.source {
        Source::Upstream(upstream) if polling => Some(format!(
            "polling {} every {}",
            upstream.api_url,
            Seconds(next.api_poll_frequency)
        )),
        Source::Files(files) if current.source != next.source => {
            Some(format!("reading documents in {}", files.place))
        }
        _ => readiness.map(|readiness| match readiness.stale_after {
            Some(age) => format!("stale after {}", Seconds(age)),
            None => "never stale".to_owned(),
        }),
    }
}

/// The changes of realtime from upstream.
pub(super) fn of_realtime(current: &Settings, next: &Settings) -> Option<String> {
    (current.realtime != next.realtime).then(|| match &next.realtime {
        Some(realtime) => format!("realtime from {}", realtime.upstream.api_url),
        None => "no realtime".to_owned(),
    })
}

/// The changes of what documents are compiled to.
pub(super) fn of_compiling(current: &Settings, next: &Settings) -> Option<String> {
    let changes = current.compile_options != next.compile_options;
    changes.then(|| "documents compiled again".to_owned())
}

/// Settings that only a restart changes.
pub(super) fn warn_of_restart(current: &Settings, next: &Settings, directory: &Path) {
    if next.directory != current.directory {
        warn!(
            "the state directory changes with a restart only: still publishing in {}",
            directory.display()
        );
    }
    if next.workers != current.workers {
        warn!(
            "the number of workers changes with a restart only: still {}",
            current.workers
        );
    }
}
