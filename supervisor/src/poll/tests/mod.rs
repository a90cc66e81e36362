//! The poller between a stub upstream and a real state directory, read as a worker would.

mod changing;
mod core_api;
mod edits;
mod outages;
mod realtime;
mod wanted;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use contract::{BoardWords, Expiry, Index, Knocker, Readiness, ServerSideKey, board_shape, key};
use snapshot::{Map, Publisher, Reader};
use testing::{Answer, Stub, eventually, header};

use super::*;
use crate::environments::Roster;
use crate::notice::Notices;
use crate::publish::{self, Compile, CompileCommand, Compress, Publication};
use crate::source::Source;
use crate::source::api_url::ApiUrl;
use crate::source::files::{DocumentPlace, FileSettings};
use crate::source::upstream::{UpstreamSettings, Way};

/// Those of the default settings.
const FETCH_RULES: FetchRules = FetchRules {
    conditional_fetch: ConditionalFetch::Auto,
    whole_fetch: Some(Duration::from_secs(60)),
};

/// Documents of these tests are small.
const NO_COMMAND: CompileCommand = |_| std::process::Command::new("false");

/// A poller over a state directory of its own, and a reader beside it.
struct Trial {
    polling: Polling,
    notices: Notices,
    reader: Reader,
    directory: tempfile::TempDir,
    knocker: Knocker,
}

/// The newest generation on a board.
fn newest(board: &Board) -> u64 {
    let rows = (0..board.shape().rows).map(|row| board.row_generation(row));
    rows.max().unwrap_or(0).max(board.index_generation())
}

fn pairs(count: usize) -> Vec<KeyPair> {
    (0..count)
        .map(|number| {
            let key = ServerSideKey::new(format!("ser.{number}"));
            KeyPair::new(format!("client-{number}"), [key])
        })
        .collect()
}

fn publication(directory: &Path, environments: &[KeyPair]) -> (Publication, Arc<Board>) {
    let shape = board_shape(engine::FORMAT, environments.len() + 10, 1);
    let publisher = Publisher::open(directory, shape).unwrap();
    let board = publisher.share_board();
    let index = Roster::new(environments.to_vec(), shape.rows).index(Readiness::default(), &[]);
    (
        publish::open(publisher, &index, CompileOptions::default(), NO_COMMAND).unwrap(),
        board,
    )
}

impl Trial {
    fn new(
        environments: Vec<KeyPair>,
        source: &Source,
        compile: Compile,
        compress: Compress,
    ) -> Self {
        let poll_frequency = Duration::from_millis(10);
        Self::every(poll_frequency, environments, source, compile, compress)
    }

    fn every(
        poll_frequency: Duration,
        environments: Vec<KeyPair>,
        source: &Source,
        compile: Compile,
        compress: Compress,
    ) -> Self {
        let rules = FETCH_RULES;
        Self::with_rules(
            rules,
            poll_frequency,
            environments,
            source,
            compile,
            compress,
        )
    }

    fn with_rules(
        fetch_rules: FetchRules,
        poll_frequency: Duration,
        environments: Vec<KeyPair>,
        source: &Source,
        compile: Compile,
        compress: Compress,
    ) -> Self {
        Self::start(
            None,
            fetch_rules,
            poll_frequency,
            environments,
            source,
            compile,
            compress,
        )
    }

    /// One environment whose events are followed.
    fn following(realtime: Realtime, poll_frequency: Duration, source: &Source) -> Self {
        Self::start(
            Some(realtime),
            FETCH_RULES,
            poll_frequency,
            pairs(1),
            source,
            engine::compile_with,
            |_| false,
        )
    }

    fn start(
        realtime: Option<Realtime>,
        fetch_rules: FetchRules,
        poll_frequency: Duration,
        environments: Vec<KeyPair>,
        source: &Source,
        compile: Compile,
        compress: Compress,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (publication, board) = publication(directory.path(), &environments);
        let notices = Notices::of_children().unwrap();
        let (knocks, knocker) = Knocker::new().unwrap();
        let poller = Poller {
            documents: Documents::new(source.open().unwrap(), &environments).unwrap(),
            environments,
            poll_frequency,
            realtime,
            fetch_rules,
            compile_options: CompileOptions::default(),
            compiler: Compiler {
                compile,
                compress,
                command: NO_COMMAND,
                publication: Arc::new(publication),
                notifier: notices.notifier(),
            },
            board,
            knocks,
        };
        Self {
            polling: poller.start().unwrap(),
            notices,
            reader: Reader::open(directory.path(), engine::FORMAT).unwrap(),
            directory,
            knocker,
        }
    }

    fn of(stub: &Stub, count: usize) -> Self {
        Self::compiling(stub, count, engine::compile_with, |_| false)
    }

    fn compiling(stub: &Stub, count: usize, compile: Compile, compress: Compress) -> Self {
        let environments = pairs(count);
        Self::new(environments, &upstream(stub), compile, compress)
    }

    /// Asks for a fetch of this environment, as a worker does.
    fn want_fetch(&self, row: usize) {
        self.reader.board().environment(row).want_fetch();
        let mut worker = std::process::Command::new("echo");
        let output = self.knocker.for_worker().unwrap();
        assert!(worker.stdout(output).status().unwrap().success());
    }

    /// The environment that a worker would map.
    fn environment(&self, row: usize) -> Option<Map<engine::Environment>> {
        mapped(&self.reader, row)
    }

    /// The document that a worker would serve for this environment.
    fn document(&self, row: usize) -> Option<String> {
        let environment = self.environment(row)?;
        Some(String::from_utf8(environment.document().body().to_vec()).unwrap())
    }
}

/// The environment in this row that a worker with this reader would map.
fn mapped(reader: &Reader, row: usize) -> Option<Map<engine::Environment>> {
    let board = reader.board();
    let index = reader.index::<Index>(board.index_generation());
    let index = index.ok()?;
    let file = &index.environment(row)?.file;
    loop {
        let generation = board.row_generation(row);
        match reader.map(file, generation) {
            Err(snapshot::Error::Retired { .. }) if board.row_generation(row) != generation => {}
            mapped => return mapped.ok(),
        }
    }
}

fn upstream(stub: &Stub) -> Source {
    Source::Upstream(upstream_settings(stub))
}

fn upstream_settings(stub: &Stub) -> UpstreamSettings {
    UpstreamSettings {
        api_url: ApiUrl::parse(&stub.api_url()).unwrap(),
        proxy_key: None,
        way: Way::Straight,
        poll_timeout: Duration::from_secs(10),
        max_document_bytes: 1 << 20,
        user_agent: "somebody/1".to_owned(),
    }
}

fn answer(status: &str, headers: &[&str], body: &str) -> Answer {
    Answer::new(status, headers, body)
}

fn is_noticed(trial: &Trial, notice: &Notice) -> bool {
    let soon = Some(Instant::now() + Duration::from_secs(10));
    trial.notices.wait(soon).contains(notice)
}

fn document(row: usize, edition: usize) -> String {
    serde_json::json!({
        "id": row,
        "api_key": format!("client-{row}"),
        "name": format!("edition {edition}"),
        "updated_at": "2023-07-14T16:12:00.000000Z",
        "project": {"id": 1, "name": "project", "segments": [], "hide_disabled_flags": false},
        "feature_states": [],
    })
    .to_string()
}

const DATE: &str = "Date: Fri, 14 Jul 2023 16:13:00 GMT";

fn row(request: &str) -> usize {
    let key = header(request, "x-environment-key").unwrap();
    key.strip_prefix("ser.").unwrap().parse().unwrap()
}

#[test]
fn publishes_every_key_before_any_document() {
    let directory = tempfile::tempdir().unwrap();
    let (_publication, board) = publication(directory.path(), &pairs(2));
    let reader = Reader::open(directory.path(), engine::FORMAT).unwrap();
    let index = reader.index::<Index>(board.index_generation()).unwrap();
    assert_eq!(index.environments.len(), 2);
    for (row, pair) in pairs(2).iter().enumerate() {
        assert_eq!(
            index.environments[row].file,
            key::file_name(&pair.client_side_key)
        );
        assert_eq!(index.open_client_side(&pair.client_side_key), Some(row));
        let digest = pair.server_side_keys[0].digest();
        assert_eq!(index.open_server_side(&digest), Some((row, Expiry::NEVER)));
        assert_eq!(board.row_generation(row), 0);
    }
    assert_eq!(index.open_client_side("client-2"), None);
    assert_eq!(index.open_server_side(&[0; 32]), None);
}

#[test]
fn many_environments_are_fetched_and_published() {
    let stub = Stub::answering(|request| answer("200 OK", &[DATE], &document(row(request), 1)));
    let trial = Trial::of(&stub, 20);
    for row in 0..20 {
        eventually("every document", || {
            trial.document(row) == Some(document(row, 1))
        });
        eventually("every fetch is noted", || {
            trial.reader.board().environment(row).fetched().is_some()
        });
    }
}

#[test]
fn a_changed_document_is_published_and_an_unchanged_one_is_not() {
    let edition = Arc::new(AtomicUsize::new(1));
    let current = Arc::clone(&edition);
    let stub = Stub::answering(move |_| {
        answer("200 OK", &[], &document(0, current.load(Ordering::SeqCst)))
    });
    let trial = Trial::of(&stub, 1);
    eventually("edition 1", || trial.document(0) == Some(document(0, 1)));
    let generation = newest(trial.reader.board());
    let polled = stub.requests().len();
    eventually("three more polls", || stub.requests().len() >= polled + 3);
    assert_eq!(newest(trial.reader.board()), generation);

    trial.notices.wait(Some(Instant::now()));
    edition.store(2, Ordering::SeqCst);
    eventually("edition 2", || trial.document(0) == Some(document(0, 2)));
    assert_eq!(newest(trial.reader.board()), generation + 1);
    assert!(is_noticed(&trial, &Notice::Published));
}

#[test]
fn a_fetch_is_conditional_only_after_the_second_of_the_edit() {
    let stub = Stub::answering(|request| {
        if request.contains("if-modified-since: Fri, 14 Jul 2023 16:12:00 GMT") {
            return answer("304 Not Modified", &[], "");
        }
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let date = match ASKED.fetch_add(1, Ordering::SeqCst) {
            0..3 => "Date: Fri, 14 Jul 2023 16:12:00 GMT",
            _ => DATE,
        };
        answer("200 OK", &[date], &document(0, 1))
    });
    let trial = Trial::of(&stub, 1);
    eventually("enough polls", || stub.requests().len() >= 8);
    let conditional: Vec<_> = stub
        .requests()
        .iter()
        .take(8)
        .map(|request| request.contains("if-modified-since"))
        .collect();
    assert_eq!(
        conditional,
        [false, false, false, false, true, true, true, true]
    );
    let fetched = trial.reader.board().environment(0).fetched().unwrap();
    eventually("304 counts as a success", || {
        trial.reader.board().environment(0).fetched().unwrap() > fetched
    });
}

#[test]
fn a_bad_answer_changes_nothing_that_is_served() {
    let bad: [fn() -> Answer; 4] = [
        || answer("500 Internal Server Error", &[], ""),
        || answer("200 OK", &[], "{\"api_key\": "),
        || answer("200 OK", &[], "{}"),
        || answer("200 OK", &[], "<html>"),
    ];
    for bad in bad {
        let good = Arc::new(AtomicUsize::new(1));
        let kind = Arc::clone(&good);
        let stub = Stub::answering(move |_| match kind.load(Ordering::SeqCst) {
            0 => bad(),
            edition => answer("200 OK", &[], &document(0, edition)),
        });
        let trial = Trial::of(&stub, 1);
        eventually("edition 1", || trial.document(0) == Some(document(0, 1)));
        good.store(0, Ordering::SeqCst);
        let polled = stub.requests().len();
        eventually("two bad answers", || stub.requests().len() >= polled + 2);
        assert_eq!(trial.document(0), Some(document(0, 1)));
        good.store(2, Ordering::SeqCst);
        eventually("edition 2", || trial.document(0) == Some(document(0, 2)));
    }
}

#[test]
fn a_document_that_makes_compiling_panic_is_its_own_failure_alone() {
    let stub = Stub::answering(|request| match row(request) {
        0 => answer("200 OK", &[], "{\"dangerous\": true}"),
        row => answer("200 OK", &[], &document(row, 1)),
    });
    let compile: Compile = |body, options| {
        assert!(!body.starts_with(b"{\"dangerous"), "a defect");
        engine::compile_with(body, options)
    };
    let trial = Trial::compiling(&stub, 2, compile, |_| false);
    eventually("two dangerous answers", || {
        let dangerous = |request: &&String| row(request) == 0;
        stub.requests().iter().filter(dangerous).count() >= 2
    });
    eventually("the other document", || trial.document(1).is_some());
    assert_eq!(trial.document(0), None);
}

#[test]
fn what_compiling_left_out_is_published_afterwards_or_not_at_all() {
    let edition = Arc::new(AtomicUsize::new(1));
    let current = Arc::clone(&edition);
    let stub = Stub::answering(move |_| {
        answer("200 OK", &[], &document(0, current.load(Ordering::SeqCst)))
    });
    let compress: Compress = |environment| {
        // `Compress` is a plain function and captures nothing, so the document's name decides.
        assert_ne!(environment.name(), Some("edition 2"), "a defect");
        environment.name() == Some("edition 3")
    };
    let trial = Trial::compiling(&stub, 1, engine::compile_with, compress);
    // The index is the first generation.
    let mut before = 1;
    for (name, publications) in [(1, 1), (2, 1), (3, 2)] {
        edition.store(name, Ordering::SeqCst);
        eventually("the edition", || {
            trial.document(0) == Some(document(0, name))
        });
        let polled = stub.requests().len();
        eventually("two more polls", || stub.requests().len() >= polled + 2);
        let after = trial.reader.board().row_generation(0);
        assert_eq!(after - before, publications, "edition {name}");
        assert_eq!(trial.document(0), Some(document(0, name)));
        assert!(is_noticed(&trial, &Notice::Published));
        before = after;
    }
}

#[test]
fn what_is_replaced_is_reclaimed() {
    let edition = Arc::new(AtomicUsize::new(1));
    let current = Arc::clone(&edition);
    let stub = Stub::answering(move |_| {
        answer("200 OK", &[], &document(0, current.load(Ordering::SeqCst)))
    });
    let trial = Trial::of(&stub, 1);
    for edition_number in 1..=5 {
        edition.store(edition_number, Ordering::SeqCst);
        eventually("the edition", || {
            trial.document(0) == Some(document(0, edition_number))
        });
    }
    eventually("one snapshot is left", || {
        let snapshots = trial.directory.path().join("environments");
        std::fs::read_dir(snapshots).unwrap().count() == 1
    });
    assert_eq!(trial.document(0), Some(document(0, 5)));
}

/// The first edition of two documents in files.
fn files() -> (tempfile::TempDir, Source) {
    let directory = tempfile::tempdir().unwrap();
    for row in 0..2 {
        let path = directory.path().join(format!("{row}.json"));
        std::fs::write(path, document(row, 1)).unwrap();
    }
    let settings = FileSettings {
        place: DocumentPlace::Path(directory.path().to_owned()),
        max_document_bytes: 1 << 20,
    };
    (directory, Source::Files(settings))
}

#[test]
fn documents_in_files_are_published_once_and_every_poll_finds_them_current() {
    let (_files, source) = files();
    let trial = Trial::new(pairs(2), &source, engine::compile_with, |_| false);
    let board = trial.reader.board();
    for row in 0..2 {
        eventually("both documents", || {
            trial.document(row) == Some(document(row, 1))
        });
    }
    let generation = newest(board);
    let fetched = board.environment(1).fetched();
    eventually("a later poll counts as a fetch", || {
        board.environment(1).fetched() > fetched
    });
    assert_eq!(newest(board), generation);
}

#[test]
fn a_poller_that_ends_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let (publication, _) = publication(directory.path(), &pairs(2));
    // A defect: the board has fewer rows than there are environments.
    let shape = board_shape(engine::FORMAT, 1, 1);
    let small = Publisher::open(&directory.path().join("small"), shape).unwrap();
    let notices = Notices::of_children().unwrap();
    let (_files, source) = files();
    let polling = Poller {
        documents: Documents::new(source.open().unwrap(), &pairs(2)).unwrap(),
        environments: pairs(2),
        poll_frequency: Duration::from_millis(10),
        realtime: None,
        fetch_rules: FETCH_RULES,
        compile_options: CompileOptions::default(),
        compiler: Compiler {
            compile: engine::compile_with,
            compress: |_| false,
            command: NO_COMMAND,
            publication: Arc::new(publication),
            notifier: notices.notifier(),
        },
        board: small.share_board(),
        knocks: Knocker::new().unwrap().0,
    };
    let polling = polling.start().unwrap();
    let deadline = Some(Instant::now() + Duration::from_secs(10));
    while !notices.wait(deadline).contains(&Notice::PollerEnded) {}
    let reason = polling.reason().to_string();
    assert!(reason.starts_with("poll: row 1 "), "{reason}");
}
