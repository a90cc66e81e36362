//! Warm starts: a proxy that finds the state directory of an earlier run serves its documents at once, refuses what is
//! damaged, and loses nothing by kills or full disks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod directory;
mod kills;
mod outage;
mod start;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};
use tempfile::TempDir;
use testing::{Stub, eventually};

use crate::harness::{Proxy, executable};

/// An address where nobody listens.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9/api/v1";

/// A state directory and a configuration, with which proxies run one after the other.
pub(crate) struct Site {
    directory: TempDir,
    state: PathBuf,
    config: Value,
}

impl Site {
    /// With these environments, by client-side key.
    pub(crate) fn new(upstream: &Stub, environments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pairs: Vec<Value> = environments
            .iter()
            .map(|key| json!({"client_side_key": key, "server_side_key": format!("ser.{key}")}))
            .collect();
        let state = directory.path().join("state");
        let config = json!({
            "environment_key_pairs": pairs,
            "api_url": upstream.api_url(),
            "api_poll_frequency_seconds": 0.1,
            "server": {"host": "127.0.0.1", "port": 0},
            "admin": {"port": null},
        });
        Self {
            directory,
            state,
            config,
        }
    }

    /// Sets another state directory.
    pub(crate) fn publishing_in(mut self, state: &Path) -> Self {
        self.state = state.to_owned();
        self
    }

    /// Sets a setting for the proxies that are started from here on.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.config[name] = value;
    }

    fn environments(&self) -> usize {
        self.config["environment_key_pairs"]
            .as_array()
            .map_or(0, Vec::len)
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The command that starts a proxy.
    pub(crate) fn command(&self) -> Command {
        let mut config = self.config.clone();
        config["snapshot"] = json!({"directory": self.state});
        let path = self.directory.path().join("config.json");
        fs::write(&path, config.to_string()).unwrap();
        let mut command = executable();
        command
            .arg("--config")
            .arg(path)
            .env("WEB_CONCURRENCY", "1");
        command
    }

    pub(crate) fn start(&self) -> Proxy {
        Proxy::spawn(self.command(), self.state.clone(), None)
    }

    /// Starts a proxy, stops it when it is ready, and makes upstream unreachable for the next one.
    pub(crate) fn leave_behind(&mut self) {
        let mut proxy = self.start();
        proxy.wait_until_ready();
        self.wait_until_settled(self.environments());
        stop(&mut proxy);
        self.set("api_url", json!(NOWHERE));
    }

    /// The snapshots in the state directory, oldest first.
    pub(crate) fn snapshots(&self) -> Vec<PathBuf> {
        let mut snapshots: Vec<PathBuf> = fs::read_dir(self.state.join("environments"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| generation(path) > 0)
            .collect();
        snapshots.sort_by_key(|path| generation(path));
        snapshots
    }

    /// Waits until so many snapshots and one index are left: everything that was replaced is unlinked.
    #[track_caller]
    pub(crate) fn wait_until_settled(&self, snapshots: usize) {
        let is_index =
            |path: &PathBuf| !path.is_dir() && path.file_stem().is_some_and(|stem| stem == "index");
        eventually("what is left to be settled", || {
            let found = fs::read_dir(&self.state).unwrap();
            let found = found.map(|entry| entry.unwrap().path());
            found.filter(is_index).count() == 1
                && self.snapshots().len() == snapshots
                && !self.state.join("staging").is_file()
        });
    }

    /// The only snapshot.
    #[track_caller]
    pub(crate) fn snapshot(&self) -> PathBuf {
        let snapshots = self.snapshots();
        assert_eq!(snapshots.len(), 1, "{snapshots:?}");
        snapshots[0].clone()
    }
}

fn generation(path: &Path) -> u64 {
    let extension = path.extension().and_then(|text| text.to_str());
    extension.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Stops a proxy with TERM and waits for its end.
#[track_caller]
pub(crate) fn stop(proxy: &mut Proxy) {
    proxy.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(proxy.wait().success());
}

/// The value of the feature `greeting`, or the status when it is not 200.
pub(crate) fn greeting(proxy: &Proxy) -> String {
    let response = proxy.get("/api/v1/flags/?feature=greeting", "test");
    match response.status {
        200 => response.json()["feature_state_value"].to_string(),
        status => status.to_string(),
    }
}

/// Waits until this value is served.
#[track_caller]
pub(crate) fn wait_for_greeting(proxy: &Proxy, value: &str) {
    proxy.wait_for(value, |proxy| greeting(proxy) == format!("\"{value}\""));
}

/// The status of readiness, and when the oldest document was last fetched.
pub(crate) fn last_update(proxy: &Proxy) -> (u16, String) {
    let response = proxy.get("/proxy/health/readiness", "");
    let at = response.json()["last_successful_update"].clone();
    (response.status, at.as_str().unwrap_or_default().to_owned())
}

/// A free address, for a test that connects before the proxy can tell its own.
pub(crate) fn free_address() -> SocketAddr {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap()
}

/// How many lines of the log contain all of these words.
pub(crate) fn lines_with(proxy: &Proxy, words: &[&str]) -> usize {
    let log = proxy.log();
    let lines = log.lines();
    lines
        .filter(|line| words.iter().all(|word| line.contains(word)))
        .count()
}

/// A time in the format of the health endpoints.
pub(crate) fn iso_8601(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap();
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}
