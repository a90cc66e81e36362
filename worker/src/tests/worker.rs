//! A running worker and its clients.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use contract::{Limits, SlotSockets, Sockets, Token, WorkerSettings};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SndBuf;

use super::stub_supervisor::StubSupervisor;
use crate::endpoints::reports::{Forwards, Reports};
use crate::process::descriptors::Capacity;
use crate::process::slot::Slot;
use crate::process::supervisor::Supervisor;
use crate::serve::{Given, Stop};
use crate::{Error, serve};

pub(super) const LIMITS: Limits = Limits {
    max_connections: 1024,
    max_body_bytes: 64 * 1024,
    header_timeout: Duration::from_secs(5),
    body_timeout: Duration::from_secs(5),
    keep_alive: Duration::from_secs(75),
    shutdown_timeout: Duration::from_secs(10),
};

/// A running worker. It stops when it is dropped.
pub(super) struct Worker {
    pub(super) address: SocketAddr,
    pub(super) admin_address: SocketAddr,
    /// Closing this end stops the worker.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Worker {
    pub(super) fn start(supervisor: &StubSupervisor, allow_origins: &[&str]) -> Self {
        let settings = WorkerSettings {
            allow_origins: allow_origins.iter().map(|&origin| origin.into()).collect(),
            limits: LIMITS,
            ..WorkerSettings::default()
        };
        Self::start_with(supervisor, settings, None)
    }

    /// With a way for what clients report.
    pub(super) fn start_reporting(supervisor: &StubSupervisor, reports: Reports) -> Self {
        let settings = WorkerSettings {
            limits: LIMITS,
            ..WorkerSettings::default()
        };
        Self::start_all(supervisor, settings, None, reports)
    }

    /// With these settings, and a token for its admin listener.
    pub(super) fn start_with(
        supervisor: &StubSupervisor,
        settings: WorkerSettings,
        admin_token: Option<Token>,
    ) -> Self {
        let reports = Reports::new(None, Forwards::default());
        Self::start_all(supervisor, settings, admin_token, reports)
    }

    /// Connections have the smallest send buffer that there is, so that a client that does not read fills it soon.
    pub(super) fn start_with_small_buffers(supervisor: &StubSupervisor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
        setsockopt(&listener, SndBuf, &1).expect("a small buffer");
        let reports = Reports::new(None, Forwards::default());
        Self::start_on(
            listener,
            supervisor,
            WorkerSettings::default(),
            None,
            reports,
        )
    }

    fn start_all(
        supervisor: &StubSupervisor,
        settings: WorkerSettings,
        admin_token: Option<Token>,
        reports: Reports,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
        Self::start_on(listener, supervisor, settings, admin_token, reports)
    }

    fn start_on(
        listener: TcpListener,
        supervisor: &StubSupervisor,
        settings: WorkerSettings,
        admin_token: Option<Token>,
        reports: Reports,
    ) -> Self {
        let address = listener.local_addr().expect("address");
        let admin_listener = TcpListener::bind("127.0.0.1:0").expect("listener");
        let admin_address = admin_listener.local_addr().expect("address");
        let reader = Arc::new(supervisor.reader());
        let (stop, stopped) = UnixStream::pair().expect("socket pair");
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                stopped.set_nonblocking(true).expect("non-blocking socket");
                let stopped = actix_rt::net::UnixStream::from_std(stopped).expect("socket");
                let closed = async move {
                    stopped.readable().await.expect("closed socket");
                    Stop {
                        accept_for: Duration::from_millis(20),
                        shutdown_timeout: settings.limits.shutdown_timeout,
                        supervisor: Supervisor(std::os::unix::process::parent_id()),
                    }
                };
                let sockets = Sockets {
                    own: SlotSockets {
                        public: vec![listener],
                        admin: vec![admin_listener],
                    },
                    neighbour: None,
                };
                let slot = Rc::new(Slot::claim(Arc::clone(&reader), 0));
                let given = Given {
                    settings,
                    capacity: Capacity::within(u64::MAX, 1, 1, 0),
                    admin_token,
                    sse_authentication_token: Some(Token::of("sesame")),
                    sockets,
                    reports,
                };
                serve::serve(&reader, &slot, given, closed).await
            })
        });
        Self {
            address,
            admin_address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Connects to the admin listener.
    pub(super) fn connect_admin(&self) -> TcpStream {
        connect(self.admin_address)
    }

    /// Sends a request that ends its connection, and reads the answer.
    pub(super) fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        ask(self.connect(), request.as_ref())
    }

    /// Asks the admin listener.
    pub(super) fn ask_admin(&self, method: &str, path: &str, headers: &str) -> Answer {
        let request = request(method, path, headers, "");
        ask(self.connect_admin(), request.as_bytes())
    }

    pub(super) fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask(request("GET", path, headers, ""))
    }

    pub(super) fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        self.ask(request("POST", path, headers, body))
    }

    /// Drains and ends.
    pub(super) fn stop(mut self) -> Result<(), Error> {
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

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("timeout");
    stream
}

fn ask(mut stream: TcpStream, request: &[u8]) -> Answer {
    stream.write_all(request).expect("request");
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).expect("answer");
    Answer::parse(&raw)
}

/// The bytes of a request that ends its connection. Each line of `headers` has its line end.
pub(super) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: proxy.test\r\nConnection: close\r\n{headers}{length}\r\n{body}"
    )
}

/// A parsed answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn parse(raw: &[u8]) -> Self {
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

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The body without its coding.
    pub(super) fn decoded(&self) -> Vec<u8> {
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

/// Reads one answer, whose head contains its length, and nothing of the next one.
pub(super) fn read_answer(stream: &mut TcpStream, has_body: bool) -> Answer {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("head");
        raw.extend_from_slice(&byte);
    }
    let mut answer = Answer::parse(&raw);
    if has_body {
        let length = answer.header("content-length").expect("length");
        answer.body = vec![0; length.parse().expect("length")];
        stream.read_exact(&mut answer.body).expect("body");
    }
    answer
}
