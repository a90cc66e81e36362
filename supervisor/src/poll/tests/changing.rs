//! Changes of a running poller.

use std::sync::Mutex;

use super::*;
use crate::environments::{Entry, Turnover};
use crate::source::Access;

const HOUR: Duration = Duration::from_secs(3600);

/// A poller that fetches once and then waits for an hour.
fn trial(stub: &Stub, environments: &[KeyPair]) -> Trial {
    let environments = environments.to_vec();
    Trial::every(
        HOUR,
        environments,
        &upstream(stub),
        engine::compile_with,
        |_| false,
    )
}

fn access(pair: &KeyPair) -> Access {
    Access::of(pair).unwrap()
}

pub(super) fn pair(client_side_key: &str, server_side_key: &str) -> KeyPair {
    KeyPair::new(client_side_key, [ServerSideKey::new(server_side_key)])
}

/// The change from one roster to another.
pub(super) fn change(turnover: &Turnover) -> Change {
    let entries = |rows: &[usize]| -> Vec<(usize, Entry, Access)> {
        let entry = |row: &usize| {
            let entry = turnover.roster.entry(*row).unwrap().clone();
            let access = access(&entry.pair);
            (*row, entry, access)
        };
        rows.iter().map(entry).collect()
    };
    Change {
        source: None,
        is_elsewhere: false,
        poll_frequency: None,
        realtime: None,
        fetch_rules: FETCH_RULES,
        compile_options: CompileOptions::default(),
        added: entries(&turnover.added),
        rotated: entries(&turnover.rotated),
        removed: turnover.removed.clone(),
        index_at_once: Some(turnover.roster.index(Readiness::default(), &turnover.added)),
        index_with_added: (!turnover.added.is_empty())
            .then(|| turnover.roster.index(Readiness::default(), &[])),
    }
}

impl Trial {
    pub(super) fn change(&self, change: Change) -> Result<(), String> {
        self.polling.change(change);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            for notice in self.notices.wait(Some(deadline)) {
                if let Notice::ChangeApplied(outcome) = notice {
                    return outcome;
                }
            }
            assert!(Instant::now() < deadline, "no outcome");
        }
    }

    /// The rows of the current index.
    fn rows(&self) -> Vec<u32> {
        let generation = self.reader.board().index_generation();
        let index = self.reader.index::<Index>(generation).unwrap();
        let rows = index.environments.iter();
        rows.map(|entry| entry.row.to_native()).collect()
    }
}

#[test]
fn what_is_added_is_fetched_before_it_is_in_the_index_and_what_stays_is_left_alone() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let stub = Stub::answering(move |request| {
        asked.lock().unwrap().push(row(request));
        answer("200 OK", &[DATE], &document(row(request), 1))
    });
    let pairs = pairs(4);
    let trial = trial(&stub, &pairs[..2]);
    for row in 0..2 {
        eventually("the fetch", || {
            trial.reader.board().environment(row).fetched().is_some()
        });
    }
    let fetched = trial.reader.board().environment(0).fetched();
    let roster = Roster::new(pairs[..2].to_vec(), 12);
    let turnover = roster
        .change_to(vec![pairs[3].clone(), pairs[0].clone()])
        .unwrap();
    assert_eq!(
        (&turnover.added[..], &turnover.removed[..]),
        (&[2][..], &[1][..])
    );
    trial.change(change(&turnover)).unwrap();
    assert_eq!(trial.rows(), [0, 2]);
    assert_eq!(trial.document(2), Some(document(3, 1)), "at once");
    assert_eq!(trial.reader.board().environment(0).fetched(), fetched);
    assert_eq!(
        seen.lock()
            .unwrap()
            .iter()
            .filter(|asked| **asked == 0)
            .count(),
        1
    );
    eventually("the file of what was removed is gone", || {
        let snapshots = trial.directory.path().join("environments");
        std::fs::read_dir(snapshots).unwrap().count() == 2
    });
}

#[test]
fn another_poll_frequency_and_another_upstream_count_at_once() {
    let first = Stub::answering(|_| answer("200 OK", &[DATE], &document(0, 1)));
    let second = Stub::answering(|request| {
        // The date of the first upstream's document means nothing to the second.
        assert!(!request.contains("if-modified-since"), "{request}");
        answer("200 OK", &[], &document(0, 2))
    });
    let pairs = pairs(1);
    let trial = trial(&first, &pairs);
    eventually("edition 1", || trial.document(0) == Some(document(0, 1)));
    let unchanged = || Change {
        index_at_once: None,
        ..change(
            &Roster::new(pairs.clone(), 12)
                .change_to(pairs.clone())
                .unwrap(),
        )
    };
    let poll_frequency = Some(Duration::from_millis(10));
    trial
        .change(Change {
            poll_frequency,
            ..unchanged()
        })
        .unwrap();
    let polled = first.requests().len();
    eventually("polls", || first.requests().len() >= polled + 3);

    let poll_frequency = Some(HOUR);
    trial
        .change(Change {
            poll_frequency,
            ..unchanged()
        })
        .unwrap();
    let source = upstream(&second).open().unwrap();
    trial
        .change(Change {
            source: Some(source),
            is_elsewhere: true,
            ..unchanged()
        })
        .unwrap();
    eventually("edition 2", || trial.document(0) == Some(document(0, 2)));
    assert_eq!(second.requests().len(), 1);
}

#[test]
fn what_makes_fetches_conditional_is_that_of_the_current_settings_and_upstream() {
    const OLDER: &str = "Last-Modified: Fri, 14 Jul 2023 16:11:00 GMT";
    let first = Stub::answering(|_| answer("200 OK", &[DATE, OLDER], &document(0, 1)));
    let second = Stub::answering(|request| match header(request, "if-modified-since") {
        Some(_) => answer("304 Not Modified", &[DATE], ""),
        None => answer("200 OK", &[DATE], &document(0, 2)),
    });
    let conditional = |stub: &Stub| {
        let requests = stub.requests().into_iter();
        requests
            .map(|request| header(&request, "if-modified-since").is_some())
            .collect::<Vec<_>>()
    };
    let pairs = pairs(1);
    let trial = Trial::new(
        pairs.clone(),
        &upstream(&first),
        engine::compile_with,
        |_| false,
    );
    eventually("polls", || first.requests().len() >= 5);
    assert!(!conditional(&first).contains(&true), "its date is stale");

    let turnover = Roster::new(pairs.clone(), 12).change_to(pairs).unwrap();
    let elsewhere = Change {
        source: Some(upstream(&second).open().unwrap()),
        is_elsewhere: true,
        ..change(&turnover)
    };
    trial.change(elsewhere).unwrap();
    eventually("conditional fetches", || {
        conditional(&second).contains(&true)
    });

    let never = Change {
        realtime: None,
        fetch_rules: FetchRules {
            conditional_fetch: ConditionalFetch::Never,
            ..FETCH_RULES
        },
        ..change(&turnover)
    };
    trial.change(never).unwrap();
    eventually("fetches that are not", || {
        conditional(&second).ends_with(&[false; 5])
    });
}

#[test]
fn a_rotated_key_is_tried_at_once_and_the_environment_keeps_its_row() {
    let stub = Stub::answering(|request| {
        if request.contains("x-environment-key: ser.refused") {
            return answer("403 Forbidden", &[], "");
        }
        answer("200 OK", &[DATE], &document(0, 1))
    });
    let trial = trial(&stub, &[pair("client-0", "ser.0")]);
    eventually("the document", || trial.document(0).is_some());
    let generation = trial.reader.board().row_generation(0);
    let mut roster = Roster::new(vec![pair("client-0", "ser.0")], 12);
    for (client_side_key, server_side_key) in [
        ("client-0", "ser.refused"),
        ("client-0", "ser.good"),
        ("other", "ser.good"),
    ] {
        let before = stub.requests().len();
        let turnover = roster
            .change_to(vec![pair(client_side_key, server_side_key)])
            .unwrap();
        assert_eq!(turnover.rotated, [0]);
        trial.change(change(&turnover)).unwrap();
        eventually("a fetch with the new key", || {
            stub.requests().len() == before + 1
        });
        assert!(
            stub.requests()[before].contains(&format!("x-environment-key: {server_side_key}\n"))
        );
        assert_eq!(trial.document(0), Some(document(0, 1)));
        roster = turnover.roster;
    }
    assert_eq!(
        trial.reader.board().row_generation(0),
        generation,
        "nothing was published anew"
    );
}

#[test]
fn a_document_that_is_on_its_way_is_not_published_for_a_row_that_was_retired() {
    let directory = tempfile::tempdir().unwrap();
    let roster = Roster::new(pairs(2), 12);
    let (publication, board) = publication(directory.path(), &pairs(2));
    let environment = engine::compile(document(1, 1).as_bytes())
        .unwrap()
        .environment;
    publication.publish(1, &environment).unwrap();
    let turnover = roster.change_to(pairs(1)).unwrap();
    publication
        .change(
            &turnover.roster.index(Readiness::default(), &[]),
            &turnover.removed,
        )
        .unwrap();
    let generation = newest(&board);
    let refused = publication.publish(1, &environment).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the environment is no longer configured"
    );
    assert_eq!(newest(&board), generation);
    publication.settle().unwrap();
    let snapshots = directory.path().join("environments");
    assert_eq!(std::fs::read_dir(snapshots).unwrap().count(), 0);
}

#[test]
fn an_index_that_cannot_be_published_changes_nothing() {
    let stub = Stub::answering(|request| answer("200 OK", &[DATE], &document(row(request), 1)));
    let trial = trial(&stub, &pairs(2));
    for row in 0..2 {
        eventually("the document", || trial.document(row).is_some());
    }
    // A directory at the path of the staged file makes every publication fail.
    let staging = trial.directory.path().join("staging");
    std::fs::create_dir(&staging).unwrap();
    let turnover = Roster::new(pairs(2), 12).change_to(pairs(1)).unwrap();
    let reason = trial.change(change(&turnover)).unwrap_err();
    assert!(reason.contains("staging"), "{reason}");
    assert_eq!(trial.rows(), [0, 1]);
    std::fs::remove_dir(&staging).unwrap();
    trial.change(change(&turnover)).unwrap();
    assert_eq!(trial.rows(), [0]);
}
