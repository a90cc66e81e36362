//! The kernel's price: an epoll loop that parses nothing. It takes each read that returns bytes for one whole request,
//! which holds for a client that sends a request in one piece and waits for the answer, and sends one fixed answer.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

const LISTENER: u64 = u64::MAX;
const EVENTS_PER_WAIT: usize = 64;
/// Larger than any request that the load sends.
const REQUEST_BYTES: usize = 64 << 10;

struct Connection {
    stream: TcpStream,
    /// Bytes of the answer that are still to be sent.
    unsent: usize,
}

/// Serves the answer in this file, head and body, until a signal ends the process.
pub(crate) fn serve(listener: &TcpListener, answer: &str) -> io::Result<()> {
    let answer = fs::read(answer)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut request = vec![0; REQUEST_BYTES];
    let mut events = [EpollEvent::empty(); EVENTS_PER_WAIT];
    loop {
        let count = epoll.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..count] {
            if event.data() == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                // Edge-triggered: one registration serves both directions for as long as the connection is open.
                let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
                epoll.add(&stream, EpollEvent::new(flags, connections.len() as u64))?;
                connections.push(Some(Connection { stream, unsent: 0 }));
                continue;
            }
            let Some(entry) = connections.get_mut(event.data() as usize) else {
                continue;
            };
            if let Some(connection) = entry
                && !connection.advance(&answer, &mut request)
            {
                *entry = None;
            }
        }
    }
}

impl Connection {
    /// Reads a request unless an answer is under way, then sends what the socket takes; false when the client is gone.
    fn advance(&mut self, answer: &[u8], request: &mut [u8]) -> bool {
        if self.unsent == 0 {
            match self.stream.read(request) {
                Ok(0) => return false,
                Ok(_) => self.unsent = answer.len(),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        // A request that arrives from here on raises an event of its own.
        while self.unsent > 0 {
            match self.stream.write(&answer[answer.len() - self.unsent..]) {
                Ok(count) => self.unsent -= count,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }
}
