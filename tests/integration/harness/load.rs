//! Clients that send requests all the time, compare every body and count each kind of failure. Before a client uses a
//! kept connection it checks whether that was closed. It never repeats a request: one without an answer is broken.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::exchange::{connect, exchange, is_closed};

/// A request and the body that answers it.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// Clients that work until they are stopped or find that nobody listens any more.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Tally>>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: usize,
    /// How many were answered otherwise than expected.
    pub(crate) wrong: usize,
    /// How many found that nobody listened.
    pub(crate) refused: usize,
    /// How many kept connections were found closed before they were used again.
    pub(crate) closed: usize,
    /// Requests without an answer: when they were sent, and the error.
    pub(crate) broken: Vec<(Instant, String)>,
    pub(crate) slowest: Duration,
}

impl Load {
    /// Starts `kept` clients that keep their connection and `single` clients that connect for each request. Each pauses
    /// between two requests, for 1 to 20 ms.
    pub(crate) fn start(address: SocketAddr, kept: u64, single: u64, asks: &[Exchange]) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..kept + single).map(|number| {
            let (stop, asks) = (Arc::clone(&stop), asks.to_vec());
            let keeps = number < kept;
            let (number, count) = if keeps {
                (number, kept)
            } else {
                (number - kept, single)
            };
            let pause = Duration::from_millis(1 + number * 20 / count);
            thread::spawn(move || work(address, keeps, pause, &asks, &stop))
        });
        Load {
            clients: clients.collect(),
            stop,
        }
    }

    /// Whether every client found that nobody listens any more.
    pub(crate) fn is_over(&self) -> bool {
        self.clients.iter().all(JoinHandle::is_finished)
    }

    /// Stops the clients and adds up their counts.
    pub(crate) fn stop(self) -> Tally {
        self.stop.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        for client in self.clients {
            let tally = client.join().expect("a client");
            sum.answered += tally.answered;
            sum.wrong += tally.wrong;
            sum.refused += tally.refused;
            sum.closed += tally.closed;
            sum.broken.extend(tally.broken);
            sum.slowest = sum.slowest.max(tally.slowest);
        }
        sum
    }
}

fn work(
    address: SocketAddr,
    keeps: bool,
    pause: Duration,
    asks: &[Exchange],
    stop: &AtomicBool,
) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    for ask in asks.iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        if connection.as_ref().is_some_and(is_closed) {
            tally.closed += 1;
            connection = None;
        }
        let begun = Instant::now();
        let mut stream = match connection.take().map_or_else(|| connect(address), Ok) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                tally.refused += 1;
                break;
            }
            Err(error) => {
                tally.broken.push((begun, format!("connect: {error}")));
                continue;
            }
        };
        match exchange(&mut stream, &ask.request) {
            Ok(answer) => {
                tally.answered += 1;
                tally.wrong += usize::from(answer.status != 200 || answer.body != ask.body);
                connection = (keeps && answer.kept).then_some(stream);
            }
            Err(error) => tally.broken.push((begun, format!("ask: {error}"))),
        }
        tally.slowest = tally.slowest.max(begun.elapsed());
        thread::sleep(pause);
    }
    tally
}

/// A request for flags and one for an identity with a trait, each with the body that the proxy answers now.
pub(crate) fn asks(address: SocketAddr, key: &str) -> Vec<Exchange> {
    let identity =
        r#"{"identifier":"bob","traits":[{"trait_key":"plan","trait_value":"premium"}]}"#;
    let requests = [
        format!(
            "GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: {key}\r\n\r\n"
        ),
        format!(
            "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: {key}\r\n\
            Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{identity}",
            identity.len()
        ),
    ];
    let learn = |request: String| {
        let mut stream = connect(address).expect("connect");
        let answer = exchange(&mut stream, request.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200);
        Exchange {
            request: request.into_bytes(),
            body: answer.body,
        }
    };
    requests.map(learn).into()
}
