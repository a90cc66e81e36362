//! Clients that report all the time and note what they are told.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::ENVIRONMENT;

const CLIENTS: u64 = 4;

/// What clients know of their reports.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sum {
    /// They were told that it is accepted.
    pub(super) accepted: u64,
    /// They saw no answer.
    pub(super) unseen: u64,
}

/// What all clients know.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) counts: Sum,
    pub(super) increments: Sum,
    pub(super) accepted_events: HashSet<String>,
    pub(super) unseen_events: HashSet<String>,
}

/// Threads that report until they are stopped.
pub(super) struct Clients {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Sums>>,
}

impl Clients {
    pub(super) fn start(address: &Arc<Mutex<SocketAddr>>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = (0..CLIENTS).map(|client| {
            let (address, is_over) = (Arc::clone(address), Arc::clone(&is_over));
            thread::spawn(move || {
                let mut sums = Sums::default();
                for round in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let address = *address.lock().expect("the address");
                    sums.report(address, client, round);
                }
                sums
            })
        });
        Self {
            threads: threads.collect(),
            is_over,
        }
    }

    pub(super) fn stop(self) -> Sums {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Sums::default();
        for thread in self.threads {
            let one = thread.join().expect("a client");
            all.counts.add(one.counts);
            all.increments.add(one.increments);
            all.accepted_events.extend(one.accepted_events);
            all.unseen_events.extend(one.unseen_events);
        }
        all
    }
}

impl Sums {
    pub(super) fn events(&self) -> Sum {
        Sum {
            accepted: self.accepted_events.len() as u64,
            unseen: self.unseen_events.len() as u64,
        }
    }

    /// Sends one report of each kind.
    fn report(&mut self, address: SocketAddr, client: u64, round: u64) {
        let count = 1 + round % 5;
        let counts = format!(r#"{{"greeting":{count}}}"#);
        self.counts
            .note(ask(address, "/api/v1/analytics/flags/", &counts), count);
        let increment =
            format!(r#"{{"identifier":"client {client}","trait_key":"n","increment_by":1}}"#);
        self.increments.note(
            ask(address, "/api/v1/traits/increment-value/", &increment),
            1,
        );
        let event = format!("client {client}, event {round}");
        match ask(address, "/v1/events", &event) {
            Told::Accepted => _ = self.accepted_events.insert(event),
            Told::Nothing => _ = self.unseen_events.insert(event),
            Told::Refused => {}
        }
    }
}

impl Sum {
    fn note(&mut self, told: Told, count: u64) {
        match told {
            Told::Accepted => self.accepted += count,
            Told::Nothing => self.unseen += count,
            Told::Refused => {}
        }
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.unseen += other.unseen;
    }
}

/// What a client is told.
enum Told {
    Accepted,
    /// It may have been accepted.
    Nothing,
    Refused,
}

fn ask(address: SocketAddr, path: &str, body: &str) -> Told {
    let Ok(mut stream) = TcpStream::connect(address) else {
        // Nobody listens while the proxy starts again.
        thread::sleep(Duration::from_millis(5));
        return Told::Refused;
    };
    match exchange(&mut stream, path, body) {
        Ok(Some(200 | 202)) => Told::Accepted,
        Ok(Some(503)) => Told::Refused,
        Ok(Some(status)) => panic!("{path} was answered with {status}"),
        Ok(None) | Err(_) => Told::Nothing,
    }
}

/// The status of the answer; `None` if the head of the answer is not whole.
fn exchange(stream: &mut TcpStream, path: &str, body: &str) -> io::Result<Option<u16>> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: {ENVIRONMENT}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let is_whole = answer.contains("\r\n\r\n");
    let status = answer.split(' ').nth(1).filter(|_| is_whole);
    Ok(status.and_then(|status| status.parse().ok()))
}
