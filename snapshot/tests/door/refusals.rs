//! Files that are not ours or not whole, each refused by name.

use std::fs;
use std::path::Path;

use snapshot::{Defect, Error, Reader};
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

use crate::{FORMAT, Sample, path, place, publisher, reader};

const HEADER: usize = 48;
const INDEX: u64 = 1;
const ROW: u64 = 2;

type Change = fn(&mut Vec<u8>);

/// A directory with an index and a row, and without a publisher.
fn published() -> TempDir {
    let place = place();
    let publisher = publisher(place.path());
    assert_eq!(publisher.publish_index(&Sample::new(1, 1)).unwrap(), INDEX);
    let row = publisher.publish(0, "sample", &Sample::new(1, 100));
    assert_eq!(row.unwrap(), ROW);
    place
}

/// Puts an edited copy in place of a file, which nobody has mapped.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = fs::read(path).unwrap();
    change(&mut content);
    fs::write(path, content).unwrap();
}

/// Edits a snapshot; expects the plain and the verified open to refuse it with the same words, for file and index.
/// `GENERATION` in them stands for the one asked for.
#[track_caller]
fn check_refused(change: impl Fn(&mut Vec<u8>), expected: &str) {
    let place = published();
    let (file, index) = (
        path(place.path(), "sample", ROW),
        place.path().join(format!("index.{INDEX}")),
    );
    let reader = reader(place.path());
    edit(&file, &change);
    edit(&index, &change);
    for (path, generation, refused) in [
        (&file, ROW, reader.map::<Sample>("sample", ROW)),
        (&file, ROW, reader.map_verified::<Sample>("sample", ROW)),
        (&index, INDEX, reader.index::<Sample>(INDEX)),
        (&index, INDEX, reader.index_verified::<Sample>(INDEX)),
    ] {
        let expected = expected.replace("GENERATION", &generation.to_string());
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("map {}: {expected}", path.display())
        );
    }
}

/// As [`check_refused`], for defects that only the verified open can see.
#[track_caller]
fn check_unverified(change: impl Fn(&mut Vec<u8>)) -> Defect {
    let place = published();
    let reader = reader(place.path());
    edit(&path(place.path(), "sample", ROW), &change);
    reader.map::<Sample>("sample", ROW).unwrap();
    match reader.map_verified::<Sample>("sample", ROW).unwrap_err() {
        Error::Defective { defect, .. } => defect,
        other => panic!("{other}"),
    }
}

#[test]
fn a_whole_file_is_accepted_verified_or_not() {
    let place = published();
    let reader = reader(place.path());
    assert!(reader.map::<Sample>("sample", ROW).unwrap().is_whole());
    assert!(
        reader
            .map_verified::<Sample>("sample", ROW)
            .unwrap()
            .is_whole()
    );
    assert!(reader.index::<Sample>(INDEX).unwrap().is_whole());
    assert!(reader.index_verified::<Sample>(INDEX).unwrap().is_whole());
}

#[test]
fn truncated_files() {
    check_refused(Vec::clear, "truncated: 0 bytes, expected 48");
    check_refused(
        |content| content.truncate(47),
        "truncated: 47 bytes, expected 48",
    );
    // The header claims a payload of 16 bytes, which is less than the size of the value.
    let short = |content: &mut Vec<u8>| {
        content.truncate(HEADER + 16);
        content[32..40].copy_from_slice(&16_u64.to_le_bytes());
        let checksum = xxh3_64(&content[HEADER..]);
        content[40..HEADER].copy_from_slice(&checksum.to_le_bytes());
    };
    check_refused(short, "truncated: 64 bytes, expected 72");
    let short = |content: &mut Vec<u8>| content.truncate(HEADER);
    let place = published();
    edit(&path(place.path(), "sample", ROW), short);
    let error = reader(place.path())
        .map::<Sample>("sample", ROW)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Defective {
                defect: Defect::Truncated {
                    found: 48,
                    expected: 872
                },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn files_that_are_not_ours() {
    check_refused(
        |content| content[0] ^= 1,
        "foreign: not written by a publisher",
    );
    check_refused(
        |content| *content = vec![b'{'; 4096],
        "foreign: not written by a publisher",
    );
}

#[test]
fn files_of_another_release() {
    check_refused(|content| content[8] = 9, "header format 9, expected 1");
    check_refused(|content| content[12] = 9, "format 9, expected 7");
}

#[test]
fn files_of_another_generation_than_their_name_says() {
    check_refused(
        |content| content[16] = 9,
        "generation 9, expected GENERATION",
    );
    let place = published();
    fs::copy(
        path(place.path(), "sample", ROW),
        path(place.path(), "sample", 3),
    )
    .unwrap();
    let error = reader(place.path()).map::<Sample>("sample", 3).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("sample.3: generation 2, expected 3"),
        "{error}"
    );
}

#[test]
fn files_that_hold_a_value_of_another_type() {
    check_refused(|content| content[24] ^= 1, "holds a value of another type");
    let place = published();
    let error = reader(place.path())
        .map::<Vec<String>>("sample", ROW)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Defective {
                defect: Defect::Type,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn files_that_go_on_after_their_end() {
    let place = published();
    edit(&path(place.path(), "sample", ROW), |content| {
        content.push(0)
    });
    let error = reader(place.path())
        .map::<Sample>("sample", ROW)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("sample.2: length 873 bytes, expected 872"),
        "{error}"
    );
}

#[test]
fn payloads_that_are_not_as_written_when_verified() {
    for place in [HEADER, HEADER + 400] {
        let defect = check_unverified(|content| content[place] ^= 1);
        assert!(matches!(defect, Defect::Checksum { .. }), "{defect}");
    }
}

#[test]
fn payloads_that_are_no_archive_when_verified() {
    let defect = check_unverified(|content| {
        content[HEADER..].fill(0x77);
        let checksum = xxh3_64(&content[HEADER..]);
        content[40..HEADER].copy_from_slice(&checksum.to_le_bytes());
    });
    assert!(matches!(defect, Defect::Invalid(_)), "{defect}");
}

#[test]
fn names_that_are_gone() {
    let place = published();
    let reader = reader(place.path());
    assert!(matches!(
        reader.map::<Sample>("sample", 3),
        Err(Error::Retired { .. })
    ));
    assert!(matches!(
        reader.index::<Sample>(3),
        Err(Error::Retired { .. })
    ));
}

#[test]
fn boards_that_are_not_ours() {
    let changes: [(Change, &str); 7] = [
        (Vec::clear, "truncated: 0 bytes, expected 256"),
        (
            |content| content.truncate(255),
            "truncated: 248 bytes, expected 256",
        ),
        (
            |content| content[0] ^= 1,
            "foreign: not written by a publisher",
        ),
        (
            |content| content[8..16].copy_from_slice(&9_u64.to_ne_bytes()),
            "header format 9, expected 5",
        ),
        (
            |content| content[16..24].copy_from_slice(&9_u64.to_ne_bytes()),
            "format 9, expected 7",
        ),
        (
            |content| content[32..40].copy_from_slice(&5_u64.to_ne_bytes()),
            "length 2048 bytes, expected 2304",
        ),
        (
            |content| content[32..40].fill(0xff),
            "length 2048 bytes, expected 18446744073709551615",
        ),
    ];
    for (change, expected) in changes {
        let place = published();
        let board = place.path().join("board");
        edit(&board, change);
        let error = Reader::open(place.path(), FORMAT).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("map {}: {expected}", board.display())
        );
    }
}

#[test]
fn boards_of_another_caller() {
    let place = published();
    let error = Reader::open(place.path(), FORMAT + 1).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Defective {
                defect: Defect::Format {
                    found: 7,
                    expected: 8
                },
                ..
            }
        ),
        "{error}"
    );
}
