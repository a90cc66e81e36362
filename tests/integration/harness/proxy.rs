//! A running proxy: started on a free port, stopped when dropped. Its log is shown when the test fails.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testing::{Outcome, Stub, eventually};

use super::client::{Connection, Response};
use super::start::Start;

/// How long a proxy may take to end, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy and where it listens.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
    state: PathBuf,
    directory: Option<tempfile::TempDir>,
}

impl Proxy {
    /// Starts a proxy of one environment with one worker and waits until it is ready.
    pub(crate) fn ready(upstream: &Stub, environment: &str) -> Proxy {
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
            directory,
        };
        proxy.address = proxy.wait_for("the line that tells the address", |proxy| {
            let log = proxy.log();
            let (_, rest) = log.split_once("listening on http://")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        proxy
    }

    /// Sends one request on a new connection.
    pub(crate) fn get(&self, path: &str, key: &str) -> Response {
        self.connect()
            .request("GET", path, &[("X-Environment-Key", key)], b"")
    }

    /// Posts JSON on a new connection.
    pub(crate) fn post(&self, path: &str, key: &str, body: &str) -> Response {
        let headers = [
            ("X-Environment-Key", key),
            ("Content-Type", "application/json"),
        ];
        self.connect()
            .request("POST", path, &headers, body.as_bytes())
    }

    /// The address of the admin listener, which the log tells after that of the public one.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.wait_for("the line that tells the admin address", |proxy| {
            let log = proxy.log();
            let (_, rest) = log.rsplit_once("admin listener on http://")?;
            rest.split([' ', ',', '\n']).next()?.parse().ok()
        })
    }

    /// Asks the admin listener on a new connection.
    pub(crate) fn get_admin(&self, path: &str) -> Response {
        Connection::open(self.admin_address()).request("GET", path, &[], b"")
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    pub(crate) fn wait_until_ready(&self) {
        self.wait_for("readiness", |proxy| {
            proxy.get("/proxy/health/readiness", "").status == 200
        });
    }

    /// Waits until `condition` holds and returns its value.
    #[track_caller]
    pub(crate) fn wait_for<O: Outcome>(
        &self,
        what: &str,
        condition: impl Fn(&Proxy) -> O,
    ) -> O::Value {
        eventually(what, || condition(self))
    }

    /// Everything that supervisor and workers logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Until this is dropped, nobody reads what the proxy logs.
    pub(crate) fn unread_log(&self) -> MutexGuard<'_, String> {
        // The reader takes the lock for each line.
        self.log.lock().expect("the log")
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        let directory = self.directory.as_ref();
        let directory = directory.expect("a proxy that was started with a file");
        directory.path().join("config.json")
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The process ids of its workers, from the kernel.
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

/// Whether somebody listens there.
pub(crate) fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}
