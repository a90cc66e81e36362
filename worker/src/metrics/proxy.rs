//! The build, the processes and the configuration.

use contract::{Backlog, BoardWords, Ended, Memory, WorkerState};
use snapshot::Board;

use super::family::{Family, Text};

pub(super) fn add(text: &mut Text, board: &Board) {
    let proxy = board.proxy();
    let mut build = Family::gauge("build_info", "1, with the release as a label.");
    build.add(&[("version", env!("CARGO_PKG_VERSION"))], true);
    text.add(build);
    if let Some(started) = proxy.started() {
        let family = Family::gauge(
            "start_time_seconds",
            "When the proxy started, in seconds since 1970.",
        );
        text.add(family.of(started));
    }
    let draining = Family::gauge("draining", "1 while the proxy stops, else 0.");
    text.add(draining.of(board.draining()));
    workers(text, board);
    memory(text, board);
    journal(text, proxy.backlog());

    let family = Family::gauge(
        "configuration_reload_success",
        "1 if the last reload was applied or there was none, 0 if it was refused.",
    );
    text.add(family.of(proxy.is_configured()));
    if let Some(configured) = proxy.configured() {
        let family = Family::gauge(
            "configuration_timestamp_seconds",
            "When the configuration in use was read, in seconds since 1970.",
        );
        text.add(family.of(configured));
    }
    let (applied, refused) = proxy.reloads();
    let mut reloads = Family::counter(
        "configuration_reloads_total",
        "Reloads of the configuration.",
    );
    reloads.add(&[("result", "applied")], applied);
    reloads.add(&[("result", "refused")], refused);
    text.add(reloads);
}

fn workers(text: &mut Text, board: &Board) {
    let mut family = Family::gauge("workers", "Workers in each state.");
    for state in [
        WorkerState::Starting,
        WorkerState::Ready,
        WorkerState::Draining,
        WorkerState::Exited,
    ] {
        let count = (0..board.shape().slots).filter(|slot| board.worker_state(*slot) == state);
        family.add(&[("state", &state.to_string())], count.count() as u64);
    }
    text.add(family);
    let mut family = Family::counter(
        "worker_restarts_total",
        "Workers that were replaced: exited by themselves, killed by somebody, silent and killed for it, or rolled by \
         a reload.",
    );
    for reason in Ended::ALL {
        let count = board.proxy().ended_workers(reason);
        family.add(&[("reason", reason.name())], count);
    }
    text.add(family);
}

fn journal(text: &mut Text, backlog: Backlog) {
    let waiting = Family::gauge(
        "journal_waiting_bytes",
        "Bytes of what clients reported that wait on disk to go upstream.",
    );
    text.add(waiting.of(backlog.bytes));
    let dropped = Family::counter(
        "journal_dropped_total",
        "Requests to upstream that were dropped because there was no room for them.",
    );
    text.add(dropped.of(backlog.dropped));
}

fn memory(text: &mut Text, board: &Board) {
    let kinds = |memory: Memory| [("private", memory.private), ("mapped", memory.mapped)];
    let mut family = Family::gauge(
        "supervisor_memory_bytes",
        "Memory of the supervisor: its own, and that of mapped files. Looked at every 5 s.",
    );
    for (kind, bytes) in kinds(board.proxy().memory()) {
        family.add(&[("kind", kind)], bytes);
    }
    text.add(family);
    let mut family = Family::gauge(
        "worker_memory_bytes",
        "Memory of each worker: its own, and that of mapped files, which workers share. Looked at every 5 s.",
    );
    for slot in 0..board.shape().slots {
        for (kind, bytes) in kinds(board.worker_memory(slot)) {
            let worker = slot.to_string();
            family.add(&[("worker", &worker), ("kind", kind)], bytes);
        }
    }
    text.add(family);
}
