//! A running proxy for a test: started on a free port, stopped when dropped, its log shown when the test fails.

mod client;
mod clients;
pub(crate) mod load;
pub(crate) mod slots;
mod tls;
mod upstream;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

pub(crate) use client::{Connection, Response};
pub(crate) use clients::{Clients, Expect};
pub(crate) use tls::{Manner, TlsFront};
pub(crate) use upstream::{Answer, Upstream, raw};

/// How long anything may take that should take an instant, on a machine busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy and where it listens.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
    state: PathBuf,
    _directory: Option<tempfile::TempDir>,
}

/// How a proxy is to be started.
pub(crate) struct Start {
    config: Value,
    workers: usize,
    log: Option<&'static str>,
    /// How many files each of its processes may open.
    files: Option<u64>,
}

impl Start {
    /// A proxy of these environments, by client-side key: the server-side key is the same after `ser.`.
    pub(crate) fn new(upstream: &Upstream, environments: &[&str]) -> Start {
        let pairs: Vec<Value> = environments
            .iter()
            .map(|key| json!({"client_side_key": key, "server_side_key": format!("ser.{key}")}))
            .collect();
        let config = json!({
            "environment_key_pairs": pairs,
            "api_url": upstream.api_url(),
            "api_poll_frequency_seconds": 0.2,
            "server": {"host": "127.0.0.1", "port": 0},
        });
        Start {
            config,
            workers: 1,
            log: None,
            files: None,
        }
    }

    pub(crate) fn workers(mut self, workers: usize) -> Start {
        self.workers = workers;
        self
    }

    /// Logs as `RUST_LOG` says.
    pub(crate) fn log(mut self, filter: &'static str) -> Start {
        self.log = Some(filter);
        self
    }

    /// Lets each of its processes open so many files.
    pub(crate) fn files(mut self, files: u64) -> Start {
        self.files = Some(files);
        self
    }

    /// Sets a member of the section `server`.
    pub(crate) fn server(mut self, name: &str, value: Value) -> Start {
        self.config["server"][name] = value;
        self
    }

    /// Sets a member of the configuration.
    pub(crate) fn set(mut self, name: &str, value: Value) -> Start {
        self.config[name] = value;
        self
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(mut self) -> Proxy {
        let directory = tempfile::tempdir().expect("a directory");
        let state = directory.path().join("state");
        self.config["snapshot"] = json!({"directory": state});
        let config = directory.path().join("config.json");
        std::fs::write(&config, self.config.to_string()).expect("write the configuration");
        let mut command = executable();
        if let Some(files) = self.files {
            let itself = command.get_program().to_owned();
            command = program("sh");
            let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
            command.arg("-c").arg(script).arg(itself);
        }
        if let Some(filter) = self.log {
            command.env("RUST_LOG", filter);
        }
        command
            .arg("--config")
            .arg(&config)
            .env("WEB_CONCURRENCY", self.workers.to_string());
        Proxy::spawn(command, state, Some(directory))
    }
}

impl Proxy {
    /// Starts a proxy of one environment with one worker and waits until it is ready.
    pub(crate) fn ready(upstream: &Upstream, environment: &str) -> Proxy {
        let proxy = Start::new(upstream, &[environment]).start();
        proxy.wait_until_ready();
        proxy
    }

    /// Runs `command` and waits for the line that tells its address.
    pub(crate) fn spawn(
        mut command: Command,
        state: PathBuf,
        directory: Option<tempfile::TempDir>,
    ) -> Proxy {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the executable");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("its stderr");
        let reading = thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = log.lock().expect("the log");
                    log.push_str(&line);
                    log.push('\n');
                }
            }
        });
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut proxy = Proxy {
            child,
            address: unknown,
            log,
            reading: Some(reading),
            state,
            _directory: directory,
        };
        proxy.address = proxy.wait_for("the line that tells the address", |proxy| {
            let log = proxy.log();
            let (_, rest) = log.split_once("listening on http://")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        proxy
    }

    /// Asks once, on a connection of its own.
    pub(crate) fn get(&self, path: &str, key: &str) -> Response {
        self.connect()
            .request("GET", path, &[("X-Environment-Key", key)], b"")
    }

    /// Posts JSON once, on a connection of its own.
    pub(crate) fn post(&self, path: &str, key: &str, body: &str) -> Response {
        let headers = [
            ("X-Environment-Key", key),
            ("Content-Type", "application/json"),
        ];
        self.connect()
            .request("POST", path, &headers, body.as_bytes())
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    pub(crate) fn wait_until_ready(&self) {
        self.wait_for("readiness", |proxy| {
            (proxy.get("/proxy/health/readiness", "").status == 200).then_some(())
        });
    }

    /// Waits until `condition` gives something; fails the test when that takes too long or the proxy is gone.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, what: &str, condition: impl Fn(&Proxy) -> Option<T>) -> T {
        eventually(what, || condition(self))
    }

    /// Everything logged so far, by supervisor and workers.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The process ids of its workers, by the kernel's word.
    pub(crate) fn workers(&self) -> Vec<Pid> {
        let pid = self.pid();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok().map(Pid::from_raw))
            .collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("signal the proxy");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = {
            let child = &mut self.child;
            eventually("the end of the proxy", || child.try_wait().expect("wait"))
        };
        if let Some(reading) = self.reading.take() {
            reading.join().expect("the log's reader");
        }
        status
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = kill(self.pid(), Signal::SIGTERM);
            let deadline = Instant::now() + PATIENCE;
            while self.child.try_wait().ok().flatten().is_none() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if thread::panicking() {
            eprintln!("--- log of the proxy ---\n{}---", self.log());
        }
    }
}

/// The executable under test, with nothing of this process's environment that it would read.
pub(crate) fn executable() -> Command {
    program(env!("CARGO_BIN_EXE_edge-proxy"))
}

fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    for name in [
        "CONFIG_PATH",
        "WEB_CONCURRENCY",
        "RUST_LOG",
        "STATE_DIRECTORY",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end: exit code, stdout, stderr.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the executable");
    let status = eventually("the end of the executable", || {
        child.try_wait().expect("wait")
    });
    let mut text = [String::new(), String::new()];
    child
        .stdout
        .take()
        .expect("stdout")
        .read_to_string(&mut text[0])
        .expect("read stdout");
    child
        .stderr
        .take()
        .expect("stderr")
        .read_to_string(&mut text[1])
        .expect("read stderr");
    let [stdout, stderr] = text;
    (status.code(), stdout, stderr)
}

/// Waits until `condition` gives something, and fails the test when that takes too long.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "still waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether somebody accepts connections there.
pub(crate) fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// An environment document with one feature, whose value tells one document from another.
pub(crate) fn document(environment: &str, value: &str) -> String {
    json!({
        "id": 1, "api_key": environment, "name": "Test", "updated_at": "2026-01-15T10:30:00.123456+00:00",
        "project": {
            "id": 1, "name": "Project", "hide_disabled_flags": false, "server_key_only_feature_ids": [2],
            "organisation": {"id": 1, "name": "Organisation", "feature_analytics": false,
                "stop_serving_flags": false, "persist_trait_data": true},
            "segments": [{
                "id": 1, "name": "premium",
                "rules": [{"type": "ALL", "rules": [], "conditions":
                    [{"operator": "EQUAL", "property_": "plan", "value": "premium"}]}],
                "feature_states": [feature_state(1, "greeting", "premium greeting", 11)]
            }]
        },
        "feature_states": [feature_state(1, "greeting", value, 1), feature_state(2, "secret", "server only", 2)],
        "identity_overrides": [{
            "identifier": "alice", "identity_uuid": "0b5e4f5c-0000-4000-8000-000000000001",
            "created_date": "2026-01-15T10:30:00.123456+00:00", "environment_api_key": environment,
            "identity_traits": [], "django_id": null,
            "identity_features": [feature_state(1, "greeting", "hello alice", 12)]
        }]
    })
    .to_string()
}

fn feature_state(id: u64, name: &str, value: &str, key: u64) -> Value {
    json!({
        "feature": {"id": id, "name": name, "type": "STANDARD"}, "enabled": true,
        "feature_state_value": value, "django_id": key, "feature_segment": null,
        "featurestate_uuid": format!("00000000-0000-4000-8000-{key:012}"),
        "multivariate_feature_state_values": []
    })
}
