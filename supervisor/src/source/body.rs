//! The body of a document. A large one lies in memory that belongs to no process: this one's heap never grows with it,
//! and another process can be given it without a copy.

use std::io::{self, Write};
use std::ops::Deref;

use bytes::Bytes;
use snapshot::{Sealed, Unsealed};

/// A body of so many bytes or more is large.
pub(crate) const LARGE: usize = 1 << 20;

/// The body of a document.
#[derive(Debug)]
pub(crate) enum Body {
    Small(Bytes),
    Large(Sealed),
}

/// A body while it arrives.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    /// Empty once there is `large`.
    small: Vec<u8>,
    large: Option<Unsealed>,
    length: usize,
}

impl Body {
    /// A copy of these bytes.
    pub(crate) fn copy_of(bytes: &[u8]) -> io::Result<Self> {
        let mut arriving = Arriving::default();
        arriving.append(bytes)?;
        arriving.end()
    }

    /// Whether it is large.
    pub(crate) fn is_large(&self) -> bool {
        matches!(self, Self::Large(_))
    }

    /// The same bytes.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Small(bytes) => bytes.clone(),
            Self::Large(sealed) => Bytes::from_owner(sealed.clone()),
        }
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(sealed) => sealed,
        }
    }
}

impl Arriving {
    /// How many bytes have arrived.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Appends a piece.
    pub(crate) fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.length += piece.len();
        if self.large.is_none() && self.length >= LARGE {
            let mut large = Unsealed::new()?;
            large.write_all(&std::mem::take(&mut self.small))?;
            self.large = Some(large);
        }
        match &mut self.large {
            Some(large) => large.write_all(piece),
            None => self.small.write_all(piece),
        }
    }

    /// All that has arrived.
    pub(crate) fn end(self) -> io::Result<Body> {
        match self.large {
            Some(large) => large.seal().map(Body::Large),
            None => Ok(Body::Small(self.small.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_arrived_in_whatever_pieces() {
        for length in [0, 1, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            for piece in [length.max(1), 65_537] {
                let mut arriving = Arriving::default();
                for piece in bytes.chunks(piece) {
                    arriving.append(piece).unwrap();
                }
                assert_eq!(arriving.length(), length);
                let body = arriving.end().unwrap();
                assert_eq!(matches!(body, Body::Large(_)), length >= LARGE);
                assert!(*body == *bytes && body.bytes() == bytes);
            }
        }
    }
}
