//! A client with one connection, which sends bytes as they are and reads whole answers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A kept connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer. Header names are in lower case.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).expect("connect to the proxy");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("set a deadline");
        Connection {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: proxy.test\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat());
        self.response(method)
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream
            .get_mut()
            .write_all(bytes)
            .expect("send to the proxy");
    }

    /// Reads the answer to a request with this method.
    pub(crate) fn response(&mut self, method: &str) -> Response {
        let line = self.line();
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("a status line, not {line:?}"));
        let mut headers = HashMap::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok());
        let mut body = vec![
            0;
            if method == "HEAD" {
                0
            } else {
                length.unwrap_or(0)
            }
        ];
        self.stream.read_exact(&mut body).expect("read the body");
        Response {
            status,
            headers,
            body,
        }
    }

    /// How many bytes can be read now.
    pub(crate) fn peek(&mut self) -> usize {
        let stream = self.stream.get_mut();
        stream.set_nonblocking(true).expect("a socket");
        let peeked = stream.peek(&mut [0; 1024]);
        stream.set_nonblocking(false).expect("a socket");
        peeked.unwrap_or(0)
    }

    /// Whether the proxy has closed the connection, after everything it sent was read.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream
            .read_line(&mut line)
            .expect("read from the proxy");
        line.trim_end().to_owned()
    }
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}
