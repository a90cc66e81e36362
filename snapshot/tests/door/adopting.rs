//! What a writer does with the rows that an earlier run left: it serves the newest whole file of each name, and never
//! any other.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use snapshot::{Adoption, Board, Error, Publisher, Shape};
use tempfile::TempDir;

use crate::{ArchivedSample, FORMAT, SHAPE, Sample, names, newest, path, place, publisher, reader};

const OLD: u64 = 2;
const NEW: u64 = 3;
const HEADER: usize = 48;

/// A directory in which two files of a row lie, as if the writer had been killed before it settled.
pub(crate) fn left_behind(length: usize) -> TempDir {
    let place = place();
    let publisher = publisher(place.path());
    publisher.publish_index(&1_u32).unwrap();
    for generation in [OLD, NEW] {
        let sample = Sample::new(generation, length);
        assert_eq!(publisher.publish(0, "sample", &sample).unwrap(), generation);
    }
    place
}

pub(crate) fn adopt(directory: &Path) -> (Publisher, Adoption<Sample>) {
    let publisher = publisher(directory);
    let adoption = publisher.adopt(0, "sample").unwrap();
    (publisher, adoption)
}

/// The generation that is served after a start; checks its value, and that a reader sees the same.
#[track_caller]
fn served(directory: &Path, publisher: &Publisher, adoption: &Adoption<Sample>) -> Option<u64> {
    let adopted = adoption.adopted.as_ref();
    let generation = adopted.map(|adopted| adopted.generation);
    assert_eq!(publisher.board().row_generation(0), generation.unwrap_or(0));
    if let Some(adopted) = adopted {
        assert_eq!(adopted.map.generation(), adopted.generation);
        assert!(adopted.map.is_whole());
        let read = reader(directory).map::<Sample>("sample", adopted.generation);
        assert!(ArchivedSample::is_whole(&read.unwrap()));
    }
    generation
}

/// Damages the newer file; expects it to be refused by name and the older one to be served.
#[track_caller]
pub(crate) fn check_refused(place: &TempDir, expected: &str) {
    let damaged = path(place.path(), "sample", NEW);
    let (publisher, adoption) = adopt(place.path());
    assert_eq!(served(place.path(), &publisher, &adoption), Some(OLD));
    let refused: Vec<String> = adoption.refused.iter().map(Error::to_string).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(
        refused[0].contains(&damaged.display().to_string()) && refused[0].contains(expected),
        "{refused:?}, not {expected}"
    );
}

#[test]
fn the_newest_whole_file_is_served_on_and_never_written() {
    let place = left_behind(100);
    let file = path(place.path(), "sample", NEW);
    let long_ago = SystemTime::now() - Duration::from_secs(5000);
    fs::File::open(&file)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let before = (fs::metadata(&file).unwrap().ino(), fs::read(&file).unwrap());

    let (publisher, adoption) = adopt(place.path());
    assert_eq!(served(place.path(), &publisher, &adoption), Some(NEW));
    assert_eq!(adoption.refused.len(), 0);
    assert_eq!(adoption.adopted.unwrap().published, long_ago);
    assert_eq!(publisher.publish_index(&1_u32).unwrap(), NEW + 1);
    assert_eq!(newest(publisher.board()), NEW + 1);
    publisher.settle().unwrap();
    assert_eq!(names(&place.path().join("environments")), ["sample.3"]);
    assert_eq!(
        before,
        (fs::metadata(&file).unwrap().ino(), fs::read(&file).unwrap())
    );

    assert_eq!(publisher.publish(0, "sample", &5_u64).unwrap(), NEW + 2);
    publisher.settle().unwrap();
    assert_eq!(names(&place.path().join("environments")), ["sample.5"]);
}

#[test]
fn rows_are_found_by_name_wherever_they_were() {
    let place = place();
    let first = publisher(place.path());
    first.publish_index(&1_u32).unwrap();
    for (row, name) in ["a", "b", "c"].into_iter().enumerate() {
        first.publish(row, name, &(row as u64)).unwrap();
    }
    drop(first);
    let second = publisher(place.path());
    for (row, name, expected) in [(3, "a", 0_u64), (0, "c", 2)] {
        let adoption = second.adopt::<u64>(row, name).unwrap();
        assert_eq!(*adoption.adopted.unwrap().map, expected);
    }
    assert!(second.adopt::<u64>(1, "d").unwrap().adopted.is_none());
    second.publish_index(&1_u32).unwrap();
    second.settle().unwrap();
    // Row "b" was not adopted, so its file is gone.
    assert_eq!(names(&place.path().join("environments")), ["a.2", "c.4"]);
}

#[test]
fn any_flipped_bit_of_a_header_is_seen() {
    let place = left_behind(20);
    let file = path(place.path(), "sample", NEW);
    let whole = fs::read(&file).unwrap();
    for bit in 0..HEADER * 8 {
        let (publisher, refused) = with(&place, &whole, |content| {
            content[bit / 8] ^= 1 << (bit % 8);
        });
        assert_eq!(refused.len(), 1, "bit {bit}");
        assert!(refused[0].contains("sample.3: "), "bit {bit}: {refused:?}");
        drop(publisher);
    }
}

#[test]
fn flipped_bits_and_zeroed_pages_of_a_payload_are_seen() {
    let place = left_behind(3000);
    let whole = fs::read(path(place.path(), "sample", NEW)).unwrap();
    let mut chance = fastrand::Rng::with_seed(5);
    for _ in 0..500 {
        let bit = chance.usize(HEADER * 8..whole.len() * 8);
        let (_, refused) = with(&place, &whole, |content| {
            content[bit / 8] ^= 1 << (bit % 8);
        });
        assert!(refused[0].contains("checksum"), "bit {bit}: {refused:?}");
    }
    // After a power cut, a file may have its length but not all of its pages.
    for page in 0..whole.len() / 4096 {
        let (_, refused) = with(&place, &whole, |content| content[page * 4096..].fill(0));
        assert_eq!(refused.len(), 1, "page {page}");
    }
}

#[test]
fn files_that_end_anywhere_early_are_seen() {
    let place = left_behind(20);
    let whole = fs::read(path(place.path(), "sample", NEW)).unwrap();
    for length in 0..whole.len() {
        let (_, refused) = with(&place, &whole, |content| content.truncate(length));
        assert!(refused[0].contains("truncated"), "{length}: {refused:?}");
    }
    let (_, refused) = with(&place, &whole, |content| content.push(0));
    assert!(refused[0].contains("length"), "{refused:?}");
}

#[test]
fn garbage_of_any_length_is_seen() {
    let place = left_behind(20);
    let mut chance = fastrand::Rng::with_seed(6);
    for _ in 0..300 {
        let length = chance.usize(0..2000);
        let (_, refused) = with(&place, &[], |content| {
            content.extend(std::iter::repeat_with(|| chance.u8(..)).take(length));
        });
        assert_eq!(refused.len(), 1, "{length}");
    }
}

/// Puts a changed copy of `whole` in place of the newer file; expects the older one to be served, and says why.
#[track_caller]
fn with(
    place: &TempDir,
    whole: &[u8],
    change: impl FnOnce(&mut Vec<u8>),
) -> (Publisher, Vec<String>) {
    let mut content = whole.to_vec();
    change(&mut content);
    fs::write(path(place.path(), "sample", NEW), content).unwrap();
    let (publisher, adoption) = adopt(place.path());
    assert_eq!(served(place.path(), &publisher, &adoption), Some(OLD));
    let refused = adoption.refused.iter().map(Error::to_string).collect();
    (publisher, refused)
}

#[test]
fn what_another_release_or_another_type_wrote_is_refused_and_then_gone() {
    let place = left_behind(20);
    let shape = Shape {
        format: FORMAT + 1,
        ..SHAPE
    };
    let newer = Publisher::open(place.path(), shape).unwrap();
    let warnings: Vec<String> = newer.warnings().iter().map(Error::to_string).collect();
    assert!(
        warnings[0].ends_with("board: format 7, expected 8"),
        "{warnings:?}"
    );
    assert!(newer.earlier_board().is_none());
    let adoption = newer.adopt::<Sample>(0, "sample").unwrap();
    assert!(adoption.adopted.is_none());
    let refused: Vec<String> = adoption.refused.iter().map(Error::to_string).collect();
    assert!(
        refused[0].ends_with("sample.3: format 7, expected 8"),
        "{refused:?}"
    );
    assert!(
        refused[1].ends_with("sample.2: format 7, expected 8"),
        "{refused:?}"
    );
    newer.publish_index(&1_u32).unwrap();
    newer.settle().unwrap();
    assert_eq!(names(&place.path().join("environments")), [""; 0]);
    drop(newer);

    let place = left_behind(20);
    let other = publisher(place.path())
        .adopt::<Vec<String>>(0, "sample")
        .unwrap();
    assert!(other.adopted.is_none());
    assert_eq!(other.refused.len(), 2);
}

#[test]
fn the_board_and_the_index_of_the_run_before_tell_what_its_rows_were() {
    let place = place();
    let first = publisher(place.path());
    first
        .publish_index(&"what the rows are".to_owned())
        .unwrap();
    first.board().row_words(2)[0].store(7, Relaxed);
    drop(first);
    let second = publisher(place.path());
    assert_eq!(second.warnings().len(), 0);
    let word = |board: &Board| board.row_words(2)[0].load(Relaxed);
    assert_eq!(word(second.earlier_board().unwrap()), 7);
    assert_eq!(word(second.board()), 0);
    let index = second.earlier_index::<String>().unwrap().unwrap();
    assert_eq!(index.as_str(), "what the rows are");

    // That run published no index.
    drop(second);
    assert!(
        publisher(place.path())
            .earlier_index::<String>()
            .unwrap()
            .is_none()
    );
}
