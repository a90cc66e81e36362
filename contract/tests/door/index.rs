//! Which key opens which row.

use std::time::{Duration, SystemTime};

use contract::{Expiry, Index, IndexEntry, Readiness, ReadyWhen, ServerSideRow, key};
use tempfile::tempdir;

use crate::{publisher, reader};

const READINESS: Readiness = Readiness {
    stale_after: Some(Duration::from_millis(1500)),
    ready_when: ReadyWhen::Any,
};

#[test]
fn keys_open_the_rows_of_their_environments_and_nothing_else() {
    let directory = tempdir().unwrap();
    let publisher = publisher(directory.path());
    let entry = |name: &str, row| IndexEntry {
        name: name.to_owned(),
        file: key::file_name(name),
        row,
    };
    let opens = ServerSideRow {
        row: 2,
        expiry: Expiry::at(SystemTime::UNIX_EPOCH),
    };
    let index = Index {
        environments: vec![entry("one", 0), entry("three", 2)],
        client_side_keys: [("one".to_owned(), 0), ("three".to_owned(), 2)]
            .into_iter()
            .collect(),
        server_side_keys: [(key::digest(b"ser.three"), opens)].into_iter().collect(),
        readiness: READINESS,
    };
    let generation = publisher.publish_index(&index).unwrap();
    let index = reader(directory.path()).index::<Index>(generation).unwrap();
    assert_eq!(index.open_client_side("three"), Some(2));
    assert_eq!(index.open_client_side("ser.three"), None);
    let opened = index.open_server_side(&key::digest(b"ser.three"));
    assert_eq!(opened, Some((2, opens.expiry)));
    assert_eq!(index.open_server_side(&key::digest(b"ser.one")), None);
    assert_eq!(index.environment(2).unwrap().name, "three");
    assert!(index.environment(1).is_none() && index.environment(3).is_none());
    assert_eq!(index.readiness(), READINESS);
}
