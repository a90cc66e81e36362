//! One document in a file: reading it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use contract::key::is_server_side;

use super::error::FileError;
use crate::source::body::{Arriving, Body};
use crate::source::stamp::Stamp;

/// A document that was read.
pub(super) struct ReadDocument {
    pub(super) body: Body,
    pub(super) stamp: Stamp,
    /// The client-side key of its environment.
    pub(super) environment: String,
}

/// Reads the document in a file, of at most so many bytes.
///
/// # Errors
///
/// If it is not whole, or not a document of an environment that has a name.
pub(super) fn read(path: &Path, max_bytes: usize) -> Result<ReadDocument, FileError> {
    let (body, stamp) = content(path, max_bytes)?;
    let refuse = |problem: String| FileError::new("read", path, problem);
    let environment = engine::api_key(&body).map_err(|error| refuse(error.to_string()))?;
    if environment.is_empty() || is_server_side(environment.as_bytes()) {
        return Err(refuse(
            "api_key: expected the client-side key of an environment".to_owned(),
        ));
    }
    Ok(ReadDocument {
        body,
        stamp,
        environment,
    })
}

fn content(path: &Path, max_bytes: usize) -> Result<(Body, Stamp), FileError> {
    let failed = |error: io::Error| FileError::io("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    if !before.is_file() {
        return Err(FileError::new("read", path, "it is not a file"));
    }
    let mut arriving = Arriving::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        if arriving.length() + length > max_bytes {
            let problem = format!("it is larger than api_max_document_bytes, which is {max_bytes}");
            return Err(FileError::new("read", path, problem));
        }
        arriving.append(&piece[..length]).map_err(failed)?;
    }
    let stamp = Stamp::of(&before);
    if stamp != Stamp::of(&file.metadata().map_err(failed)?) {
        return Err(FileError::new("read", path, "it is being written"));
    }
    Ok((arriving.end().map_err(failed)?, stamp))
}
