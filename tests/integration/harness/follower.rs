//! A client of a stream, as SDKs with realtime are: it fetches flags when it is told of a change, and opens another
//! stream whenever one ends or breaks, with the id of the event that it was told of last.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::exchange::{connect, exchange};

/// A client that follows one environment until it is dropped.
pub(crate) struct Follower {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What it has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Flags as they were when it was told last.
    pub(crate) flags: String,
    /// When it was told.
    pub(crate) told: Option<Instant>,
    pub(crate) events: usize,
    /// Streams that began, that ended cleanly, and that broke.
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    pub(crate) broken: usize,
    id: String,
}

impl Follower {
    /// Follows the environment with this client-side key.
    pub(crate) fn start(address: SocketAddr, key: &str) -> Follower {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let client = Client {
            address,
            key: key.to_owned(),
            seen: Arc::clone(&seen),
            stop: Arc::clone(&stop),
        };
        let thread = thread::spawn(move || client.follow());
        Follower {
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().expect("what it has seen").clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Client {
    address: SocketAddr,
    key: String,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

impl Client {
    fn follow(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            let has_ended = self.stream().unwrap_or(false);
            self.note(|seen| match has_ended {
                true => seen.ended += 1,
                false => seen.broken += 1,
            });
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Reads one stream. Returns whether it ended cleanly.
    fn stream(&self) -> io::Result<bool> {
        let mut stream = connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        let id = self.seen.lock().expect("what it has seen").id.clone();
        let known = match &*id {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let request = format!(
            "GET /sse/environments/{}/stream HTTP/1.1\r\nHost: proxy.test\r\n{known}\r\n",
            self.key
        );
        stream.write_all(request.as_bytes())?;
        let mut lines = Lines {
            reader: BufReader::new(stream),
            stop: &self.stop,
        };
        let status = lines.next()?;
        if !status.contains(" 200 ") {
            return Ok(false);
        }
        while !lines.next()?.is_empty() {}
        self.note(|seen| seen.begun += 1);
        let (mut id, mut is_event) = (String::new(), false);
        loop {
            // Each chunk is a length, whole lines, and an empty line.
            let length = usize::from_str_radix(&lines.next()?, 16).map_err(io::Error::other)?;
            if length == 0 {
                return Ok(true);
            }
            let mut left = length;
            while left > 0 {
                let line = lines.next()?;
                left -= line.len() + 1;
                match line.split_once(": ") {
                    Some(("id", value)) => value.clone_into(&mut id),
                    Some(("data", _)) => is_event = true,
                    _ if line.is_empty() => {
                        if std::mem::take(&mut is_event) {
                            let told = Instant::now();
                            let flags = self.flags()?;
                            self.note(|seen| {
                                seen.flags = flags;
                                seen.told = Some(told);
                                seen.events += 1;
                            });
                        }
                        self.note(|seen| id.clone_into(&mut seen.id));
                    }
                    _ => {}
                }
            }
            lines.next()?;
        }
    }

    fn flags(&self) -> io::Result<String> {
        let request = format!(
            "GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: {}\r\n\r\n",
            self.key
        );
        let answer = exchange(&mut connect(self.address)?, request.as_bytes())?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().expect("what it has seen"));
    }
}

/// Lines without their ends, waited for until the client stops.
struct Lines<'c> {
    reader: BufReader<TcpStream>,
    stop: &'c AtomicBool,
}

impl Lines<'_> {
    fn next(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self.reader.by_ref().read_until(b'\n', &mut line) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stop.load(Ordering::SeqCst) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let line = String::from_utf8_lossy(&line);
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
