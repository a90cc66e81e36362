//! This worker's slot on the board: what it says there of itself, and what it sees there of its neighbour. Knows nothing
//! of sockets.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use actix_rt::time::interval;
use contract::heartbeat::{ABSENT_AFTER, INTERVAL};
use contract::{BoardWords, WorkerState};
use snapshot::Reader;

/// A slot, held by this process.
pub(crate) struct Slot {
    reader: Arc<Reader>,
    number: usize,
    process: u32,
}

impl Slot {
    /// Takes the slot of that number.
    pub(crate) fn claim(reader: Arc<Reader>, number: usize) -> Self {
        let process = std::process::id();
        reader.board().claim_slot(number, process);
        Self {
            reader,
            number,
            process,
        }
    }

    /// Says what this worker is doing.
    pub(crate) fn say(&self, state: WorkerState) {
        self.reader
            .board()
            .set_worker_state(self.number, self.process, state);
    }

    /// Says from now on that this worker is alive, for as long as the slot is kept.
    pub(crate) fn keep_beating(self: &Rc<Self>) {
        actix_rt::spawn(beat(Rc::downgrade(self)));
    }

    /// Whether nobody accepts from the neighbour's socket, as far as the board tells.
    pub(crate) fn neighbour_is_absent(&self) -> bool {
        let board = self.reader.board();
        board.neighbour(self.number).is_some_and(|neighbour| {
            board.worker_state(neighbour) != WorkerState::Ready
                || board.heartbeat_age(neighbour) > ABSENT_AFTER
        })
    }
}

async fn beat(slot: Weak<Slot>) {
    let mut interval = interval(INTERVAL);
    loop {
        interval.tick().await;
        let Some(slot) = slot.upgrade() else {
            return;
        };
        slot.reader.board().beat(slot.number, slot.process);
    }
}
