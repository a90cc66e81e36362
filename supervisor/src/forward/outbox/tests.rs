//! The outbox on a disk.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::forward::delivery::{Destination, Headers};

fn delivery(destination: Destination, body: &str) -> Delivery {
    Delivery::new(destination, "environment", Headers::default(), body.into())
}

fn open(directory: &Path) -> Outbox {
    Outbox::open(directory, 1_000_000).unwrap()
}

fn commit(outbox: &Outbox, deliveries: &[Delivery], position: u64) -> Result<(), Error> {
    outbox.commit(deliveries.to_vec(), BTreeMap::from([(7, position)]))
}

/// All deliveries of a lane.
fn stored(outbox: &Outbox, lane: Lane) -> Vec<Delivery> {
    let numbers: Vec<u64> = outbox.state().batches.of(lane).collect();
    let batches = numbers.into_iter();
    batches
        .flat_map(|number| outbox.load(lane, number).unwrap())
        .collect()
}

#[test]
fn what_was_committed_is_there_for_the_next_run_with_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let (counts, event) = (
        delivery(Destination::Counts, "{}"),
        delivery(Destination::Events, "event"),
    );
    commit(
        &open(directory.path()),
        &[counts.clone(), event.clone()],
        10,
    )
    .unwrap();
    let outbox = open(directory.path());
    assert_eq!(outbox.position(7), Some(10));
    assert_eq!(outbox.position(8), None);
    assert_eq!(stored(&outbox, Lane::Analytics), [counts]);
    assert_eq!(stored(&outbox, Lane::Events), [event]);
    assert_eq!(outbox.oldest(Lane::Traits), None);
}

#[test]
fn batches_without_a_commit_are_removed_and_their_records_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    commit(&outbox, &[delivery(Destination::Counts, "one")], 10).unwrap();
    let committed = fs::read(directory.path().join("committed")).unwrap();
    commit(&outbox, &[delivery(Destination::Counts, "two")], 20).unwrap();
    // As it is when the supervisor is killed before it replaces this file.
    fs::write(directory.path().join("committed"), committed).unwrap();
    let outbox = open(directory.path());
    assert_eq!(outbox.position(7), Some(10));
    let bodies: Vec<_> = stored(&outbox, Lane::Analytics)
        .into_iter()
        .map(|delivery| delivery.body)
        .collect();
    assert_eq!(bodies, [b"one"]);
}

#[test]
fn a_commit_that_fails_changes_nothing_and_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    for name in ["committed.staging", "analytics.staging"] {
        // No file can be made there.
        fs::create_dir(directory.path().join(name)).unwrap();
        let failed = commit(&outbox, &[delivery(Destination::Counts, "one")], 10);
        assert!(matches!(failed, Err(Error::Io { .. })), "{name}");
        assert_eq!(outbox.position(7), None);
        assert_eq!(outbox.oldest(Lane::Analytics), None);
        fs::remove_dir(directory.path().join(name)).unwrap();
    }
    commit(&outbox, &[delivery(Destination::Counts, "one")], 10).unwrap();
    assert_eq!(stored(&outbox, Lane::Analytics).len(), 1);
}

#[test]
fn of_a_batch_the_deliveries_are_kept_that_are_left() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let both = ["one", "two"].map(|body| delivery(Destination::Counts, body));
    commit(&outbox, &both, 10).unwrap();
    let number = outbox.oldest(Lane::Analytics).unwrap();
    outbox.keep(Lane::Analytics, number, &both[1..]).unwrap();
    assert_eq!(stored(&open(directory.path()), Lane::Analytics), both[1..]);
    outbox.keep(Lane::Analytics, number, &[]).unwrap();
    assert_eq!(outbox.oldest(Lane::Analytics), None);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn beyond_its_size_the_oldest_batches_go() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let body = "x".repeat(100_000);
    for position in 0..30 {
        let event = delivery(Destination::Events, &format!("{position} {body}"));
        commit(&outbox, &[event], position).unwrap();
    }
    let backlog = outbox.backlog();
    assert_eq!(backlog.dropped, 21);
    assert!(
        (900_000..=1_000_000).contains(&backlog.bytes),
        "{backlog:?}"
    );
    let left = stored(&open(directory.path()), Lane::Events);
    assert_eq!(left.len(), 9);
    assert!(left[0].body.starts_with(b"21 "));
    assert!(left[8].body.starts_with(b"29 "));
    // A batch that was dropped while it was being sent does not come back.
    let rest = [delivery(Destination::Events, "rest")];
    outbox.keep(Lane::Events, 0, &rest).unwrap();
    assert_eq!(stored(&outbox, Lane::Events).len(), 9);
}

#[test]
fn damaged_files_are_refused_and_without_a_commit_nothing_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    commit(&outbox, &[delivery(Destination::Counts, "one")], 10).unwrap();
    let path = batches::path(directory.path(), Lane::Analytics, 0);
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1;
        fs::write(&path, damaged).unwrap();
        let loaded = outbox.load(Lane::Analytics, 0);
        assert!(matches!(loaded, Err(Error::Defective { .. })), "{byte}");
    }
    fs::write(&path, &whole).unwrap();
    fs::write(directory.path().join("committed"), "garbage").unwrap();
    let outbox = open(directory.path());
    assert_eq!(outbox.position(7), None);
    assert_eq!(stored(&outbox, Lane::Analytics).len(), 1);
    commit(&outbox, &[delivery(Destination::Counts, "two")], 20).unwrap();
    assert_eq!(stored(&open(directory.path()), Lane::Analytics).len(), 2);
}
