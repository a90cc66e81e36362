//! What the words of the board mean that `snapshot` keeps and does not interpret.
//!
//! | line | words | meaning | written by |
//! |---|---|---|---|
//! | common | 0 | 1 while the proxy drains | supervisor |
//! | common | others | the proxy as a whole: [`ProxyWords`] | supervisor |
//! | row | 12 | 1 when the document should be fetched now: [`EnvironmentWords`] | worker; supervisor, 0 |
//! | row | others | one environment: [`EnvironmentWords`] | supervisor |
//! | slot | 0 | the process that holds the slot (high half) and its [`WorkerState`] (low half) | supervisor, worker |
//! | slot | 1 | the last [heartbeat](crate::heartbeat), in milliseconds; at first, the start | supervisor, worker |
//! | slot | 2 | the connections that the process has open | worker |
//! | slot | 3, 4 | the [`Memory`] of the process | supervisor |
//! | slot | 5, 6 | when the process claimed the slot, and how many processes have | supervisor, worker |
//! | slot | 7 | the streams that the process has open | worker |
//! | slot | 16.. | what its workers have counted: [`Counters`] | workers |
//!
//! Each word stands for itself alone, so all of them are loaded and stored relaxed.
//!
//! A supervisor also reads the row words that the previous run left, perhaps of another release. Whoever changes
//! their meaning must raise the layout number in `snapshot/src/board/layout.rs`, so that an old board is refused.

mod environment;
mod histogram;
mod proxy;
mod requests;
mod time;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use snapshot::{Board, CallersWords, Shape};

use crate::heartbeat;
use crate::worker_state::{Holder, WorkerState};

pub use environment::{EnvironmentWords, Fetch};
pub use histogram::Histogram;
pub use proxy::{Backlog, Ended, Memory, ProxyWords};
pub use requests::{Closed, Counters, Endpoint, STATUS_CLASSES, Totals};

// Of the words of a slot.
const HOLDER: usize = 0;
const HEARTBEAT: usize = 1;
const CONNECTIONS: usize = 2;
const MEMORY: usize = 3;
const CLAIMED: usize = 5;
const CLAIMS: usize = 6;
const STREAMS: usize = 7;
const COUNTERS: usize = 16;

/// The shape of a board for so many environments and workers.
pub const fn board_shape(format: u32, rows: usize, slots: usize) -> Shape {
    Shape {
        format,
        rows,
        slots,
        words: CallersWords {
            common: proxy::WORDS,
            row: environment::WORDS,
            slot: COUNTERS + requests::WORDS,
        },
    }
}

/// The board as supervisor and workers read it.
///
/// A slot is held by one process at a time, and only that process can change what the slot says: a worker that still
/// drains cannot overwrite the state of its successor.
///
/// # Panics
///
/// Every method that takes a row or a slot panics if the board has none of that number.
pub trait BoardWords {
    /// What is known of the environment of this row.
    fn environment(&self, row: usize) -> EnvironmentWords<'_>;

    /// What is known of the proxy as a whole.
    fn proxy(&self) -> ProxyWords<'_>;

    /// What the workers of this slot have counted.
    fn counters(&self, slot: usize) -> Counters<'_>;

    /// What the workers of all slots have counted of an endpoint.
    fn totals(&self, endpoint: Endpoint) -> Totals;

    /// Counts a fetch for this row and for the proxy. For the supervisor.
    fn count_fetch(&self, row: usize, fetch: Fetch, took: Duration);

    /// Counts a compilation for this row and for the proxy. For the supervisor.
    fn count_compile(&self, row: usize, took: Duration);

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

    /// When the process that holds this slot claimed it, and how many processes did so before; `None` for none so far.
    fn claimed(&self, slot: usize) -> Option<(SystemTime, u64)>;

    /// Says what a process does, unless another one holds the slot by now. For that process, and for the supervisor
    /// when it has seen its end.
    fn set_worker_state(&self, slot: usize, process: u32, state: WorkerState);

    /// Writes a heartbeat, unless another process holds the slot by now. For the process that holds it.
    fn beat(&self, slot: usize, process: u32);

    /// The time since the last heartbeat of this slot, without time in which the machine was suspended.
    fn heartbeat_age(&self, slot: usize) -> Duration;

    /// The connections that the process of this slot has open; 0 while there is none.
    fn open_connections(&self, slot: usize) -> u64;

    /// Says how many connections are open, unless another process holds the slot by now. For the process that holds it.
    fn set_open_connections(&self, slot: usize, process: u32, connections: usize);

    /// The streams that the process of this slot has open; 0 while there is none.
    fn open_streams(&self, slot: usize) -> u64;

    /// Says how many streams a process has open, unless another one holds the slot by now. For the process that holds
    /// it.
    fn set_open_streams(&self, slot: usize, process: u32, streams: usize);

    /// The memory of the process of this slot when the supervisor last looked; zero until then, and when it is gone.
    fn worker_memory(&self, slot: usize) -> Memory;

    /// Notes the memory of the process of this slot. For the supervisor.
    fn set_worker_memory(&self, slot: usize, memory: Memory);

    /// The slot whose socket the worker of this slot serves while that slot has no worker; `None` if there is only
    /// one slot.
    fn neighbour(&self, slot: usize) -> Option<usize>;
}

impl BoardWords for Board {
    fn environment(&self, row: usize) -> EnvironmentWords<'_> {
        EnvironmentWords(self.row_words(row))
    }

    fn proxy(&self) -> ProxyWords<'_> {
        ProxyWords(self.common_words())
    }

    #[inline]
    fn counters(&self, slot: usize) -> Counters<'_> {
        Counters(&self.slot_words(slot)[COUNTERS..])
    }

    fn totals(&self, endpoint: Endpoint) -> Totals {
        let mut totals = Totals::default();
        for slot in 0..self.shape().slots {
            totals.add(self.counters(slot), endpoint);
        }
        totals
    }

    fn count_fetch(&self, row: usize, fetch: Fetch, took: Duration) {
        self.environment(row).count_fetch(fetch, took);
        self.proxy().count_fetch(fetch, took);
    }

    fn count_compile(&self, row: usize, took: Duration) {
        self.environment(row).count_compile(took);
        self.proxy().count_compile(took);
    }

    fn draining(&self) -> bool {
        self.common_words()[proxy::DRAINING].load(Relaxed) != 0
    }

    fn set_draining(&self) {
        self.common_words()[proxy::DRAINING].store(1, Relaxed);
    }

    fn worker_state(&self, slot: usize) -> WorkerState {
        holder(self, slot).state
    }

    fn worker_process(&self, slot: usize) -> u32 {
        holder(self, slot).process
    }

    fn claim_slot(&self, slot: usize, process: u32) {
        let is_new = replace_holder(self, slot, |holder| {
            (holder.process != process).then_some(Holder {
                process,
                state: WorkerState::Starting,
            })
        });
        if is_new {
            let words = self.slot_words(slot);
            words[CLAIMED].store(time::word(SystemTime::now()), Relaxed);
            words[CLAIMS].fetch_add(1, Relaxed);
        }
        heartbeat(self, slot).store(heartbeat::now(), Relaxed);
    }

    fn claimed(&self, slot: usize) -> Option<(SystemTime, u64)> {
        let words = self.slot_words(slot);
        let at = time::of(words[CLAIMED].load(Relaxed))?;
        Some((at, words[CLAIMS].load(Relaxed).saturating_sub(1)))
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

    fn open_connections(&self, slot: usize) -> u64 {
        now(self, slot, CONNECTIONS)
    }

    fn set_open_connections(&self, slot: usize, process: u32, connections: usize) {
        set_now(self, slot, process, CONNECTIONS, connections);
    }

    fn open_streams(&self, slot: usize) -> u64 {
        now(self, slot, STREAMS)
    }

    fn set_open_streams(&self, slot: usize, process: u32, streams: usize) {
        set_now(self, slot, process, STREAMS, streams);
    }

    fn worker_memory(&self, slot: usize) -> Memory {
        match self.worker_state(slot) {
            WorkerState::Exited => Memory::default(),
            _ => Memory::load(&self.slot_words(slot)[MEMORY..]),
        }
    }

    fn set_worker_memory(&self, slot: usize, memory: Memory) {
        memory.store(&self.slot_words(slot)[MEMORY..]);
    }

    fn neighbour(&self, slot: usize) -> Option<usize> {
        let slots = self.shape().slots;
        (slots > 1).then(|| (slot + 1) % slots)
    }
}

fn holder(board: &Board, slot: usize) -> Holder {
    Holder::of(board.slot_words(slot)[HOLDER].load(Relaxed))
}

/// Whether there was something to replace.
fn replace_holder(board: &Board, slot: usize, next: impl Fn(Holder) -> Option<Holder>) -> bool {
    let replaced = board.slot_words(slot)[HOLDER].fetch_update(Relaxed, Relaxed, |word| {
        next(Holder::of(word)).map(Holder::word)
    });
    replaced.is_ok()
}

/// A number of things that the process of a slot has; 0 while there is none.
fn now(board: &Board, slot: usize, word: usize) -> u64 {
    match board.worker_state(slot) {
        WorkerState::Ready | WorkerState::Draining => board.slot_words(slot)[word].load(Relaxed),
        WorkerState::Starting | WorkerState::Exited => 0,
    }
}

fn set_now(board: &Board, slot: usize, process: u32, word: usize, number: usize) {
    if board.worker_process(slot) == process {
        board.slot_words(slot)[word].store(number as u64, Relaxed);
    }
}

fn heartbeat(board: &Board, slot: usize) -> &AtomicU64 {
    &board.slot_words(slot)[HEARTBEAT]
}
