//! What the words of the board say, and to whom.

use std::panic;
use std::time::{Duration, SystemTime};

use contract::{
    BoardWords, Closed, Ended, Endpoint, Failure, Fetch, Memory, STATUS_CLASSES, WorkerState,
};
use snapshot::{Publisher, Shape};
use tempfile::tempdir;

use crate::{SHAPE, publisher, reader};

#[test]
fn begins_with_nothing_fetched_or_ready() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert!((0..SHAPE.rows).all(|row| board.environment(row).fetched().is_none()));
    assert!((0..SHAPE.slots).all(|slot| board.worker_state(slot) == WorkerState::Starting));
    assert!(!board.draining());
    assert!(panic::catch_unwind(|| board.environment(SHAPE.rows).fetched()).is_err());
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
        board.environment(1).set_fetched(at);
        board.set_draining();
    })
    .join()
    .unwrap();
    assert_eq!(
        [0, 1, 2, 3].map(|row| reader.board().environment(row).fetched()),
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
        .environment(0)
        .set_fetched(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    assert!(publisher.board().environment(0).fetched().is_some());
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
fn a_slot_tells_when_its_process_claimed_it_and_how_many_did_before() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert_eq!(board.claimed(1), None);
    let start = SystemTime::now() - Duration::from_micros(1);
    board.claim_slot(1, 10);
    let (at, before) = board.claimed(1).expect("a claim");
    assert!(at >= start && before == 0);
    board.claim_slot(1, 10);
    assert_eq!(board.claimed(1), Some((at, 0)));
    board.claim_slot(1, 11);
    let (again, before) = board.claimed(1).expect("a claim");
    assert!(again >= at && before == 1);
    assert_eq!(board.claimed(0), None);
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

const AT: Duration = Duration::from_secs(1_700_000_000);

#[test]
fn a_row_says_how_its_environment_is_fetched() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    let (board, seen) = (publisher.board(), reader.board().environment(1));
    assert_eq!(
        (seen.fetched(), seen.tried(), seen.failing()),
        (None, None, None)
    );
    let at = |second| SystemTime::UNIX_EPOCH + AT + Duration::from_secs(second);
    let row = board.environment(1);
    row.failed(at(1), Failure::Timeout);
    assert_eq!(seen.failing(), Some((Failure::Timeout, at(1))));
    row.failed(at(2), Failure::Status(401));
    assert_eq!(seen.failing(), Some((Failure::Status(401), at(1))));
    assert_eq!(seen.tried(), Some(at(2)));
    row.succeeded(at(3));
    assert_eq!(seen.failing(), None);
    assert_eq!((seen.fetched(), seen.tried()), (Some(at(3)), Some(at(3))));
    row.failed(at(4), Failure::Publish);
    assert_eq!(seen.failing(), Some((Failure::Publish, at(4))));

    row.set_document(1234, 2);
    assert_eq!((seen.document_bytes(), seen.warnings()), (1234, 2));
    let second = Duration::from_secs(1);
    for (fetch, times) in [
        (Fetch::Changed, 1),
        (Fetch::Unchanged, 2),
        (Fetch::Failed, 3),
    ] {
        (0..times).for_each(|_| board.count_fetch(1, fetch, second));
    }
    board.count_fetch(2, Fetch::Changed, Duration::from_secs(60));
    board.count_compile(1, second);
    assert_eq!(Fetch::ALL.map(|fetch| seen.fetches(fetch)), [1, 2, 3]);
    assert_eq!(seen.fetching(), 6 * second);
    assert_eq!((seen.compiles(), seen.compiling()), (1, second));
    let proxy = reader.board().proxy();
    assert_eq!(Fetch::ALL.map(|fetch| proxy.fetches(fetch)), [2, 2, 3]);
    let durations = proxy.fetch_durations();
    assert_eq!((durations.count(), durations.sum), (7, 66 * second));
    let up_to = |bound| durations.cumulative().find(|each| each.0 == bound);
    assert_eq!(up_to(second), Some((second, 6)));
    assert_eq!(proxy.compile_durations().count(), 1);
}

#[test]
fn the_common_words_say_how_the_proxy_does() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    let (proxy, seen) = (publisher.board().proxy(), reader.board().proxy());
    let at = |second| SystemTime::UNIX_EPOCH + AT + Duration::from_secs(second);
    proxy.set_started(at(0));
    assert_eq!(
        (seen.started(), seen.configured()),
        (Some(at(0)), Some(at(0)))
    );
    proxy.count_reload(false, at(1));
    assert_eq!((seen.is_configured(), seen.reloads()), (false, (0, 1)));
    assert_eq!(seen.configured(), Some(at(0)));
    proxy.count_reload(true, at(2));
    assert_eq!((seen.is_configured(), seen.reloads()), (true, (1, 1)));
    assert_eq!(seen.configured(), Some(at(2)));
    for (times, reason) in (1..).zip(Ended::ALL) {
        (0..times).for_each(|_| proxy.count_ended_worker(reason));
    }
    assert_eq!(
        Ended::ALL.map(|reason| seen.ended_workers(reason)),
        [1, 2, 3, 4]
    );
    let memory = Memory {
        private: 7,
        mapped: 8,
    };
    proxy.set_memory(memory);
    assert_eq!(seen.memory(), memory);
    assert!(!reader.board().draining());
}

#[test]
fn workers_of_a_slot_count_together_and_other_slots_apart() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    let count = |slot| {
        let counters = reader.board().counters(slot);
        for endpoint in Endpoint::ALL {
            for (number, status) in [101, 200, 304, 404, 503, 999].into_iter().enumerate() {
                let took = Duration::from_micros(1 << (4 * number));
                counters.answered(endpoint, status, number, took);
            }
        }
        counters.accepted();
        Closed::ALL
            .iter()
            .for_each(|reason| counters.closed(*reason));
    };
    std::thread::scope(|scope| {
        (0..4).for_each(|_| _ = scope.spawn(|| (0..1000).for_each(|_| count(2))));
    });
    count(1);
    for (slot, times) in [(0, 0), (1, 1), (2, 4000), (3, 0)] {
        let counters = publisher.board().counters(slot);
        for endpoint in Endpoint::ALL {
            // What has no class counts with the nearest.
            assert_eq!(
                counters.requests(endpoint),
                [2, 1, 1, 2].map(|each| each * times)
            );
            assert_eq!(counters.bytes(endpoint), times * (1 + 2 + 3 + 4 + 5));
            let durations = counters.durations(endpoint);
            assert_eq!(durations.count(), 6 * times);
            let counts: Vec<u64> = durations
                .cumulative()
                .map(|each| each.1 / times.max(1))
                .collect();
            let expected = [1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5];
            if times > 0 {
                assert_eq!(counts, expected, "{endpoint:?}");
            }
        }
        assert_eq!(counters.connections(), times);
        assert!(
            Closed::ALL
                .iter()
                .all(|reason| counters.closed_connections(*reason) == times)
        );
    }
    assert_eq!(STATUS_CLASSES.len(), 4);
}

#[test]
fn only_the_holder_of_a_slot_says_how_many_connections_and_streams_are_open() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    board.claim_slot(1, 10);
    let open = || (board.open_connections(1), board.open_streams(1));
    board.set_open_connections(1, 10, 3);
    board.set_open_streams(1, 10, 4);
    assert_eq!(open(), (0, 0));
    board.set_worker_state(1, 10, WorkerState::Ready);
    assert_eq!(open(), (3, 4));
    board.set_open_connections(1, 11, 9);
    board.set_open_streams(1, 11, 9);
    assert_eq!(open(), (3, 4));
    board.set_worker_state(1, 10, WorkerState::Exited);
    assert_eq!(open(), (0, 0));
}
