//! `edge-proxy --demo`: serves two sample environments that are built in, and written to files that can be edited.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use contract::{KeyPair, ServerSideKey, WorkerSettings};
use supervisor::{Address, DocumentPlace, FileSettings, Options, Settings, Source, StateDirectory};

use super::{compile, worker};
use crate::config;
use crate::error::Error;

const PRODUCTION: &str = include_str!("production.json");
const STAGING: &str = include_str!("staging.json");

/// Serves the sample environments until TERM or INT has come.
pub(crate) fn run() -> Result<(), Error> {
    let workers = config::workers()?;
    let options = Options::default();
    let worker_settings = WorkerSettings::default();
    let directory = directory().map_err(Error::Demo)?;
    let documents = write_documents(directory.path()).map_err(Error::Demo)?;
    let port = free_port(Ipv4Addr::UNSPECIFIED, options.server.port).map_err(Error::Demo)?;
    let mut admin = options.admin();
    if let Some(address) = &mut admin {
        address.port = free_port(Ipv4Addr::LOCALHOST, address.port).map_err(Error::Demo)?;
    }
    let admin_port = admin.as_ref().map_or(0, |address| address.port);
    println!("{}", welcome(port, admin_port, &documents));
    let settings = Settings {
        environments: vec![key_pair("production"), key_pair("staging")],
        source: Source::Files(FileSettings {
            place: DocumentPlace::Path(documents),
            max_document_bytes: options.api_max_document_bytes,
        }),
        api_poll_frequency: options.api_poll_frequency,
        realtime: None,
        fetch_rules: options.fetch_rules(),
        compile_options: options.compile_options(),
        grace_period: None,
        ready_when: options.health_check.ready_when,
        forward: supervisor::ForwardSettings {
            frequency: options.journal.frequency,
            max_bytes: options.journal.max_bytes as u64,
            events: None,
        },
        directory: StateDirectory::Given(directory.path().join("state")),
        public: Address {
            port,
            ..options.public()
        },
        admin,
        workers,
        shutdown_delay: options.server.shutdown_delay,
        shutdown_timeout: worker_settings.limits.shutdown_timeout,
        worker: worker::command(worker::Given {
            settings: worker_settings,
            ..worker::Given::default()
        }),
        compile: compile::command,
    };
    Ok(supervisor::run(settings, None)?)
}

fn key_pair(name: &str) -> KeyPair {
    let key = ServerSideKey::new(format!("ser.demo_{name}"));
    KeyPair::new(format!("demo_{name}"), [key])
}

/// Writes the documents, and returns the directory that they are in.
fn write_documents(directory: &Path) -> io::Result<PathBuf> {
    let documents = directory.join("documents");
    fs::create_dir(&documents)?;
    for (name, document) in [("production.json", PRODUCTION), ("staging.json", STAGING)] {
        fs::write(documents.join(name), document)?;
    }
    Ok(documents)
}

/// A directory that is removed at the end, in the first place where one can be made.
fn directory() -> io::Result<tempfile::TempDir> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for parent in config::directories_of_demonstration() {
        let _ = std::fs::create_dir_all(&parent);
        outcome = tempfile::Builder::new()
            .prefix("edge-proxy-demo-")
            .tempdir_in(parent);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// The wanted port if it is free, else another one.
fn free_port(host: Ipv4Addr, wanted: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((host, wanted)).or_else(|_| TcpListener::bind((host, 0)))?;
    Ok(listener.local_addr()?.port())
}

/// What to try, for the terminal. These server-side keys open nothing but the samples, so they may be shown.
fn welcome(port: u16, admin_port: u16, documents: &Path) -> String {
    let documents = documents.display();
    let url = format!("http://127.0.0.1:{port}/api/v1/");
    format!(
        r#"
Edge Proxy demonstration: two sample environments, nothing leaves this machine.

  URL for SDKs       {url}
  client-side keys   demo_production, demo_staging
  server-side keys   ser.demo_production, ser.demo_staging
  status page        http://127.0.0.1:{admin_port}/
  documents          {documents}/*.json; edit them

Try:
  curl -H 'X-Environment-Key: demo_production' '{url}flags/'
  curl -H 'X-Environment-Key: demo_production' -H 'Content-Type: application/json' \
    -d '{{"identifier":"alice","traits":[{{"trait_key":"plan","trait_value":"premium"}}]}}' '{url}identities/'

The customer "alice" has identity overrides, the trait "plan" puts her in a segment, "button_colour" is
split between all customers, and "fraud_threshold" is for server-side keys only. Ctrl-C stops it.
"#
    )
}
