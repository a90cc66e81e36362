//! The header before each archive: what a file says of itself.
//!
//! ```text
//!  0  magic            8 bytes
//!  8  header format    u32     this layout
//! 12  format           u32     the caller's layout of its archived types
//! 16  generation       u64
//! 24  type             u64     fingerprint of the archived type
//! 32  payload length   u64     bytes
//! 40  checksum         u64     xxh3 of the payload
//! ```
//!
//! All numbers are little-endian, as in the archive.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Defect;

/// The alignment that an archive can rely on, in bytes.
pub(crate) const ALIGNMENT: usize = 16;
/// The length of the header, in bytes.
pub(crate) const LENGTH: usize = 48;
const MAGIC: [u8; 8] = *b"snapshot";
const HEADER_FORMAT: u32 = 1;

// A map starts on a page, so the archive is aligned if the length of the header is a multiple of the alignment.
const _: () = assert!(LENGTH.is_multiple_of(ALIGNMENT));

/// Where the generation is, which is known last. The checksum does not cover the header.
pub(crate) const GENERATION: Range<usize> = 16..24;

/// What a reader asks for and a writer states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identification {
    pub(crate) format: u32,
    pub(crate) generation: u64,
    pub(crate) fingerprint: u64,
}

/// How much of a file is checked before it is read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The header alone: the writer of this run wrote or checked the payload.
    Payload,
    /// The header, the checksum and the structure of the archive.
    Nothing,
}

/// The header of a payload of so many bytes that has this checksum.
pub(crate) fn of(identification: Identification, length: u64, checksum: u64) -> Vec<u8> {
    let fields: [&[u8]; 7] = [
        &MAGIC,
        &HEADER_FORMAT.to_le_bytes(),
        &identification.format.to_le_bytes(),
        &identification.generation.to_le_bytes(),
        &identification.fingerprint.to_le_bytes(),
        &length.to_le_bytes(),
        &checksum.to_le_bytes(),
    ];
    fields.concat()
}

/// Compares the header of a whole file with what was asked for and, unless the payload is trusted, the payload with
/// its checksum. Returns the payload.
pub(crate) fn check(file: &[u8], asked: Identification, trust: Trust) -> Result<&[u8], Defect> {
    let length = check_length(file.len() as u64)?;
    let (header, payload) = file.split_at(LENGTH);
    let expected = check_fields(header, length, asked)?;
    if trust == Trust::Nothing {
        let found = xxh3_64(payload);
        if found != expected {
            return Err(Defect::Checksum { found, expected });
        }
    }
    Ok(payload)
}

/// Refuses a file that is shorter than a header. Returns the length of the payload.
pub(crate) fn check_length(file: u64) -> Result<u64, Defect> {
    let expected = LENGTH as u64;
    file.checked_sub(expected).ok_or(Defect::Truncated {
        found: file,
        expected,
    })
}

/// Compares a header with what was asked for and with the length of the payload. Returns the checksum that the payload
/// should have.
pub(crate) fn check_fields(
    header: &[u8],
    payload: u64,
    asked: Identification,
) -> Result<u64, Defect> {
    let mut fields = Fields(header);
    if fields.take() != MAGIC {
        return Err(Defect::Foreign);
    }
    let header_format = u32::from_le_bytes(fields.take());
    if header_format != HEADER_FORMAT {
        return Err(Defect::HeaderFormat {
            found: header_format,
            expected: HEADER_FORMAT,
        });
    }
    let format = u32::from_le_bytes(fields.take());
    if format != asked.format {
        return Err(Defect::Format {
            found: format,
            expected: asked.format,
        });
    }
    let generation = u64::from_le_bytes(fields.take());
    if generation != asked.generation {
        return Err(Defect::Generation {
            found: generation,
            expected: asked.generation,
        });
    }
    if u64::from_le_bytes(fields.take()) != asked.fingerprint {
        return Err(Defect::Type);
    }
    let expected = u64::from_le_bytes(fields.take());
    let found = payload.saturating_add(LENGTH as u64);
    let whole = expected.saturating_add(LENGTH as u64);
    if payload < expected {
        return Err(Defect::Truncated {
            found,
            expected: whole,
        });
    }
    if payload > expected {
        return Err(Defect::Length {
            found,
            expected: whole,
        });
    }
    Ok(u64::from_le_bytes(fields.take()))
}

/// Takes fixed-width fields off the front of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const WIDTH: usize>(&mut self) -> [u8; WIDTH] {
        let mut field = [0; WIDTH];
        let (front, rest) = self.0.split_at(WIDTH);
        field.copy_from_slice(front);
        self.0 = rest;
        field
    }
}
