//! This room at its own door: a real listener over published snapshots, asked with the bytes of real requests.

mod connections;
mod gzip;
mod privilege;
mod serving;
mod wire;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use contract::{BoardWords, Index, IndexEntry, Limits, Sockets, WorkerSettings, key};
use engine::FORMAT;
use snapshot::{Board, Publisher, Reader, Shape};
use tempfile::TempDir;

use crate::serve::Ending;
use crate::{Error, serve};

/// A supervisor's part, as far as a worker sees it: environments, in a state directory of their own.
struct Published {
    directory: TempDir,
    publisher: Publisher,
    /// Their names, by row; `client_<name>` and `ser.<name>` open them. A row without a name is nobody's.
    environments: Vec<&'static str>,
}

impl Published {
    /// None of them has a document yet.
    fn new(names: &[&'static str]) -> Self {
        let directory = TempDir::new().expect("temporary directory");
        let shape = Shape {
            format: FORMAT,
            // More than there are environments, as ever.
            rows: names.len() + 100,
            slots: 1,
        };
        let publisher = Publisher::open(&directory.path().join("state"), shape).expect("publisher");
        let published = Self {
            directory,
            publisher,
            environments: names.to_vec(),
        };
        published.publish_index();
        published
    }

    /// A document arrives for one of them. Returns the generation.
    fn update(&mut self, name: &str, document: &str) -> u64 {
        let compiled = engine::compile(document.as_bytes()).expect("document");
        let is_it = |environment: &&str| *environment == name;
        let row = self.environments.iter().position(is_it).expect("row");
        let generation = self.publisher.publish(row, name, &compiled.environment);
        self.publisher.settle().expect("settle");
        self.board().set_fetched(row, SystemTime::now());
        generation.expect("publish")
    }

    fn board(&self) -> &Board {
        self.publisher.board()
    }

    fn publish_index(&self) {
        let mut index = Index {
            stale_after: Some(Duration::from_secs(60)),
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
            index.server_side_keys.insert(digest, row);
        }
        self.publisher.publish_index(&index).expect("publish");
        self.publisher.settle().expect("settle");
    }

    /// How many snapshots this process has mapped, by whether their file is still there.
    fn mapped(&self) -> (usize, usize) {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
        let directory = self.directory.path().join("state/environments");
        let directory = directory.to_str().expect("path");
        let ours = maps.lines().filter(|line| line.contains(directory));
        let (retired, named): (Vec<&str>, Vec<&str>) =
            ours.partition(|line| line.ends_with("(deleted)"));
        (named.len(), retired.len())
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.directory.path().join("state"), FORMAT).expect("reader")
    }
}

const LIMITS: Limits = Limits {
    max_connections: 1024,
    max_body_bytes: 64 * 1024,
    header_timeout: Duration::from_secs(5),
    body_timeout: Duration::from_secs(5),
    keep_alive: Duration::from_secs(75),
    shutdown_timeout: Duration::from_secs(10),
};

/// A running worker; stops when dropped.
struct Worker {
    address: SocketAddr,
    /// Its other end is closed to stop the worker.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Worker {
    fn start(published: &Published, allow_origins: &[&str]) -> Self {
        let settings = WorkerSettings {
            allow_origins: allow_origins.iter().map(|&origin| origin.into()).collect(),
            limits: LIMITS,
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
        let address = listener.local_addr().expect("address");
        let reader = Arc::new(published.reader());
        let (stop, stopped) = UnixStream::pair().expect("socket pair");
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                stopped.set_nonblocking(true).expect("non-blocking socket");
                let stopped = actix_rt::net::UnixStream::from_std(stopped).expect("socket");
                let closed = async move {
                    stopped.readable().await.expect("closed socket");
                    Ending {
                        settle: Duration::from_millis(20),
                        patience: settings.limits.shutdown_timeout,
                        supervisor: std::os::unix::process::parent_id(),
                    }
                };
                let sockets = Sockets {
                    own: listener,
                    neighbour: None,
                };
                serve::serve(&reader, 0, settings, sockets, closed).await
            })
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connection");
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("timeout");
        stream
    }

    /// Sends a whole request that ends its connection, and reads all there is.
    fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).expect("request");
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).expect("answer");
        Answer::parse(&raw)
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask(request("GET", path, headers, ""))
    }

    fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        self.ask(request("POST", path, headers, body))
    }

    /// Drains and ends.
    fn stop(mut self) -> Result<(), Error> {
        drop(self.stop.take());
        let thread = self.thread.take().expect("thread");
        thread.join().expect("worker")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("worker").expect("drained");
            }
        }
    }
}

/// `headers` are lines, each with its line end.
fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: proxy.test\r\nConnection: close\r\n{headers}{length}\r\n{body}"
    )
}

/// An answer, taken apart.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn parse(raw: &[u8]) -> Self {
        let end = raw
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer in {:?}", String::from_utf8_lossy(raw)));
        let head = std::str::from_utf8(&raw[..end]).expect("head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.expect("status").parse().expect("status"),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: raw[end + 4..].to_vec(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Its body without its coding.
    fn decoded(&self) -> Vec<u8> {
        match self.header("content-encoding") {
            None => self.body.clone(),
            Some("gzip") => {
                let mut body = Vec::new();
                flate2::read::GzDecoder::new(&self.body[..])
                    .read_to_end(&mut body)
                    .expect("gzip");
                body
            }
            Some(coding) => panic!("unknown coding {coding}"),
        }
    }
}

/// Looks again and again until `condition` holds; what takes longer than a few seconds does not happen.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A document with these features (id, name, enabled, value as JSON), last changed at that second of 2026.
fn document(name: &str, second: u32, features: &[(u32, &str, bool, &str)]) -> String {
    let states: Vec<String> = features
        .iter()
        .map(|(id, feature, enabled, value)| {
            format!(
                r#"{{"feature":{{"id":{id},"name":"{feature}","type":"STANDARD"}},"enabled":{enabled},"feature_state_value":{value},"django_id":{id},"multivariate_feature_state_values":[]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"id":1,"api_key":"client_{name}","name":"{name}","updated_at":"2026-01-15T10:30:{second:02}.123456Z","project":{{"id":1,"name":"project","hide_disabled_flags":true,"segments":[],"server_key_only_feature_ids":[91]}},"feature_states":[{}],"identity_overrides":[]}}"#,
        states.join(",")
    )
}
