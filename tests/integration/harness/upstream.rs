//! A stub of the Flagsmith API: environment documents by key, every request remembered.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::ReusePort;
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt,
    shutdown, socket,
};

/// Makes an answer of a request's head.
type Make = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// What upstream says to a key.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This document; 304 to a conditional request once it was served.
    Document(String),
    /// This status line and body.
    Other(String, String),
    /// Nothing at all, for longer than anybody waits.
    Silence,
    /// These bytes, and then nothing for longer than anybody waits.
    Stalled(Vec<u8>),
    /// The bytes that come of a request's head, and then the end of the connection.
    Made(Make),
}

impl Answer {
    /// A head of these lines, the status first, and this body; the head says nothing of the body's length.
    pub(crate) fn raw(head: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let bytes = raw(head, body);
        Answer::Made(Arc::new(move |_| bytes.clone()))
    }
}

/// An answer as it stands on the wire, in HTTP/1.1.
pub(crate) fn raw(head: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\n\r\n",
        head.join("\r\n")
    );
    [head.as_bytes(), body.as_ref()].concat()
}

/// A running stub.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    listener: Arc<TcpListener>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    answers: HashMap<String, Answer>,
    /// Server-side keys whose document was served since it was set.
    served: HashSet<String>,
    /// Every request, oldest first.
    requests: Vec<Request>,
    /// Every connection that was accepted since the stub last opened.
    connections: Vec<TcpStream>,
    closed: bool,
    /// Connections of our own that nobody accepts.
    jam: Vec<TcpStream>,
}

struct Request {
    /// The server-side key.
    key: String,
    head: String,
    came: Instant,
}

impl Upstream {
    /// Serves the documents of these environments, by client-side key.
    pub(crate) fn start<'a>(documents: impl IntoIterator<Item = (&'a str, String)>) -> Upstream {
        let listener = lasting_listener();
        let upstream = Upstream {
            address: listener.local_addr().expect("its address"),
            listener: Arc::new(listener),
            shared: Arc::default(),
        };
        for (environment, document) in documents {
            upstream.set(environment, Answer::Document(document));
        }
        upstream.accept();
        upstream
    }

    fn accept(&self) {
        let (listener, shared) = (Arc::clone(&self.listener), Arc::clone(&self.shared));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let connection = stream.try_clone().expect("a second handle");
                let mut stub = shared.lock().expect("the stub");
                if stub.closed {
                    return;
                }
                stub.connections.push(connection);
                drop(stub);
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    serve(&stream, &shared);
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                });
            }
        });
    }

    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/api/v1", self.address)
    }

    /// From now on nobody listens, and nobody is talked to. The port stays ours.
    pub(crate) fn close(&self) {
        let mut shared = self.shared.lock().expect("the stub");
        // Those whom a listener accepts after it was shut down twice are shut down from the start.
        if !shared.closed || !shared.jam.is_empty() {
            shutdown(self.listener.as_raw_fd(), Shutdown::Both).expect("stop listening");
        }
        shared.closed = true;
        for connection in shared.connections.drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
        shared.jam.clear();
    }

    /// From now on the queue of those who wait to be accepted is full: to connect takes longer than anybody waits.
    pub(crate) fn jam(&self) {
        self.close();
        listen(&self.listener, Backlog::new(0).expect("a backlog")).expect("listen");
        let mut shared = self.shared.lock().expect("the stub");
        let soon = Duration::from_millis(200);
        while let Ok(connection) = TcpStream::connect_timeout(&self.address, soon) {
            shared.jam.push(connection);
        }
    }

    /// After the stub was closed or jammed: accepts connections again.
    pub(crate) fn open(&self) {
        self.close();
        self.shared.lock().expect("the stub").closed = false;
        listen(&self.listener, Backlog::MAXCONN).expect("listen");
        self.accept();
    }

    /// How many connections were accepted since the stub last opened.
    pub(crate) fn connections(&self) -> usize {
        self.shared.lock().expect("the stub").connections.len()
    }

    /// From now on says this to the key of `environment`.
    pub(crate) fn set(&self, environment: &str, answer: Answer) {
        let mut shared = self.shared.lock().expect("the stub");
        let key = format!("ser.{environment}");
        shared.served.remove(&key);
        shared.answers.insert(key, answer);
    }

    /// How many requests came for `environment`.
    pub(crate) fn requests(&self, environment: &str) -> usize {
        self.of(environment, |_| ()).len()
    }

    /// The heads of the requests that came for `environment`.
    pub(crate) fn heads(&self, environment: &str) -> Vec<String> {
        self.of(environment, |request| request.head.clone())
    }

    /// When the requests came for `environment`.
    pub(crate) fn times(&self, environment: &str) -> Vec<Instant> {
        self.of(environment, |request| request.came)
    }

    fn of<T>(&self, environment: &str, told: impl Fn(&Request) -> T) -> Vec<T> {
        let key = format!("ser.{environment}");
        let shared = self.shared.lock().expect("the stub");
        let requests = shared.requests.iter().filter(|request| request.key == key);
        requests.map(told).collect()
    }
}

/// A clock that begins after the documents' own dates: what changes later is later by whole seconds.
fn date() -> String {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let seconds = STARTED.elapsed().as_secs();
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("Mon, 02 Feb 2026 12:{minutes:02}:{seconds:02} GMT")
}

/// A listener whose port stays its own when it is closed and opened again: the kernel takes back those it chose itself.
fn lasting_listener() -> TcpListener {
    let bound = |port| {
        let socket = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        );
        let socket = socket.expect("a socket");
        setsockopt(&socket, ReusePort, &true).expect("share the port");
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).expect("bind");
        TcpListener::from(socket)
    };
    let chosen = bound(0);
    let port = chosen.local_addr().expect("its address").port();
    let listener = bound(port);
    listen(&listener, Backlog::MAXCONN).expect("listen");
    listener
}

/// Answers the requests of one connection until the other side closes it.
fn serve(stream: &TcpStream, shared: &Mutex<Shared>) {
    let mut reader = BufReader::new(stream);
    loop {
        let head: String = reader
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .map(|line| line + "\n")
            .collect();
        if head.is_empty() {
            return;
        }
        let header = |name: &str| {
            let named = |line: &&str| line.to_lowercase().starts_with(name);
            head.lines()
                .find(named)
                .and_then(|line| line.split_once(": "))
                .map(|(_, value)| value.to_owned())
        };
        let key = header("x-environment-key").unwrap_or_default();
        let (answer, served) = {
            let mut shared = shared.lock().expect("the stub");
            shared.requests.push(Request {
                key: key.clone(),
                head: head.clone(),
                came: Instant::now(),
            });
            (
                shared.answers.get(&key).cloned(),
                !shared.served.insert(key),
            )
        };
        let mut stream = stream;
        let (status, body) = match answer {
            Some(Answer::Made(make)) => {
                // Who does not listen to the end has heard enough.
                let _ = stream.write_all(&make(&head));
                return;
            }
            Some(Answer::Stalled(bytes)) => {
                let _ = stream.write_all(&bytes);
                thread::sleep(Duration::from_secs(60));
                return;
            }
            _ if !head.starts_with("GET /api/v1/environment-document/ ") => {
                ("404 Not Found", String::new())
            }
            None => (
                "403 Forbidden",
                r#"{"detail":"Invalid or missing Environment Key"}"#.to_owned(),
            ),
            Some(Answer::Silence) => {
                thread::sleep(Duration::from_secs(60));
                return;
            }
            Some(Answer::Document(_)) if served && header("if-modified-since").is_some() => {
                ("304 Not Modified", String::new())
            }
            Some(Answer::Document(document)) => ("200 OK", document),
            Some(Answer::Other(ref status, ref body)) => (status.as_str(), body.clone()),
        };
        let date = date();
        let head = format!(
            "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .is_err()
        {
            return;
        }
    }
}
