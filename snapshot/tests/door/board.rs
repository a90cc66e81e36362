//! The generations and words of the board.

use std::fs;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use snapshot::{Board, CallersWords, Error, Map, Publisher, Reader, Shape};

use crate::{FORMAT, SHAPE, Sample, newest, place, publisher, reader};

/// All words of the caller.
fn words(board: &Board) -> impl Iterator<Item = &AtomicU64> {
    let rows = (0..board.shape().rows).flat_map(|row| board.row_words(row));
    let slots = (0..board.shape().slots).flat_map(|slot| board.slot_words(slot));
    rows.chain(slots).chain(board.common_words())
}

#[test]
fn begins_with_nothing_published_and_every_word_zero() {
    let directory = place();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    assert_eq!(board.shape(), SHAPE);
    assert_eq!(newest(board), 0);
    assert!(words(board).all(|word| word.load(Relaxed) == 0));
}

#[test]
fn a_reader_sees_the_generation_of_each_publication() {
    let directory = place();
    let publisher = publisher(directory.path());
    let reader = reader(directory.path());
    publisher.publish_index(&1_u32).unwrap();
    for generation in 2..=200 {
        let row = generation as usize % SHAPE.rows;
        publisher.publish(row, "sample", &generation).unwrap();
        assert_eq!(reader.board().row_generation(row), generation);
        assert_eq!(newest(reader.board()), generation);
    }
    assert_eq!(reader.board().index_generation(), 1);
    publisher.publish_index(&1_u32).unwrap();
    assert_eq!(reader.board().index_generation(), 201);
}

#[test]
fn every_word_has_a_place_of_its_own_that_everybody_sees() {
    for (rows, slots, common, row, slot) in [
        (0, 0, 0, 0, 0),
        (1, 1, 16, 1, 16),
        (16, 2, 1, 16, 17),
        (17, 1, 33, 17, 1),
        (1000, 64, 16, 3, 300),
    ] {
        let directory = place();
        let shape = Shape {
            format: FORMAT,
            rows,
            slots,
            words: CallersWords { common, row, slot },
        };
        let publisher = Publisher::open(directory.path(), shape).unwrap();
        let index = publisher.publish_index(&1_u32).unwrap();
        for row in 0..rows {
            publisher
                .publish(row, &format!("row-{row}"), &1_u32)
                .unwrap();
        }
        let board = publisher.share_board();
        std::thread::spawn(move || {
            (1..)
                .zip(words(&board))
                .for_each(|(value, word)| word.store(value, Relaxed));
        })
        .join()
        .unwrap();

        let reader = reader(directory.path());
        let board = reader.board();
        assert_eq!(words(board).count(), rows * row + slots * slot + common);
        assert!(
            (1..)
                .zip(words(board))
                .all(|(value, word)| word.load(Relaxed) == value)
        );
        assert_eq!(board.index_generation(), index);
        assert!((0..rows).all(|row| board.row_generation(row) == index + 1 + row as u64));
        assert!(panic::catch_unwind(|| board.row_words(rows)).is_err());
        assert!(panic::catch_unwind(|| board.row_generation(rows)).is_err());
        assert!(panic::catch_unwind(|| board.slot_words(slots)).is_err());
    }
}

#[test]
fn no_two_slots_share_a_cache_line_and_no_word_lies_beside_a_generation() {
    let directory = place();
    let publisher = publisher(directory.path());
    let board = publisher.board();
    let lines = || {
        let content = fs::read(directory.path().join("board")).unwrap();
        content.chunks(128).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let changed_by = |change: &dyn Fn()| {
        let before = lines();
        change();
        let after = lines();
        before
            .iter()
            .zip(&after)
            .map(|(before, after)| before != after)
            .collect()
    };
    let stored =
        |words: &[AtomicU64]| changed_by(&|| words.iter().for_each(|word| word.store(7, Relaxed)));
    let slots = (0..SHAPE.slots).map(|slot| stored(board.slot_words(slot)));
    let rows = (0..SHAPE.rows).map(|row| stored(board.row_words(row)));
    let callers: Vec<Vec<bool>> = slots.chain(rows).collect();
    let others = [
        stored(board.common_words()),
        changed_by(&|| _ = publisher.publish(0, "sample", &1_u32).unwrap()),
        changed_by(&|| _ = publisher.publish_index(&1_u32).unwrap()),
    ];
    let parts: Vec<&Vec<bool>> = callers.iter().chain(&others).collect();
    for line in 0..parts[0].len() {
        assert!(
            parts.iter().filter(|changed| changed[line]).count() <= 1,
            "line {line}"
        );
    }
    let lines: Vec<usize> = parts
        .iter()
        .map(|changed| changed.iter().filter(|changed| **changed).count())
        .collect();
    assert_eq!(lines, [2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn a_board_too_large_to_count_is_refused() {
    let directory = place();
    let shapes = [(usize::MAX, 1), (u32::MAX as usize, 1), (1, usize::MAX)];
    let shapes = shapes.map(|(rows, slots)| Shape {
        rows,
        slots,
        ..SHAPE
    });
    let words = [(usize::MAX, 0, 0), (0, usize::MAX, 0), (0, 0, usize::MAX)];
    let words = words.map(|(common, row, slot)| Shape {
        words: CallersWords { common, row, slot },
        ..SHAPE
    });
    for shape in shapes.into_iter().chain(words) {
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
