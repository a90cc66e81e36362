//! The supervisor's part, as far as a worker sees it.

use std::time::{Duration, SystemTime};

use contract::{
    BoardWords, Expiry, Index, IndexEntry, Readiness, ReadyWhen, ServerSideRow, board_shape, key,
};
use engine::{CompileOptions, Environment, FORMAT};
use snapshot::{Board, Publisher, Reader};
use tempfile::TempDir;

/// Publishes documents in a state directory of its own.
pub(super) struct StubSupervisor {
    pub(super) directory: TempDir,
    publisher: Publisher,
    /// The names of the environments by row. Their keys are `client_<name>` and `ser.<name>`. A row without a name
    /// belongs to no environment.
    pub(super) environments: Vec<&'static str>,
    /// Of the next index.
    pub(super) readiness: Readiness,
    /// Of all server-side keys of the next index.
    pub(super) expiry: Expiry,
}

impl StubSupervisor {
    /// Publishes an index of these environments, which have no documents yet.
    pub(super) fn new(names: &[&'static str]) -> Self {
        let directory = TempDir::new().expect("temporary directory");
        // The board always has more rows than environments.
        let shape = board_shape(FORMAT, names.len() + 100, 1);
        let publisher = Publisher::open(&directory.path().join("state"), shape).expect("publisher");
        let supervisor = Self {
            directory,
            publisher,
            environments: names.to_vec(),
            readiness: Readiness {
                stale_after: Some(Duration::from_secs(60)),
                ready_when: ReadyWhen::All,
            },
            expiry: Expiry::NEVER,
        };
        supervisor.publish_index();
        supervisor
    }

    /// Publishes a document of one environment. Returns the generation.
    pub(super) fn publish(&mut self, name: &str, document: &str) -> u64 {
        self.publish_with(name, document, CompileOptions::default())
    }

    /// The same as the operator chooses.
    pub(super) fn publish_with(
        &mut self,
        name: &str,
        document: &str,
        options: CompileOptions,
    ) -> u64 {
        let compiled =
            engine::compile_with(&document.to_owned().into(), options).expect("document");
        self.publish_environment(name, &compiled.environment)
    }

    /// Publishes a document whose date tells it from others.
    pub(super) fn publish_dated(&mut self, name: &str, document: &str) -> u64 {
        let mut compiled = engine::compile(document.as_bytes()).expect("document");
        compiled.environment.set_is_dated();
        self.publish_environment(name, &compiled.environment)
    }

    fn publish_environment(&mut self, name: &str, environment: &Environment) -> u64 {
        let is_named = |environment: &&str| *environment == name;
        let row = self.environments.iter().position(is_named).expect("row");
        let generation = self.publisher.publish(row, name, environment);
        self.publisher.settle().expect("settle");
        self.board().environment(row).set_fetched(SystemTime::now());
        generation.expect("publish")
    }

    pub(super) fn board(&self) -> &Board {
        self.publisher.board()
    }

    pub(super) fn publish_index(&self) {
        let mut index = Index {
            readiness: self.readiness,
            ..Index::default()
        };
        for (row, name) in (0..).zip(&self.environments) {
            if name.is_empty() {
                continue;
            }
            index.environments.push(IndexEntry {
                name: format!("client_{name}"),
                file: (*name).to_owned(),
                row,
            });
            index.client_side_keys.insert(format!("client_{name}"), row);
            let digest = key::digest(format!("ser.{name}").as_bytes());
            let expiry = self.expiry;
            let opens = ServerSideRow { row, expiry };
            index.server_side_keys.insert(digest, opens);
        }
        self.publisher.publish_index(&index).expect("publish");
        self.publisher.settle().expect("settle");
    }

    /// How many snapshots this process has mapped: those whose files are there, and those whose files are gone.
    pub(super) fn mapped(&self) -> (usize, usize) {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
        let directory = self.directory.path().join("state/environments");
        let directory = directory.to_str().expect("path");
        let ours = maps.lines().filter(|line| line.contains(directory));
        let (retired, named): (Vec<&str>, Vec<&str>) =
            ours.partition(|line| line.ends_with("(deleted)"));
        (named.len(), retired.len())
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.directory.path().join("state"), FORMAT).expect("reader")
    }
}

/// A document with these features (id, name, enabled, value as JSON), last changed at that second of a minute.
pub(super) fn document(name: &str, second: u32, features: &[(u32, &str, bool, &str)]) -> String {
    let states: Vec<String> = features
        .iter()
        .map(|(id, feature, enabled, value)| {
            let feature = format!(r#"{{"id":{id},"name":"{feature}","type":"STANDARD"}}"#);
            let state = format!(r#""enabled":{enabled},"feature_state_value":{value}"#);
            let rest = format!(r#""django_id":{id},"multivariate_feature_state_values":[]"#);
            format!(r#"{{"feature":{feature},{state},{rest}}}"#)
        })
        .collect();
    let updated_at = format!("2026-01-15T10:30:{second:02}.123456Z");
    let names = format!(r#""api_key":"client_{name}","name":"{name}","updated_at":"{updated_at}""#);
    let options = r#""hide_disabled_flags":true,"segments":[],"server_key_only_feature_ids":[91]"#;
    let project = format!(r#""project":{{"id":1,"name":"project",{options}}}"#);
    let states = states.join(",");
    format!(r#"{{"id":1,{names},{project},"feature_states":[{states}],"identity_overrides":[]}}"#)
}
