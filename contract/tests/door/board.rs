//! What the words of the board say, and to whom.

use std::panic;
use std::time::{Duration, SystemTime};

use contract::{BoardWords, WorkerState};
use snapshot::{Publisher, Shape};
use tempfile::tempdir;

use crate::{SHAPE, publisher, reader};

#[test]
fn begins_with_nothing_fetched_or_ready() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert!((0..SHAPE.rows).all(|row| board.fetched(row).is_none()));
    assert!((0..SHAPE.slots).all(|slot| board.worker_state(slot) == WorkerState::Starting));
    assert!(!board.draining());
    assert!(panic::catch_unwind(|| board.fetched(SHAPE.rows)).is_err());
    assert!(panic::catch_unwind(|| board.worker_state(SHAPE.slots)).is_err());
}

#[test]
fn a_reader_sees_what_the_supervisor_notes_each_in_its_place() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    let board = publisher.share_board();
    std::thread::spawn(move || {
        board.set_fetched(1, at);
        board.set_draining();
    })
    .join()
    .unwrap();
    assert_eq!(
        [0, 1, 2, 3].map(|row| reader.board().fetched(row)),
        [None, Some(at), None, None]
    );
    assert!(reader.board().draining());
}

#[test]
fn a_fetch_before_1970_still_counts_as_a_fetch() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    publisher
        .board()
        .set_fetched(0, SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    assert!(publisher.board().fetched(0).is_some());
}

#[test]
fn everybody_sees_the_state_of_every_worker() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    let states = [
        WorkerState::Exited,
        WorkerState::Draining,
        WorkerState::Ready,
        WorkerState::Starting,
    ];
    for (slot, state) in states.into_iter().enumerate() {
        reader.board().claim_slot(slot, 7);
        reader.board().set_worker_state(slot, 7, state);
    }
    assert_eq!(
        [0, 1, 2, 3].map(|slot| publisher.board().worker_state(slot)),
        states
    );
    assert_eq!(
        states.map(|state| state.to_string()),
        ["exited", "draining", "ready", "starting"]
    );
}

#[test]
fn a_slot_is_held_by_one_process_and_nobody_else_is_heard() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert_eq!(board.worker_process(1), 0);
    board.claim_slot(1, 10);
    board.set_worker_state(1, 10, WorkerState::Ready);
    // The supervisor claims it for the worker too, perhaps later.
    board.claim_slot(1, 10);
    assert_eq!(board.worker_state(1), WorkerState::Ready);
    board.claim_slot(1, 11);
    assert_eq!(board.worker_state(1), WorkerState::Starting);
    for state in [WorkerState::Draining, WorkerState::Exited] {
        board.set_worker_state(1, 10, state);
        assert_eq!(board.worker_state(1), WorkerState::Starting);
    }
    assert_eq!(board.worker_process(1), 11);
    board.set_worker_state(1, 11, WorkerState::Ready);
    assert_eq!(board.worker_state(1), WorkerState::Ready);
    assert_eq!(board.worker_state(0), WorkerState::Starting);
}

#[test]
fn a_heartbeat_is_young_when_its_process_beats_and_gets_old() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    let age = || reader.board().heartbeat_age(0);
    let old = Duration::from_millis(20);
    publisher.board().claim_slot(0, 10);
    while age() < old {
        publisher.board().beat(0, 11);
    }
    let before = age();
    publisher.board().beat(0, 10);
    assert!(age() < before);
}

#[test]
fn every_worker_but_a_lone_one_has_a_neighbour() {
    for (slots, expected) in [
        (1, vec![None]),
        (2, vec![Some(1), Some(0)]),
        (3, vec![Some(1), Some(2), Some(0)]),
    ] {
        let directory = tempdir().unwrap();
        let publisher = Publisher::open(directory.path(), Shape { slots, ..SHAPE }).unwrap();
        let neighbours: Vec<_> = (0..slots)
            .map(|slot| publisher.board().neighbour(slot))
            .collect();
        assert_eq!(neighbours, expected);
    }
}
