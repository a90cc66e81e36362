//! Looking at a directory: what is seen, and that nothing changes.

use std::fs;
use std::sync::atomic::Ordering::Relaxed;

use snapshot::{Defect, Error, Inspector, Ownership};

use crate::{FORMAT, Sample, path, place, publisher};

#[test]
fn what_a_writer_published_is_seen_beside_it_and_after_its_end() {
    let place = place();
    let writer = publisher(place.path());
    let generation = writer.publish(2, "row", &Sample::new(1, 10)).unwrap();
    writer.publish_index(&Sample::new(2, 3)).unwrap();
    let inspector = Inspector::open(place.path(), FORMAT).unwrap();
    let look = || {
        let board = inspector.board().unwrap();
        assert_eq!(board.row_generation(2), generation);
        let row = inspector.row::<Sample>("row", generation).unwrap();
        assert!(row.map.is_whole());
        let file = fs::metadata(path(place.path(), "row", generation)).unwrap();
        assert_eq!(
            (row.map.length() as u64, row.written),
            (file.len(), file.modified().unwrap())
        );
        let index = inspector.index::<Sample>(board.index_generation()).unwrap();
        assert!(index.map.is_whole());
    };
    look();
    let held = Ownership::Held(Some(std::process::id()));
    assert_eq!(inspector.ownership().unwrap(), held);
    drop(writer);
    look();
    assert_eq!(inspector.ownership().unwrap(), Ownership::Free);
    // A look leaves no lock behind.
    publisher(place.path());
}

#[test]
fn what_is_stored_into_an_inspected_board_stays_here() {
    let place = place();
    let writer = publisher(place.path());
    let before = fs::read(place.path().join("board")).unwrap();
    let board = Inspector::open(place.path(), FORMAT)
        .unwrap()
        .board()
        .unwrap();
    board.row_words(1)[0].store(7, Relaxed);
    assert_eq!(writer.board().row_words(1)[0].load(Relaxed), 0);
    assert_eq!(fs::read(place.path().join("board")).unwrap(), before);
}

#[test]
fn names_that_no_writer_gives_are_foreign() {
    let place = place();
    let writer = publisher(place.path());
    let generation = writer.publish(0, "row", &Sample::new(1, 10)).unwrap();
    let rows = place.path().join("environments");
    for name in ["notes", "row.01", "row.x", ".1"] {
        fs::write(rows.join(name), "").unwrap();
    }
    let mut contents = Inspector::open(place.path(), FORMAT)
        .unwrap()
        .contents()
        .unwrap();
    contents.foreign.sort();
    assert_eq!(
        contents.foreign,
        [".1", "notes", "row.01", "row.x"].map(|name| rows.join(name))
    );
    assert_eq!(
        contents.rows.into_iter().collect::<Vec<_>>(),
        [("row".to_owned(), vec![generation])]
    );
}

#[test]
fn every_byte_of_a_file_is_checked() {
    let place = place();
    let writer = publisher(place.path());
    let generation = writer.publish(0, "row", &Sample::new(1, 10)).unwrap();
    let file = path(place.path(), "row", generation);
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    let inspector = Inspector::open(place.path(), FORMAT).unwrap();
    let refused = inspector.row::<Sample>("row", generation).map(drop);
    assert!(
        matches!(
            refused,
            Err(Error::Defective {
                defect: Defect::Checksum { .. },
                ..
            })
        ),
        "{refused:?}"
    );
    let gone = inspector.row::<Sample>("row", generation + 1).map(drop);
    assert!(matches!(gone, Err(Error::Retired { .. })), "{gone:?}");
}
