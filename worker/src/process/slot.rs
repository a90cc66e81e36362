//! This worker's slot on the board: what it says there of itself, and what it sees there of its neighbour. Knows nothing
//! of sockets.

use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::interval;
use snapshot::{Reader, WorkerState};

/// How often a worker says that it takes its turns, and looks whether its neighbour does.
pub(crate) const BEAT: Duration = Duration::from_millis(500);

/// A neighbour that was not heard of for so long needs help. Long before the supervisor replaces it: help costs nothing.
const UNHEARD: Duration = Duration::from_secs(2);

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
                || board.heartbeat_age(neighbour) > UNHEARD
        })
    }
}

async fn beat(slot: Weak<Slot>) {
    let mut interval = interval(BEAT);
    loop {
        interval.tick().await;
        let Some(slot) = slot.upgrade() else {
            return;
        };
        slot.reader.board().beat(slot.number, slot.process);
    }
}
