//! One request and one answer, as bytes on a connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use testing::header;

/// The parts of an answer that clients check.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether the connection stays open.
    pub(crate) kept: bool,
    pub(crate) body: Vec<u8>,
}

/// A connection with a limit on how long a read waits.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether the other side has closed the connection.
pub(crate) fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).expect("a socket");
    !seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Sends a request and reads the whole answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<Answer> {
    stream.write_all(request)?;
    read_answer(stream)
}

/// Reads one whole answer. When the connection ends before any of its bytes, [`is_unanswered`] tells so.
pub(crate) fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let cut = |error| io::Error::other(format!("the answer was cut: {error}"));
        match stream.read(&mut piece) {
            Ok(0) if bytes.is_empty() => return Err(ErrorKind::ConnectionAborted.into()),
            Ok(0) => return Err(cut(ErrorKind::UnexpectedEof.into())),
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
            Err(error) if bytes.is_empty() => return Err(error),
            Err(error) => return Err(cut(error)),
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]);
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        if bytes.len() < end + 4 + length.unwrap_or(0) {
            continue;
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        return Ok(Answer {
            status: status.ok_or_else(|| io::Error::other("no status line"))?,
            kept: header(&head, "connection") != Some("close"),
            body: bytes[end + 4..].to_vec(),
        });
    }
}

/// Whether a connection ended before any byte of an answer.
pub(super) fn is_unanswered(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset
    )
}
