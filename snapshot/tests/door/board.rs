//! What the board says, and to whom.

use std::fs;
use std::panic;
use std::time::{Duration, SystemTime};

use snapshot::{Board, Error, Map, Published, Publisher, Reader, Shape, WorkerState};

use crate::{FORMAT, SHAPE, Sample, place, publisher, reader};

#[test]
fn begins_with_nothing_published_fetched_or_ready() {
    let directory = place();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert_eq!(board.generation(), 0);
    assert_eq!(board.index_generation(), 0);
    assert_eq!(board.shape(), SHAPE);
    assert!((0..SHAPE.rows).all(|row| board.row_generation(row) == 0));
    assert!((0..100).all(|generation| board.published(generation).is_none()));
    assert!((0..SHAPE.rows).all(|row| board.fetched(row).is_none()));
    assert!((0..SHAPE.slots).all(|slot| board.worker_state(slot) == WorkerState::Starting));
    assert!(!board.draining());
}

#[test]
fn a_reader_sees_what_the_writer_notes_each_in_its_place() {
    let directory = place();
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
fn tells_which_row_each_of_the_newest_generations_was_published_for() {
    let directory = place();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    publisher.publish_index(&1_u32).unwrap();
    for generation in 2..=200 {
        let row = generation as usize % SHAPE.rows;
        publisher.publish(row, "sample", &generation).unwrap();
        assert_eq!(reader.board().generation(), generation);
        assert_eq!(reader.board().row_generation(row), generation);
    }
    assert_eq!(reader.board().index_generation(), 1);
    publisher.publish_index(&1_u32).unwrap();
    assert_eq!(reader.board().index_generation(), 201);
    for generation in 0..300 {
        let expected = match generation {
            ..138 | 202.. => None,
            201 => Some(Published::Index),
            row => Some(Published::Row(row as usize % SHAPE.rows)),
        };
        assert_eq!(
            reader.board().published(generation),
            expected,
            "{generation}"
        );
    }
}

#[test]
fn a_fetch_before_1970_still_counts_as_a_fetch() {
    let directory = place();
    let publisher = publisher(directory.path());
    publisher
        .board()
        .set_fetched(0, SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    assert!(publisher.board().fetched(0).is_some());
}

#[test]
fn everybody_sees_the_state_of_every_worker() {
    let directory = place();
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
    let directory = place();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert_eq!(board.worker_process(1), 0);
    board.claim_slot(1, 10);
    board.set_worker_state(1, 10, WorkerState::Ready);
    // Whoever started it says so too, perhaps later.
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
    let directory = place();
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
        let directory = place();
        let shape = Shape {
            format: FORMAT,
            rows: 1,
            slots,
        };
        let publisher = Publisher::open(directory.path(), shape).unwrap();
        let neighbours: Vec<_> = (0..slots)
            .map(|slot| publisher.board().neighbour(slot))
            .collect();
        assert_eq!(neighbours, expected);
    }
}

#[test]
fn no_two_workers_write_to_one_cache_line() {
    let directory = place();
    let publisher = publisher(directory.path());
    let before = fs::read(directory.path().join("board")).unwrap();
    (0..SHAPE.slots).for_each(|slot| {
        publisher.board().claim_slot(slot, 7);
    });
    let after = fs::read(directory.path().join("board")).unwrap();
    let lines = |content: &[u8]| content.chunks(128).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (before, after) = (lines(&before), lines(&after));
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after);
    assert_eq!(changed.count(), SHAPE.slots);
}

#[test]
fn the_last_row_and_the_last_slot_are_the_last() {
    for (rows, slots) in [(0, 0), (1, 1), (16, 2), (17, 1), (1000, 64)] {
        let directory = place();
        let publisher = Publisher::open(
            directory.path(),
            Shape {
                format: FORMAT,
                rows,
                slots,
            },
        )
        .unwrap();
        let board = publisher.board();
        if rows > 0 {
            board.set_fetched(rows - 1, SystemTime::now());
            publisher.publish(rows - 1, "last", &1_u32).unwrap();
        }
        (0..slots).for_each(|slot| {
            board.claim_slot(slot, 7);
            board.set_worker_state(slot, 7, WorkerState::Ready);
        });
        assert_eq!(
            (0..rows)
                .filter(|row| board.fetched(*row).is_some())
                .count(),
            rows.min(1)
        );
        let published: Vec<usize> = (0..rows)
            .filter(|row| board.row_generation(*row) == 1)
            .collect();
        assert_eq!(
            published,
            rows.checked_sub(1).into_iter().collect::<Vec<_>>()
        );
        let ready = |slot| board.worker_state(slot) == WorkerState::Ready;
        assert!((0..slots).all(ready));
        assert!(panic::catch_unwind(|| board.fetched(rows)).is_err());
        assert!(panic::catch_unwind(|| board.row_generation(rows)).is_err());
        assert!(panic::catch_unwind(|| board.worker_state(slots)).is_err());
    }
}

#[test]
fn a_board_too_large_to_count_is_refused() {
    let directory = place();
    for (rows, slots) in [(usize::MAX, 1), (u32::MAX as usize, 1), (1, usize::MAX)] {
        let shape = Shape {
            format: FORMAT,
            rows,
            slots,
        };
        assert!(matches!(
            Publisher::open(directory.path(), shape),
            Err(Error::Io { act: "create", .. })
        ));
    }
}

#[test]
fn board_and_maps_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Board>();
    shared::<Map<Sample>>();
    shared::<Reader>();
    shared::<Publisher>();
}
