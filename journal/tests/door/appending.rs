//! What is appended comes out, in order, round after round; a full ring refuses.

use std::collections::VecDeque;

use journal::{Error, Reader, Refused, Writer};

use crate::{BYTES, open, read_all, ring};

#[test]
fn records_of_any_length_come_out_as_they_went_in_however_often_the_ring_begins_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(&ring(directory.path()));
    let mut chance = fastrand::Rng::with_seed(testing::seed(1));
    let (mut expected, mut position, mut refused) = (VecDeque::new(), 0, 0);
    for _ in 0..20_000 * testing::scale() {
        let payload: Vec<u8> = (0..chance.usize(..300)).map(|_| chance.u8(..)).collect();
        match writer.append(&payload) {
            Ok(()) => expected.push_back(payload),
            Err(Refused::Full) => refused += 1,
            Err(Refused::TooLarge) => panic!("{} bytes are too large", payload.len()),
        }
        if chance.u8(..8) == 0 {
            let (all, next) = read_all(&reader, position);
            assert_eq!(all, Vec::from(std::mem::take(&mut expected)));
            position = next;
            reader.acknowledge(position);
        }
    }
    assert!(refused > 0, "the ring was never full");
    assert!(
        position > 100 * BYTES as u64 / 8,
        "the ring seldom began again"
    );
}

#[test]
fn times_of_records_do_not_fall() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(&ring(directory.path()));
    let before = journal::now();
    (0..20).for_each(|_| writer.append(b"record").unwrap());
    let (mut position, mut last, mut payload) = (0, before, Vec::new());
    while let Some(entry) = reader.read(position, reader.head(), &mut payload).unwrap() {
        assert!(entry.time >= last);
        (position, last) = (entry.next, entry.time);
    }
    assert!(last <= journal::now());
}

#[test]
fn a_full_ring_refuses_and_keeps_what_it_has_until_that_is_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(&ring(directory.path()));
    let mut accepted = 0;
    while writer.append(&[accepted; 100]).is_ok() {
        accepted += 1;
    }
    assert_eq!(writer.append(&[0; 100]), Err(Refused::Full));
    assert!(reader.fill() > 0.9, "{}", reader.fill());
    let (all, next) = read_all(&reader, 0);
    assert_eq!(all.len(), usize::from(accepted));
    assert!(
        (0..accepted)
            .zip(&all)
            .all(|(byte, payload)| payload == &[byte; 100])
    );
    assert_eq!(writer.append(&[0; 100]), Err(Refused::Full));
    reader.acknowledge(next);
    assert_eq!(writer.append(&[0; 100]), Ok(()));
    assert_eq!(writer.append(&[0; 2 * BYTES]), Err(Refused::TooLarge));
}

#[test]
fn a_later_writer_and_a_later_reader_go_on_where_the_earlier_ones_ended() {
    let directory = tempfile::tempdir().unwrap();
    let path = ring(directory.path());
    let (mut writer, reader) = open(&path);
    writer.append(b"one").unwrap();
    writer.append(b"two").unwrap();
    let mut payload = Vec::new();
    let first = reader
        .read(0, reader.head(), &mut payload)
        .unwrap()
        .unwrap();
    reader.acknowledge(first.next);
    drop((writer, reader));

    let (mut writer, reader) = open(&path);
    writer.append(b"three").unwrap();
    let (all, _) = read_all(&reader, reader.tail());
    assert_eq!(all, [b"two".to_vec(), b"three".to_vec()]);
}

#[test]
fn only_one_writer_has_a_ring_and_it_is_not_removed_under_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = ring(directory.path());
    let (mut writer, reader) = open(&path);
    assert!(matches!(Writer::open(&path), Err(Error::Locked { .. })));
    writer.append(b"record").unwrap();
    assert!(!reader.close().unwrap(), "a writer has it");
    drop(writer);
    assert!(!reader.close().unwrap(), "a record is left");
    reader.acknowledge(reader.head());
    assert!(reader.close().unwrap());
    assert!(Writer::open(&path).is_err());
    assert!(Reader::open(&path).is_err());
}
