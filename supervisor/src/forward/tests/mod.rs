//! The way back in one process: rings, outbox and a stub in place of upstream.

mod collecting;
mod sending;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use journal::{Change, Labels, Record, Report, TraitChange, Writer};
use serde_json::Value;
use snapshot::Publisher;
use testing::Stub;

use super::*;
use crate::source::upstream::{UpstreamSettings, Way};

const ENVIRONMENT: &str = "environment";

/// The journal of one worker, and where it goes.
struct Trial {
    directory: tempfile::TempDir,
    board: Arc<Board>,
    stub: Stub,
}

impl Trial {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let shape = contract::board_shape(engine::FORMAT, 1, 1);
        let publisher = Publisher::open(&directory.path().join("board"), shape).unwrap();
        Self {
            board: publisher.share_board(),
            directory,
            stub: Stub::answering(|_| testing::Answer::status("404 Not Found", "")),
        }
    }

    fn state_directory(&self) -> &Path {
        self.directory.path()
    }

    /// The threads, which collect often.
    fn start(&self) -> Forwarding {
        self.start_as(&self.settings(1 << 20))
    }

    fn start_as(&self, settings: &ForwardSettings) -> Forwarding {
        let board = Arc::clone(&self.board);
        Forwarding::start(self.state_directory(), board, &self.source(), settings).unwrap()
    }

    fn settings(&self, max_bytes: u64) -> ForwardSettings {
        ForwardSettings {
            max_bytes,
            frequency: Duration::from_millis(1),
            events: Some(upstream_settings(&self.stub.origin())),
        }
    }

    fn source(&self) -> Source {
        Source::Upstream(upstream_settings(&self.stub.api_url()))
    }

    /// The bodies that came for a path, by idempotency key. Equal keys have equal bodies.
    fn received(&self, path: &str) -> BTreeMap<String, Value> {
        let mut received = BTreeMap::new();
        for report in self.stub.reports() {
            if report.target().1 == path {
                let key = report.header("idempotency-key").unwrap().to_owned();
                let body = report.json();
                let before = received.insert(key, body.clone());
                assert!(before.is_none_or(|before| before == body));
            }
        }
        received
    }
}

fn upstream_settings(api_url: &str) -> UpstreamSettings {
    UpstreamSettings {
        proxy_key: None,
        way: Way::Straight,
        api_url: crate::ApiUrl::parse(api_url).unwrap(),
        poll_timeout: Duration::from_secs(1),
        max_document_bytes: 1,
        user_agent: "proxy".to_owned(),
    }
}

/// A worker's end of a ring that is lent to it.
struct Worker {
    writer: Writer,
    _lease: Lease,
}

impl Worker {
    fn of(forwarding: &Forwarding, state_directory: &Path) -> Self {
        Self::with(forwarding.rings().lend().unwrap(), state_directory)
    }

    fn with(lease: Lease, state_directory: &Path) -> Self {
        let directory = journal::directory(state_directory);
        let path = journal::ring_file(&directory, lease.number());
        Self {
            writer: Writer::open(&path).unwrap(),
            _lease: lease,
        }
    }

    fn append(&mut self, report: Report<'_>) {
        self.append_labelled(Labels::default(), report);
    }

    fn append_labelled(&mut self, labels: Labels<'_>, report: Report<'_>) {
        let record = Record {
            environment: ENVIRONMENT,
            labels,
            report,
        };
        self.writer
            .append(&record.write(Vec::new()).unwrap())
            .unwrap();
    }

    fn set(&mut self, identifier: &str, key: &str, value: &str) {
        self.change(identifier, key, Change::Set(value.into()));
    }

    fn change(&mut self, identifier: &str, key: &str, change: Change<'_>) {
        self.append(Report::Traits(vec![TraitChange {
            identifier: identifier.into(),
            key: key.into(),
            change,
        }]));
    }
}

/// The sum of all counts of a feature.
fn sum(bodies: &BTreeMap<String, Value>, feature: &str) -> u64 {
    let counts = bodies.values().filter_map(|body| body[feature].as_u64());
    counts.sum()
}
