//! Where a chunked body ends (RFC 9112, 7.1), found as HTTP finds it.

use memchr::memchr;

/// How far into its chunks a body is.
#[derive(Debug, Default)]
pub(super) enum Chunks {
    /// Before a chunk, or in its size.
    #[default]
    Start,
    Size(u64),
    /// After the size, which is that: extensions, to the end of the line.
    Extension(u64),
    SizeEnd(u64),
    /// In a chunk with so many bytes to come, or in the line end after it.
    Data(u64),
    DataEnd,
    DataLineFeed,
    /// At the start of a trailer line.
    Trailer,
    TrailerLine,
    TrailerLineFeed,
    /// In the empty line that ends the body.
    LastLineFeed,
}

/// HTTP refuses this body.
#[derive(Debug)]
pub(super) struct Invalid;

impl Chunks {
    /// Follows the bytes that come next. Returns how many of them there are up to the end of the body, `None` if it
    /// does not end in them.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<Option<usize>, Invalid> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += 1;
            *self = match (&*self, rest[0]) {
                (Self::Start, byte) => Self::Size(digit(byte).ok_or(Invalid)?),
                (&Self::Size(size), b'\t' | b' ' | b';') => Self::Extension(size),
                (&(Self::Size(size) | Self::Extension(size)), b'\r') => Self::SizeEnd(size),
                (&Self::Size(size), byte) => {
                    let digit = digit(byte).ok_or(Invalid)?;
                    Self::Size(size.checked_mul(16).ok_or(Invalid)? + digit)
                }
                (&Self::Extension(size), _) => Self::Extension(size),
                (Self::SizeEnd(0), b'\n') => Self::Trailer,
                (&Self::SizeEnd(size), b'\n') => Self::Data(size),
                (&Self::Data(left), _) => {
                    let in_rest = left.min(rest.len() as u64);
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "it is no longer than the rest"
                    )]
                    let skipped = in_rest as usize;
                    at += skipped - 1;
                    match left - in_rest {
                        0 => Self::DataEnd,
                        left => Self::Data(left),
                    }
                }
                (Self::DataEnd, b'\r') => Self::DataLineFeed,
                (Self::DataLineFeed, b'\n') => Self::Start,
                (Self::Trailer, b'\r') => Self::LastLineFeed,
                (Self::Trailer, _) => Self::TrailerLine,
                (Self::TrailerLine, _) => match memchr(b'\r', rest) {
                    Some(end) => {
                        at += end;
                        Self::TrailerLineFeed
                    }
                    None => return Ok(None),
                },
                (Self::TrailerLineFeed, b'\n') => Self::Trailer,
                (Self::LastLineFeed, b'\n') => return Ok(Some(at)),
                (
                    Self::SizeEnd(_)
                    | Self::DataEnd
                    | Self::DataLineFeed
                    | Self::TrailerLineFeed
                    | Self::LastLineFeed,
                    _,
                ) => return Err(Invalid),
            };
        }
        Ok(None)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}
