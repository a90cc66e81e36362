//! An HTTP server in place of upstream. It serves environment documents by key, or what a test makes of a request, and
//! remembers every request.

mod answer;
mod core_api;
mod listener;
mod report;

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

pub use answer::{Answer, message};
pub use core_api::{Core, Habits};
pub use report::Report;

/// What the request for a list of environments begins with.
const LIST: &str = "GET /api/v1/proxy/config/ ";

/// A running stub. It serves until the test process ends.
pub struct Stub {
    /// Where it listens.
    pub address: SocketAddr,
    listener: Arc<TcpListener>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// By server-side key.
    answers: HashMap<String, Answer>,
    /// What keys get that have no answer of their own.
    otherwise: Answer,
    /// What a list of environments is asked with and answered with; `None` for an API without such lists.
    list: Option<(String, Answer)>,
    /// Server-side keys whose document was sent since it was set.
    sent: HashSet<String>,
    /// Oldest first.
    requests: Vec<Request>,
    /// The requests with a body, oldest first.
    reports: Vec<Report>,
    /// What they get.
    receive: report::Make,
    /// Every connection that was accepted since the stub last opened, unless it was reset.
    connections: Vec<Option<TcpStream>>,
    /// What a request gets that is not the first one of its connection, in place of an answer.
    end_of_kept: Option<End>,
    closed: bool,
    /// Connections of its own that nobody accepts.
    jam: Vec<TcpStream>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// As usual.
    Close,
    /// With a reset.
    Reset,
}

struct Request {
    key: String,
    head: String,
    came: Instant,
}

impl Stub {
    /// Serves the documents of these environments, by client-side key: the server-side key is the same after `ser.`.
    #[must_use]
    pub fn start<'a>(documents: impl IntoIterator<Item = (&'a str, String)>) -> Stub {
        let unknown = r#"{"detail":"Invalid or missing Environment Key"}"#;
        let stub = Stub::open_with(Answer::status("403 Forbidden", unknown));
        for (environment, document) in documents {
            stub.set(environment, Answer::Document(document));
        }
        stub
    }

    /// Answers every request as this function says, which is given the request's head.
    #[must_use]
    pub fn answering(make: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Stub {
        Stub::open_with(Answer::made(make))
    }

    fn open_with(otherwise: Answer) -> Stub {
        let listener = listener::open();
        let state = State {
            answers: HashMap::new(),
            list: None,
            otherwise,
            sent: HashSet::new(),
            requests: Vec::new(),
            reports: Vec::new(),
            receive: Arc::new(|_| Answer::status("200 OK", "")),
            connections: Vec::new(),
            end_of_kept: None,
            closed: false,
            jam: Vec::new(),
        };
        let stub = Stub {
            address: listener.local_addr().expect("its address"),
            listener: Arc::new(listener),
            state: Arc::new(Mutex::new(state)),
        };
        stub.accept();
        stub
    }

    fn accept(&self) {
        let (listener, state) = (Arc::clone(&self.listener), Arc::clone(&self.state));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let connection = stream.try_clone().expect("a second handle");
                let mut guard = lock(&state);
                if guard.closed {
                    return;
                }
                let number = guard.connections.len();
                guard.connections.push(Some(connection));
                drop(guard);
                let state = Arc::clone(&state);
                thread::spawn(move || match serve(&stream, &state) {
                    Ok(End::Reset) => {
                        // The last handle that is closed sends the reset.
                        lock(&state).connections[number] = None;
                        listener::reset(stream);
                    }
                    // A client that goes away in between has heard enough.
                    Ok(End::Close) | Err(_) => _ = stream.shutdown(Shutdown::Both),
                });
            }
        });
    }

    /// `http://` and its address.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What `api_url` is set to.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api/v1", self.origin())
    }

    /// Answers so to the server-side key of `environment` from now on.
    pub fn set(&self, environment: &str, answer: Answer) {
        let mut state = lock(&self.state);
        let key = server_side_key(environment);
        state.sent.remove(&key);
        state.answers.insert(key, answer);
    }

    /// Lists environments for this proxy key from now on, as the answer says.
    pub fn list(&self, proxy_key: &str, answer: Answer) {
        lock(&self.state).list = Some((proxy_key.to_owned(), answer));
    }

    /// How often environments were listed.
    #[must_use]
    pub fn lists(&self) -> usize {
        let requests = self.requests();
        let lists = requests.iter().filter(|head| head.starts_with(LIST));
        lists.count()
    }

    /// Answers requests with a body as this function says from now on. Without it, they get an empty 200.
    pub fn receive(&self, make: impl Fn(&Report) -> Answer + Send + Sync + 'static) {
        lock(&self.state).receive = Arc::new(make);
    }

    /// The requests with a body that came whole so far, oldest first.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        lock(&self.state).reports.clone()
    }

    /// Ends each connection so when it brings another request, as a server does that closes idle connections at that
    /// moment.
    pub fn end_kept_connections(&self, end: End) {
        lock(&self.state).end_of_kept = Some(end);
    }

    /// Refuses connections from now on, and closes those it has. The port stays its own.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        // A listener that is shut down twice gives connections, once it listens again, that are shut down already.
        if !state.closed || !state.jam.is_empty() {
            listener::stop(&self.listener);
        }
        state.closed = true;
        for connection in state.connections.drain(..).flatten() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        state.jam.clear();
    }

    /// Lets nobody connect from now on: the queue of connections that wait to be accepted is full.
    pub fn jam(&self) {
        self.close();
        lock(&self.state).jam = listener::fill(&self.listener, self.address);
    }

    /// Accepts connections again after [`close`](Stub::close) or [`jam`](Stub::jam).
    pub fn open(&self) {
        self.close();
        lock(&self.state).closed = false;
        listener::start(&self.listener);
        self.accept();
    }

    /// How many connections were accepted since the stub last opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.state).connections.len()
    }

    /// The heads of all requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let state = lock(&self.state);
        let heads = state.requests.iter().map(|request| request.head.clone());
        heads.collect()
    }

    /// How many requests came for `environment`.
    #[must_use]
    pub fn count(&self, environment: &str) -> usize {
        self.each(environment, |_| ()).len()
    }

    /// The heads of the requests that came for `environment`.
    #[must_use]
    pub fn heads(&self, environment: &str) -> Vec<String> {
        self.each(environment, |request| request.head.clone())
    }

    /// When the requests came for `environment`.
    #[must_use]
    pub fn times(&self, environment: &str) -> Vec<Instant> {
        self.each(environment, |request| request.came)
    }

    fn each<T>(&self, environment: &str, part: impl Fn(&Request) -> T) -> Vec<T> {
        let key = server_side_key(environment);
        let state = lock(&self.state);
        let requests = state.requests.iter().filter(|request| request.key == key);
        requests.map(part).collect()
    }
}

/// The value of a header in a request's head; `name` is in lower case.
#[must_use]
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

fn server_side_key(environment: &str) -> String {
    format!("ser.{environment}")
}

/// A test that fails while it holds the lock is not to fail others.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection until either side closes it.
fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> io::Result<End> {
    let mut reader = BufReader::new(stream);
    for number in 0.. {
        let lines = reader.by_ref().lines().map_while(Result::ok);
        let lines = lines.take_while(|line| !line.is_empty());
        let head: String = lines.map(|line| line + "\n").collect();
        if head.is_empty() {
            break;
        }
        let report = Report::read(&head, &mut reader)?;
        let (mut answer, sent) = {
            let mut state = lock(state);
            let end = state.end_of_kept.filter(|_| number > 0);
            let registered = register(&head, &mut state);
            match (end, report) {
                (Some(end), _) => return Ok(end),
                (None, None) => registered,
                (None, Some(report)) => {
                    let make = Arc::clone(&state.receive);
                    state.reports.push(report.clone());
                    (Answer::made(move |_| make(&report)), false)
                }
            }
        };
        while let Answer::Made(make) = answer {
            answer = make(&head);
        }
        match answer {
            Answer::Kept(bytes) => stream.write_all(&bytes)?,
            Answer::Closed(bytes) => {
                stream.write_all(&bytes)?;
                break;
            }
            Answer::Stalled(bytes) => {
                stream.write_all(&bytes)?;
                io::copy(&mut reader, &mut io::sink())?;
                break;
            }
            Answer::Document(document) => {
                let (status, body) = if !head.starts_with("GET /api/v1/environment-document/ ") {
                    ("404 Not Found", "")
                } else if sent && header(&head, "if-modified-since").is_some() {
                    ("304 Not Modified", "")
                } else {
                    ("200 OK", &*document)
                };
                stream.write_all(&answer::dated(status, body))?;
            }
            Answer::Made(_) => unreachable!("it was made above"),
        }
    }
    Ok(End::Close)
}

/// Remembers a request. Returns its answer, and whether another one came for this key since that was set.
fn register(head: &str, state: &mut State) -> (Answer, bool) {
    let key = header(head, "x-environment-key").unwrap_or_default();
    state.requests.push(Request {
        key: key.to_owned(),
        head: head.to_owned(),
        came: Instant::now(),
    });
    if head.starts_with(LIST)
        && let Some((proxy_key, answer)) = &state.list
    {
        let is_known = header(head, "x-proxy-key") == Some(proxy_key);
        let refusal = || Answer::status("403 Forbidden", r#"{"detail":"Invalid proxy key"}"#);
        let answer = if is_known { answer.clone() } else { refusal() };
        return (answer, false);
    }
    let answer = state.answers.get(key).unwrap_or(&state.otherwise);
    (answer.clone(), !state.sent.insert(key.to_owned()))
}
