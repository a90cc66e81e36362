//! A file of the outbox: it is whole or refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::Error;

const MAGIC: [u8; 8] = *b"outbox\0\x01";
const HEADER: usize = 24;

/// The bytes of a file with this value: a header with length and checksum, then the value as `postcard` writes it.
pub(super) fn bytes<T: Serialize>(value: &T) -> postcard::Result<Vec<u8>> {
    let mut bytes = postcard::to_extend(value, vec![0; HEADER])?;
    let (header, payload) = bytes.split_at_mut(HEADER);
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[16..].copy_from_slice(&xxh3_64(payload).to_le_bytes());
    Ok(bytes)
}

/// The value in the bytes of a file; `None` if the file is not whole, or is of another release.
pub(super) fn value<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (header, payload) = bytes.split_at_checked(HEADER)?;
    let number = |at: usize| {
        header
            .get(at..at + 8)?
            .try_into()
            .ok()
            .map(u64::from_le_bytes)
    };
    let is_whole = header.starts_with(&MAGIC)
        && number(8)? == payload.len() as u64
        && number(16)? == xxh3_64(payload);
    is_whole.then(|| postcard::from_bytes(payload).ok())?
}

/// Writes a file under a name of its own directory, so that it survives a power cut once this returns and
/// [`sync_directory`] has too. A file that had that name is replaced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let staging = path.with_extension("staging");
    let staged = stage(&staging, bytes).map_err(Error::io("write", &staging));
    let renamed = staged.and_then(|()| {
        fs::rename(&staging, path).map_err(Error::io("rename the staged file to", path))
    });
    if renamed.is_err() {
        // The first error says more. The next write replaces what is left.
        let _ = fs::remove_file(&staging);
    }
    renamed
}

fn stage(staging: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(staging)?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Makes the names of a directory survive a power cut.
pub(super) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::io("sync", path))
}

/// `Ok` if the name is gone.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("unlink", path)(source))
        }
        _ => Ok(()),
    }
}
