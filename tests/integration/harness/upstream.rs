//! A stub of the Flagsmith API: environment documents by key, every request remembered.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What upstream says to a key.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This document; 304 to a conditional request once it was served.
    Document(String),
    /// This status line and body.
    Other(String, String),
    /// Nothing at all, for longer than anybody waits.
    Silence,
}

/// A running stub.
pub(crate) struct Upstream {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    answers: HashMap<String, Answer>,
    /// Server-side keys whose document was served since it was set.
    served: HashSet<String>,
    /// Server-side key and head of every request, oldest first.
    requests: Vec<(String, String)>,
}

impl Upstream {
    /// Serves the documents of these environments, by client-side key.
    pub(crate) fn start<'a>(documents: impl IntoIterator<Item = (&'a str, String)>) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let upstream = Upstream {
            address: listener.local_addr().expect("its address"),
            shared: Arc::default(),
        };
        for (environment, document) in documents {
            upstream.set(environment, Answer::Document(document));
        }
        let shared = Arc::clone(&upstream.shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        upstream
    }

    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/api/v1", self.address)
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
        self.heads(environment).len()
    }

    /// The heads of the requests that came for `environment`.
    pub(crate) fn heads(&self, environment: &str) -> Vec<String> {
        let key = format!("ser.{environment}");
        let shared = self.shared.lock().expect("the stub");
        let requests = shared.requests.iter().filter(|(known, _)| *known == key);
        requests.map(|(_, head)| head.clone()).collect()
    }
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
            shared.requests.push((key.clone(), head.clone()));
            (
                shared.answers.get(&key).cloned(),
                !shared.served.insert(key),
            )
        };
        let (status, body) = match answer {
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
        // Any date after the documents' own: what changes later is later by whole seconds.
        let date = "Mon, 02 Feb 2026 12:00:00 GMT";
        let head = format!(
            "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .is_err()
        {
            return;
        }
    }
}
