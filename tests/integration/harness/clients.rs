//! Clients that send requests without a pause and check every answer. Half of them open a connection for each request,
//! the others keep theirs as long as the proxy does.
//!
//! A kept connection may be closed between two requests. A client then sees it end before any byte of an answer and
//! sends the request again on a new one, as every HTTP client does; these are counted. Everything else is a failure.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use super::exchange::{Answer, connect, is_unanswered, read_answer};

/// The answers that a client accepts.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// This status and a body that contains this text, always.
    Always(u16, String),
    /// The first status up to some request, the second from then on.
    Once(u16, u16),
}

/// Clients at work.
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Tally>>,
}

/// What a client has seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) asked: usize,
    /// Requests that were sent again because a kept connection was closed.
    pub(crate) again: usize,
    /// Clients that found nobody at the old address and went to the new one.
    pub(crate) moved: usize,
    pub(crate) failures: Vec<String>,
}

struct Client {
    address: SocketAddr,
    /// Where to go when nobody listens at `address` any more.
    next_address: Option<SocketAddr>,
    request: String,
    expect: Expect,
    keeps: bool,
    kept: Option<TcpStream>,
    moved: bool,
    tally: Tally,
}

impl Clients {
    /// Two clients for each of these paths and keys.
    pub(crate) fn start(
        address: SocketAddr,
        next_address: Option<SocketAddr>,
        asks: &[(&str, &str, Expect)],
    ) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for (path, key, expect) in asks {
            for keeps in [false, true] {
                let connection = if keeps { "" } else { "Connection: close\r\n" };
                let mut client = Client {
                    address,
                    next_address,
                    request: format!(
                        "GET {path} HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: {key}\r\n{connection}\r\n"
                    ),
                    expect: expect.clone(),
                    keeps,
                    kept: None,
                    moved: false,
                    tally: Tally::default(),
                };
                let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
                threads.push(thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) && client.tally.failures.len() < 5 {
                        client.ask();
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                    client.tally
                }));
            }
        }
        Clients {
            stop,
            asked,
            threads,
        }
    }

    /// How many requests were sent so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Stops the clients and prints the counts. Fails the test if anything failed.
    #[track_caller]
    pub(crate) fn stop(self, what: &str) -> Tally {
        self.stop.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        for thread in self.threads {
            let tally = thread.join().expect("a client");
            sum.asked += tally.asked;
            sum.again += tally.again;
            sum.moved += tally.moved;
            sum.failures.extend(tally.failures);
        }
        println!(
            "{what}: {} requests, {} asked again on a new connection, {} moved, {} failed",
            sum.asked,
            sum.again,
            sum.moved,
            sum.failures.len()
        );
        assert!(sum.failures.is_empty(), "{what}: {:#?}", sum.failures);
        sum
    }
}

impl Client {
    fn ask(&mut self) {
        self.tally.asked += 1;
        match self.answer() {
            Ok(answer) => self.check(answer.status, &String::from_utf8_lossy(&answer.body)),
            Err(error) => {
                let failure = format!("{error}: {}", self.request);
                self.tally.failures.push(failure);
            }
        }
    }

    fn answer(&mut self) -> io::Result<Answer> {
        if let Some(stream) = self.kept.take() {
            match self.exchange(stream) {
                Err(error) if is_unanswered(&error) => self.tally.again += 1,
                outcome => return outcome,
            }
        }
        let stream = match connect(self.address) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && !self.moved => {
                let Some(next) = self.next_address else {
                    return Err(error);
                };
                self.moved = true;
                self.tally.moved += 1;
                self.address = next;
                connect(next)
            }
            outcome => outcome,
        };
        self.exchange(stream?)
    }

    /// Sends the request and reads the answer. Keeps the connection if both sides want to.
    fn exchange(&mut self, mut stream: TcpStream) -> io::Result<Answer> {
        match stream.write_all(self.request.as_bytes()) {
            // An answer that was sent before the other side closed can still be read.
            Err(error) if !is_unanswered(&error) => return Err(error),
            _ => {}
        }
        let answer = read_answer(&mut stream)?;
        self.kept = (self.keeps && answer.kept).then_some(stream);
        Ok(answer)
    }

    fn check(&mut self, status: u16, body: &str) {
        let expect = match &mut self.expect {
            Expect::Always(expected, part) => *expected == status && body.contains(part.as_str()),
            Expect::Once(before, after) if status == *after => {
                *before = *after;
                true
            }
            Expect::Once(before, _) => status == *before,
        };
        if !expect {
            let failure = format!("{status} {body} to {}, not {:?}", self.request, self.expect);
            self.tally.failures.push(failure);
        }
    }
}
