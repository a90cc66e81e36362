//! A proxy on the way to upstream, as companies run them: HTTP with CONNECT, and SOCKS5, on one port. Whatever it is
//! asked for, it connects to the server of the test, and it remembers what it was asked for.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use testing::header;

/// A running forward proxy. It runs until the test process ends.
pub(crate) struct Forward {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What it is started with.
#[derive(Clone)]
struct Task {
    target: SocketAddr,
    /// User name and password that it demands.
    login: Option<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Forward {
    /// Leads every connection to `target`, if the client presents `login` (`user:password`).
    pub(crate) fn to(target: SocketAddr, login: Option<&'static str>) -> Forward {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let task = Task {
            target,
            login,
            asked: Arc::default(),
        };
        let forward = Forward {
            address: listener.local_addr().expect("its address"),
            asked: Arc::clone(&task.asked),
        };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let task = task.clone();
                // A client that goes away in between has heard enough.
                thread::spawn(move || task.serve(stream));
            }
        });
        forward
    }

    /// What it was asked for, oldest first: `CONNECT host:port`, `GET http://host:port` or `SOCKS5 host:port`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("what it was asked for").clone()
    }
}

impl Task {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut first = [0];
        stream.peek(&mut first)?;
        match first[0] {
            5 => self.socks(stream),
            _ => self.http(stream),
        }
    }

    fn note(&self, asked: String) {
        self.asked
            .lock()
            .expect("what it was asked for")
            .push(asked);
    }

    fn http(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let (line, rest) = head.split_once("\r\n").expect("a request line");
        let mut words = line.split(' ');
        let (method, target) = (
            words.next().expect("a method"),
            words.next().expect("a target"),
        );
        let (origin, path) = match target.find("/api/") {
            Some(path) => target.split_at(path),
            None => (target, "/"),
        };
        self.note(format!("{method} {origin}"));
        let expected = self.login.map(|login| format!("Basic {}", base64(login)));
        if expected.is_some() && header(&head, "proxy-authorization") != expected.as_deref() {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\
                Proxy-Authenticate: Basic realm=\"test\"\r\nConnection: close\r\n\r\n";
            return stream.write_all(refusal.as_bytes());
        }
        let mut upstream = TcpStream::connect(self.target)?;
        if method == "CONNECT" {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            return join(stream, upstream);
        }
        write!(upstream, "{method} {path} HTTP/1.1\r\n{rest}")?;
        upstream.shutdown(Shutdown::Write)?;
        io::copy(&mut upstream, &mut stream)?;
        stream.shutdown(Shutdown::Both)
    }

    /// RFC 1928, and RFC 1929 for user name and password.
    fn socks(&self, mut stream: TcpStream) -> io::Result<()> {
        let [_, count] = take(&mut stream)?;
        let mut methods = vec![0; usize::from(count)];
        stream.read_exact(&mut methods)?;
        let method = if self.login.is_some() { 2 } else { 0 };
        if !methods.contains(&method) {
            return stream.write_all(&[5, 0xFF]);
        }
        stream.write_all(&[5, method])?;
        if let Some(login) = self.login {
            let [_, length] = take(&mut stream)?;
            let user = text(&mut stream, length)?;
            let [length] = take(&mut stream)?;
            let password = text(&mut stream, length)?;
            let is_right = format!("{user}:{password}") == login;
            stream.write_all(&[1, u8::from(!is_right)])?;
            if !is_right {
                return Ok(());
            }
        }
        let [_, _, _, kind] = take(&mut stream)?;
        let host = match kind {
            1 => Ipv4Addr::from(take::<4>(&mut stream)?).to_string(),
            3 => {
                let [length] = take(&mut stream)?;
                text(&mut stream, length)?
            }
            other => panic!("address of kind {other}"),
        };
        let port = u16::from_be_bytes(take(&mut stream)?);
        self.note(format!("SOCKS5 {host}:{port}"));
        let upstream = TcpStream::connect(self.target)?;
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1])?;
        join(stream, upstream)
    }
}

fn take<const LENGTH: usize>(stream: &mut TcpStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(stream: &mut TcpStream, length: u8) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Copies in both directions until both sides have closed.
fn join(client: TcpStream, upstream: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_upstream) = (client.try_clone()?, upstream.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_upstream);
        let _ = to_upstream.shutdown(Shutdown::Write);
    });
    io::copy(&mut &upstream, &mut &client)?;
    client.shutdown(Shutdown::Both)
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let padded = [0, 1, 2].map(|at| u32::from(*chunk.get(at).unwrap_or(&0)));
        let bits = padded[0] << 16 | padded[1] << 8 | padded[2];
        for digit in 0..4 {
            encoded.push(match digit <= chunk.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]),
                false => '=',
            });
        }
    }
    encoded
}
