//! Where each request of a connection ends, and the bytes in its head that HTTP would misread.
//!
//! HTTP is shown one request at a time, so its end must be known. Ends are found exactly as HTTP finds them: a request
//! that HTTP would refuse ends its connection, so only for the others must both agree.
//!
//! Two things are changed before HTTP sees them. `Connection: upgrade` and `Upgrade: websocket` ask for a protocol that
//! no endpoint speaks; such a request is to be answered as if it had not asked (RFC 9110, 7.8), but HTTP would close
//! its connection and take what follows for an endless body. And some bytes of a target should have been
//! percent-encoded but can be told from the grammar's own: they are encoded here.

mod chunks;
#[cfg(test)]
mod tests;

use actix_web::web::BytesMut;
use memchr::memchr;

use chunks::Chunks;

/// The longest line that is held back until its end has arrived. Such lines are short unless they are nonsense.
const MAX_HELD_LINE: usize = 512;

/// How far into its requests a connection is.
#[derive(Debug, Default)]
pub(super) struct Framing {
    part: Part,
    body: Length,
}

#[derive(Debug, Default)]
enum Part {
    /// No byte of a request has come. HTTP skips empty lines.
    #[default]
    Start,
    Method,
    /// Target and version, to the end of the line.
    Target,
    /// At the start of a header line.
    Line,
    /// In a header line that does not matter here.
    Skipped,
    /// A body with so many bytes to come.
    Body(u64),
    Chunks(Chunks),
    /// HTTP refuses the request, or a line was too long to be held back. Nothing is changed any more.
    Lost,
}

/// What the head says of the body's length.
#[derive(Clone, Copy, Debug, Default)]
enum Length {
    #[default]
    None,
    Bytes(u64),
    Chunked,
    Invalid,
}

/// How many bytes to show HTTP, and what comes after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    /// A request ends there.
    Request(usize),
    /// A line begins there that has to be whole before it is shown.
    UpToLine(usize),
    /// A byte of a target is there that has to be encoded: see [`encode_target`].
    UpToTarget(usize),
}

impl Shown {
    /// How many of `all` bytes to show.
    pub(super) fn length(self, all: usize) -> usize {
        match self {
            Self::All => all,
            Self::Request(end) => end,
            Self::UpToLine(start) | Self::UpToTarget(start) => start,
        }
    }
}

impl Framing {
    /// Follows the bytes that come next, and makes HTTP ignore upgrades in them.
    #[inline]
    pub(super) fn follow(&mut self, bytes: &mut [u8]) -> Shown {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &mut bytes[at..];
            match &mut self.part {
                Part::Start => match rest[0] {
                    b'\r' | b'\n' => at += 1,
                    _ => {
                        self.body = Length::None;
                        self.part = Part::Method;
                    }
                },
                Part::Method => {
                    let Some(end) = rest.iter().position(|&byte| matches!(byte, b' ' | b'\n'))
                    else {
                        return Shown::All;
                    };
                    self.part = match rest[end] {
                        b' ' => Part::Target,
                        _ => Part::Line,
                    };
                    at += end + 1;
                }
                Part::Target => {
                    let end = memchr(b'\n', rest);
                    let target = &rest[..end.unwrap_or(rest.len())];
                    if target
                        .iter()
                        .fold(false, |any, &byte| any | needs_encoding(byte))
                    {
                        let encoded = target.iter().position(|&byte| needs_encoding(byte));
                        return Shown::UpToTarget(at + encoded.unwrap_or_default());
                    }
                    let Some(end) = end else { return Shown::All };
                    self.part = Part::Line;
                    at += end + 1;
                }
                Part::Line => {
                    let Some(end) = memchr(b'\n', rest) else {
                        if !may_matter(rest) {
                            self.part = Part::Skipped;
                        } else if rest.len() <= MAX_HELD_LINE {
                            return Shown::UpToLine(at);
                        } else {
                            self.part = Part::Lost;
                        }
                        return Shown::All;
                    };
                    at += end + 1;
                    if matches!(rest[..end], [] | [b'\r']) {
                        self.part = self.body.part();
                        if matches!(self.part, Part::Start) {
                            return Shown::Request(at);
                        }
                    } else {
                        self.read_header(&mut rest[..end]);
                    }
                }
                Part::Skipped => {
                    let Some(end) = memchr(b'\n', rest) else {
                        return Shown::All;
                    };
                    self.part = Part::Line;
                    at += end + 1;
                }
                Part::Body(left) => {
                    if *left > rest.len() as u64 {
                        *left -= rest.len() as u64;
                        return Shown::All;
                    }
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "it is no longer than the rest"
                    )]
                    let end = at + *left as usize;
                    self.part = Part::Start;
                    return Shown::Request(end);
                }
                Part::Chunks(chunks) => match chunks.follow(rest) {
                    Ok(Some(end)) => {
                        self.part = Part::Start;
                        return Shown::Request(at + end);
                    }
                    Ok(None) => return Shown::All,
                    Err(_) => self.part = Part::Lost,
                },
                Part::Lost => return Shown::All,
            }
        }
        Shown::All
    }

    /// Reads a header line without its end.
    #[inline]
    fn read_header(&mut self, line: &mut [u8]) {
        // Most names begin with other letters.
        if !matches!(line[0] | 0x20, b'c' | b't' | b'u') {
            return;
        }
        let Some(colon) = memchr(b':', line) else {
            return;
        };
        let (name, value) = line.split_at_mut(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            self.body = self.body.and_bytes(&value[1..]);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.body = Length::Chunked;
        } else if name.eq_ignore_ascii_case(b"connection") || name.eq_ignore_ascii_case(b"upgrade")
        {
            ignore_upgrade(value);
        }
    }
}

impl Length {
    fn and_bytes(self, value: &[u8]) -> Self {
        let length = std::str::from_utf8(value.trim_ascii()).ok();
        // HTTP refuses a sign, a second length, and a length beside chunks.
        match (self, length.and_then(|length| length.parse().ok())) {
            (Self::None, Some(bytes)) => Self::Bytes(bytes),
            _ => Self::Invalid,
        }
    }

    /// What comes after the head.
    fn part(self) -> Part {
        match self {
            Self::None | Self::Bytes(0) => Part::Start,
            Self::Bytes(bytes) => Part::Body(bytes),
            Self::Chunked => Part::Chunks(Chunks::default()),
            Self::Invalid => Part::Lost,
        }
    }
}

/// The start of a line that matters once it is whole: the empty line, or a header that is read here.
fn may_matter(start: &[u8]) -> bool {
    let names: [&[u8]; 4] = [
        b"connection:",
        b"upgrade:",
        b"content-length:",
        b"transfer-encoding:",
    ];
    start == b"\r"
        || names.iter().any(|name| {
            let length = start.len().min(name.len());
            start[..length].eq_ignore_ascii_case(&name[..length])
        })
}

/// Spoils the words `upgrade` and `websocket`. The words that HTTP looks for besides, `close` and `keep-alive`, have
/// neither of these letters. No endpoint reads the two headers.
fn ignore_upgrade(value: &mut [u8]) {
    for byte in value {
        if matches!(*byte | 0x20, b'u' | b'w') {
            *byte = b'-';
        }
    }
}

/// A byte of a target that no URI contains, and that means nothing to HTTP itself.
#[inline]
fn needs_encoding(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x80..)
}

/// Encodes where it has to be the rest of a target, with which `bytes` begin.
pub(super) fn encode_target(bytes: &[u8]) -> BytesMut {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let (target, rest) = bytes.split_at(memchr(b'\n', bytes).unwrap_or(bytes.len()));
    let mut encoded = BytesMut::with_capacity(bytes.len() + 2 * target.len());
    for &byte in target {
        if needs_encoding(byte) {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            encoded.extend_from_slice(&[b'%', DIGITS[high], DIGITS[low]]);
        } else {
            encoded.extend_from_slice(&[byte]);
        }
    }
    encoded.extend_from_slice(rest);
    encoded
}
