//! Bytes that are not as they were written: after a power cut, or because something else writes to the file.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use journal::{Error, Reader, Writer};

use crate::{BYTES, open, ring};

/// Where the records begin, in bytes.
const RECORDS: u64 = 3 * 128;
const HEAD: u64 = 128;
const TAIL: u64 = 256;

fn flip(path: &Path, byte: u64, bit: u8) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut value = [0];
    file.read_exact_at(&mut value, byte).unwrap();
    file.write_all_at(&[value[0] ^ 1 << bit], byte).unwrap();
}

fn write(path: &Path, at: u64, word: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&word.to_ne_bytes(), at).unwrap();
}

#[test]
fn a_flipped_bit_of_any_record_is_noticed_and_the_records_before_it_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = ring(directory.path());
    let (mut writer, reader) = open(&path);
    let payloads = [
        b"first".to_vec(),
        vec![7; 40],
        b"".to_vec(),
        b"the last one".to_vec(),
    ];
    let mut ends = Vec::new();
    for payload in &payloads {
        writer.append(payload).unwrap();
        ends.push(reader.head());
    }
    let head = reader.head();
    let mut read = Vec::new();
    for byte in RECORDS..RECORDS + head * 8 {
        // The last bytes of a payload's last word mean nothing.
        let position = (byte - RECORDS) / 8;
        let record = ends.iter().position(|end| position < *end).unwrap();
        let begin = if record == 0 { 0 } else { ends[record - 1] };
        let used = 16 + payloads[record].len() as u64;
        let is_padding = byte - RECORDS - begin * 8 >= used;
        for bit in 0..8 {
            flip(&path, byte, bit);
            let mut position = 0;
            let mut whole = 0;
            let damage = loop {
                match reader.read(position, head, &mut read) {
                    Ok(Some(entry)) => {
                        assert_eq!(read, payloads[whole], "byte {byte}, bit {bit}");
                        (position, whole) = (entry.next, whole + 1);
                    }
                    Ok(None) => break None,
                    Err(damage) => break Some(damage),
                }
            };
            assert_eq!(damage.is_none(), is_padding, "byte {byte}, bit {bit}");
            assert_eq!(whole, if is_padding { 4 } else { record });
            if let Some(damage) = damage {
                assert_eq!(damage.bytes, (head - begin) * 8);
            }
            flip(&path, byte, bit);
        }
    }
}

#[test]
fn records_of_an_earlier_lap_are_not_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = ring(directory.path());
    let (mut writer, reader) = open(&path);
    // A ring of records of equal length begins again exactly where the first lap began, or is filled up to there.
    let capacity = (BYTES as u64 - RECORDS) / 8;
    while reader.head() < capacity {
        let words = (capacity - reader.head()).min(16);
        let payload = usize::try_from((words.max(3) - 2) * 8).unwrap();
        reader.acknowledge(reader.head());
        writer.append(&vec![1; payload]).unwrap();
    }
    let lap = reader.head();
    drop(writer);
    // As a power cut may leave it: the head is newer than the records.
    write(&path, TAIL, lap);
    write(&path, HEAD, lap + 16);
    let reader = Reader::open(&path).unwrap();
    assert!(reader.read(lap, lap + 16, &mut Vec::new()).is_err());
}

#[test]
fn a_file_that_cannot_be_a_ring_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    for (at, word, what) in [
        (0, 5, "it is not a ring"),
        (8, 99, "it is a ring of another release"),
        (16, 5, "it does not have its length"),
        (HEAD, 1_000_000, "its head and its tail do not fit together"),
        (TAIL, 1, "its head and its tail do not fit together"),
    ] {
        let path = ring(directory.path());
        write(&path, at, word);
        for error in [Reader::open(&path).err(), Writer::open(&path).err()] {
            match error {
                Some(Error::Defective { what: found, .. }) => assert_eq!(found, what),
                other => panic!("{what}: {other:?}"),
            }
        }
    }
    let path = directory.path().join("short");
    std::fs::write(&path, "ring").unwrap();
    assert!(Reader::open(&path).is_err());
    assert!(Reader::open(&directory.path().join("missing")).is_err());
}

#[test]
fn a_writer_whose_ring_has_impossible_positions_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let path = ring(directory.path());
    let (mut writer, _) = open(&path);
    write(&path, TAIL, 1_000_000);
    assert!(writer.append(b"record").is_err());
    write(&path, TAIL, 0);
    assert!(writer.append(b"record").is_ok());
}
