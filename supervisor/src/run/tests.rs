//! The whole supervisor, with workers that only sleep.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use contract::{
    Handover, KeyPair, Knocker, Readiness, ReadyWhen, ServerSideKey, WorkerSettings, board_shape,
};
use engine::CompileOptions;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapshot::Publisher;
use testing::eventually;

use super::*;
use crate::options::DEFAULT_ADMIN_PORT;
use crate::pool::WorkerCommand;
use crate::pool::listener::Address;
use crate::publish::StateDirectory;
use crate::source::api_url::ApiUrl;
use crate::source::files::{DocumentPlace, FileSettings};
use crate::source::upstream::{UpstreamSettings, Way};

/// The address of a port of this machine.
fn loopback(port: u16) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port,
        settings: "test",
    }
}

const DOCUMENT: &str =
    r#"{"api_key":"public","name":null,"project":{"segments":[]},"feature_states":[]}"#;

fn settings(directory: PathBuf) -> Settings {
    let started = directory.join("started");
    let document = directory.join("document.json");
    fs::write(&document, DOCUMENT).unwrap();
    Settings {
        environments: vec![KeyPair::new("public", [ServerSideKey::new("ser.secret")])],
        source: Source::Files(FileSettings {
            place: DocumentPlace::Path(document),
            max_document_bytes: 1 << 20,
        }),
        api_poll_frequency: Duration::from_secs(10),
        realtime: None,
        fetch_rules: crate::Options::default().fetch_rules(),
        compile_options: CompileOptions::default(),
        grace_period: None,
        ready_when: ReadyWhen::All,
        forward: crate::ForwardSettings {
            frequency: Duration::from_secs(10),
            max_bytes: 1,
            events: None,
        },
        directory: StateDirectory::Given(directory.join("state")),
        public: loopback(0),
        admin: None,
        workers: NonZeroUsize::MIN,
        shutdown_delay: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(3600),
        compile: |_| Command::new("false"),
        worker: WorkerCommand::new(move |_| {
            let mut command = Command::new("sh");
            command
                .args(["-c", "echo $$ >$started; exec sleep 60"])
                .env("started", &started);
            let handover = Handover {
                directory: PathBuf::new(),
                slot: 0,
                supervisor: 0,
                admin_token: None,
                sse_authentication_token: None,
                ring: None,
                accepts_events: false,
                reports_usage: false,
                settings: WorkerSettings::default(),
            };
            (command, handover)
        }),
    }
}

#[test]
fn serves_until_it_is_told_to_stop_and_leaves_no_worker() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let running = thread::spawn(move || run(settings(path), None));
    let started = directory.path().join("started");
    let process = || fs::read_to_string(&started).ok()?.trim().parse().ok();
    eventually("a worker", || process().is_some());

    // Not before the first worker: without a handler TERM would end the tests.
    kill(Pid::this(), Signal::SIGTERM).unwrap();
    eventually("the end", || running.is_finished());
    running.join().unwrap().unwrap();
    assert!(kill(Pid::from_raw(process().unwrap()), None).is_err());
}

#[test]
fn a_document_that_is_none_ends_the_start_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path().to_owned());
    let document = directory.path().join("document.json");
    fs::write(&document, &DOCUMENT[..20]).unwrap();
    let error = run(settings, None).unwrap_err().to_string();
    let expected = format!("read {}: document: not JSON at byte ", document.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn an_environment_is_stale_after_a_poll_and_a_grace_period_for_each_unless_it_is_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(directory.path().to_owned());
    settings.grace_period = Some(Duration::from_millis(2500));
    assert_eq!(settings.readiness(3).stale_after, None);
    settings.source = Source::Upstream(UpstreamSettings {
        api_url: ApiUrl::parse("http://127.0.0.1:9").unwrap(),
        proxy_key: None,
        way: Way::Straight,
        poll_timeout: Duration::from_secs(1),
        max_document_bytes: 1,
        user_agent: String::new(),
    });
    let stale_after = settings.readiness(3).stale_after;
    assert_eq!(stale_after, Some(Duration::from_millis(17_500)));
    settings.grace_period = None;
    assert_eq!(settings.readiness(3).stale_after, None);
}

#[test]
fn settings_show_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let shown = format!("{:?}", settings(directory.path().to_owned()));
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("public"), "{shown}");
}

#[test]
fn the_end_of_polling_ends_serving() {
    let directory = tempfile::tempdir().unwrap();
    let shape = |rows| board_shape(engine::FORMAT, rows, 1);
    let settings = settings(directory.path().to_owned());
    let (publisher, path) = settings.directory.open(shape(1)).unwrap();
    // A defect that makes the poller panic: this board has no row for the environment.
    let small = Publisher::open(&directory.path().join("small"), shape(0)).unwrap();
    let notices = Notices::of_children().unwrap();
    let sockets = listeners::open(&settings).unwrap();
    let times = Times::new(settings.shutdown_delay, settings.shutdown_timeout);
    let board = publisher.share_board();
    let board_too = Arc::clone(&board);
    let forwarding = Forwarding::start(&path, board_too, &settings.source, &settings.forward);
    let forwarding = forwarding.unwrap();
    let rings = forwarding.rings();
    let pool = Pool::new(settings.worker.clone(), sockets, board, rings, times);
    let roster = Roster::new(settings.environments.clone(), 1);
    let publication = publish::open(
        publisher,
        &roster.index(Readiness::default(), &[]),
        settings.compile_options,
        settings.compile,
    )
    .unwrap();
    let (knocks, knocker) = Knocker::new().unwrap();
    let source = settings.source.open().unwrap();
    let polling = Poller {
        documents: Documents::new(source, &settings.environments).unwrap(),
        environments: settings.environments.clone(),
        poll_frequency: settings.api_poll_frequency,
        realtime: None,
        fetch_rules: settings.fetch_rules,
        compile_options: settings.compile_options,
        compiler: Compiler {
            compile: engine::compile_with,
            compress: engine::Environment::compress,
            command: settings.compile,
            publication: Arc::new(publication),
            notifier: notices.notifier(),
        },
        board: small.share_board(),
        knocks,
    };
    let polling = polling.start().unwrap();
    let workplace = Workplace {
        directory: path,
        knocker: Rc::new(knocker),
    };
    let reloader = Reloader::new(
        None,
        settings,
        vec![],
        workplace,
        roster,
        polling,
        forwarding,
    );
    let error = serve(pool, &notices, reloader).unwrap_err();
    assert!(error.to_string().starts_with("poll: "), "{error}");
}

#[test]
fn an_admin_port_in_use_ends_the_start_unless_it_is_the_default_one() {
    let settings = |directory: &tempfile::TempDir, port| Settings {
        admin: Some(loopback(port)),
        ..settings(directory.path().to_owned())
    };
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = listeners::open(&settings(&directory, port)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("listen on 127.0.0.1:{port} (test)")
    );
    // Whoever has it, perhaps another test's proxy: somebody has it.
    let _default = std::net::TcpListener::bind(("127.0.0.1", DEFAULT_ADMIN_PORT));
    let sockets = listeners::open(&settings(&directory, DEFAULT_ADMIN_PORT)).unwrap();
    assert_eq!((sockets[0].public.len(), sockets[0].admin.len()), (1, 0));
}
