//! What the words of the board mean that `snapshot` keeps and does not interpret.
//!
//! | line | word | meaning | written by |
//! |---|---|---|---|
//! | common | 0 | 1 while the proxy drains | supervisor |
//! | row | the one | microseconds since 1970 of the last successful fetch, 0 for never | supervisor |
//! | slot | 0 | the process that holds the slot (high half) and its [`WorkerState`] (low half) | supervisor, worker |
//! | slot | 1 | the last [heartbeat](crate::heartbeat), in milliseconds; at first, the start | supervisor, worker |
//!
//! Each word stands for itself alone, so all of them are loaded and stored relaxed.
//!
//! A supervisor also reads the row words that the previous run left, perhaps of another release. Whoever changes
//! their meaning must raise the layout number in `snapshot/src/board/layout.rs`, so that an old board is refused.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use snapshot::Board;

use crate::heartbeat;
use crate::worker_state::{Holder, WorkerState};

const DRAINING: usize = 0;
const HOLDER: usize = 0;
const HEARTBEAT: usize = 1;

/// The board as supervisor and workers read it.
///
/// A slot is held by one process at a time, and only that process can change what the slot says: a worker that still
/// drains cannot overwrite the state of its successor.
///
/// # Panics
///
/// Every method that takes a row or a slot panics if the board has none of that number.
pub trait BoardWords {
    /// When the document of this row was last fetched successfully, in whole microseconds; `None` for never.
    fn fetched(&self, row: usize) -> Option<SystemTime>;

    /// Notes a successful fetch. For the supervisor.
    fn set_fetched(&self, row: usize, at: SystemTime);

    /// Whether the proxy has begun to drain, so that readiness fails.
    fn draining(&self) -> bool;

    /// Begins to drain, for good. For the supervisor.
    fn set_draining(&self);

    /// What the process that holds this slot does.
    fn worker_state(&self, slot: usize) -> WorkerState;

    /// The process that holds this slot or held it last; 0 for none so far.
    fn worker_process(&self, slot: usize) -> u32;

    /// Gives the slot to a process, as [`WorkerState::Starting`]. Changes no state if the process holds the slot
    /// already, so both that process and the supervisor that started it may call this, in any order.
    fn claim_slot(&self, slot: usize, process: u32);

    /// Says what a process does, unless another one holds the slot by now. For that process, and for the supervisor
    /// when it has seen its end.
    fn set_worker_state(&self, slot: usize, process: u32, state: WorkerState);

    /// Writes a heartbeat, unless another process holds the slot by now. For the process that holds it.
    fn beat(&self, slot: usize, process: u32);

    /// The time since the last heartbeat of this slot, without time in which the machine was suspended.
    fn heartbeat_age(&self, slot: usize) -> Duration;

    /// The slot whose socket the worker of this slot serves while that slot has no worker; `None` if there is only
    /// one slot.
    fn neighbour(&self, slot: usize) -> Option<usize>;
}

impl BoardWords for Board {
    fn fetched(&self, row: usize) -> Option<SystemTime> {
        match self.row_word(row).load(Relaxed) {
            0 => None,
            microseconds => SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds)),
        }
    }

    fn set_fetched(&self, row: usize, at: SystemTime) {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let microseconds = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        // 0 means never, so a clock that is set to 1970 counts as one microsecond later.
        self.row_word(row).store(microseconds.max(1), Relaxed);
    }

    fn draining(&self) -> bool {
        self.common_words()[DRAINING].load(Relaxed) != 0
    }

    fn set_draining(&self) {
        self.common_words()[DRAINING].store(1, Relaxed);
    }

    fn worker_state(&self, slot: usize) -> WorkerState {
        holder(self, slot).state
    }

    fn worker_process(&self, slot: usize) -> u32 {
        holder(self, slot).process
    }

    fn claim_slot(&self, slot: usize, process: u32) {
        replace_holder(self, slot, |holder| {
            (holder.process != process).then_some(Holder {
                process,
                state: WorkerState::Starting,
            })
        });
        heartbeat(self, slot).store(heartbeat::now(), Relaxed);
    }

    fn set_worker_state(&self, slot: usize, process: u32, state: WorkerState) {
        replace_holder(self, slot, |holder| {
            (holder.process == process).then_some(Holder { process, state })
        });
    }

    fn beat(&self, slot: usize, process: u32) {
        if self.worker_process(slot) == process {
            heartbeat(self, slot).store(heartbeat::now(), Relaxed);
        }
    }

    fn heartbeat_age(&self, slot: usize) -> Duration {
        let last = heartbeat(self, slot).load(Relaxed);
        Duration::from_millis(heartbeat::now().saturating_sub(last))
    }

    fn neighbour(&self, slot: usize) -> Option<usize> {
        let slots = self.shape().slots;
        (slots > 1).then(|| (slot + 1) % slots)
    }
}

fn holder(board: &Board, slot: usize) -> Holder {
    Holder::of(board.slot_words(slot)[HOLDER].load(Relaxed))
}

fn replace_holder(board: &Board, slot: usize, next: impl Fn(Holder) -> Option<Holder>) {
    // The error only says that there was nothing to replace.
    let _ = board.slot_words(slot)[HOLDER].fetch_update(Relaxed, Relaxed, |word| {
        next(Holder::of(word)).map(Holder::word)
    });
}

fn heartbeat(board: &Board, slot: usize) -> &AtomicU64 {
    &board.slot_words(slot)[HEARTBEAT]
}
