//! This worker's slot of the board: what the worker says there, and what it sees of its neighbour.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use actix_rt::time::interval;
use contract::heartbeat::{ABSENT_AFTER, INTERVAL};
use contract::{BoardWords, Counters, WorkerState};
use snapshot::Reader;

/// A slot that this process holds.
pub(crate) struct Slot {
    reader: Arc<Reader>,
    number: usize,
    process: u32,
}

impl Slot {
    pub(crate) fn claim(reader: Arc<Reader>, number: usize) -> Self {
        let process = std::process::id();
        reader.board().claim_slot(number, process);
        Self {
            reader,
            number,
            process,
        }
    }

    /// Says on the board what this worker does.
    pub(crate) fn set_state(&self, state: WorkerState) {
        self.reader
            .board()
            .set_worker_state(self.number, self.process, state);
    }

    /// What this worker counts, after those that had the slot before.
    #[inline]
    pub(crate) fn counters(&self) -> Counters<'_> {
        self.reader.board().counters(self.number)
    }

    /// Says on the board how many connections are open.
    pub(crate) fn set_open_connections(&self, connections: usize) {
        let board = self.reader.board();
        board.set_open_connections(self.number, self.process, connections);
    }

    /// Says on the board how many streams are open.
    pub(crate) fn set_open_streams(&self, streams: usize) {
        let board = self.reader.board();
        board.set_open_streams(self.number, self.process, streams);
    }

    /// No other worker has taken the slot.
    pub(crate) fn is_held(&self) -> bool {
        self.reader.board().worker_process(self.number) == self.process
    }

    /// Writes heartbeats from now on, until the slot is dropped.
    pub(crate) fn start_heartbeats(self: &Rc<Self>) {
        actix_rt::spawn(write_heartbeats(Rc::downgrade(self)));
    }

    /// No worker accepts from the neighbour's socket, as far as the board says: there is none, or it has been silent.
    pub(crate) fn neighbour_is_absent(&self) -> bool {
        let board = self.reader.board();
        board.neighbour(self.number).is_some_and(|neighbour| {
            board.worker_state(neighbour) != WorkerState::Ready
                || board.heartbeat_age(neighbour) > ABSENT_AFTER
        })
    }
}

async fn write_heartbeats(slot: Weak<Slot>) {
    let mut interval = interval(INTERVAL);
    loop {
        interval.tick().await;
        let Some(slot) = slot.upgrade() else {
            return;
        };
        slot.reader.board().beat(slot.number, slot.process);
    }
}
