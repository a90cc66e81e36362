//! For tests: an upstream of a few lines, and patience with a limit.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::source::api_url::ApiUrl;

/// What a stub does with a request.
pub(crate) enum Reply {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Keeps the connection, and keeps silent.
    Silence,
}

/// An HTTP server on a free port of this machine, for as long as the test process lives.
pub(crate) struct Stub {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Answers each request, given as its head in lower case.
    pub(crate) fn new(reply: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = head(&stream);
                seen.lock().unwrap().push(head.clone());
                match reply(&head) {
                    Reply::Bytes(bytes) => drop(stream.write_all(&bytes)),
                    Reply::Silence => silent.push(stream),
                }
            }
        });
        Self { port, requests }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn api_url(&self) -> ApiUrl {
        ApiUrl::parse(&format!("{}/api/v1", self.origin())).unwrap()
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> String {
    BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .map(|line| line.to_lowercase() + "\n")
        .collect()
}

/// An answer with these header lines and this body.
pub(crate) fn answer(status: &str, headers: &[&str], body: &str) -> Reply {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        )
        .into_bytes(),
    )
}

/// Waits until the condition holds; fails the test when it has not for long enough.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
