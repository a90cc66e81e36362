//! The knock: how a worker has the supervisor look at the board.
//!
//! All workers of a proxy have the same pipe as their standard output. A byte in it means: look at the board. Landlock
//! forbids a worker to send signals, and lets it use what it was given.

use std::io::{self, PipeReader, PipeWriter};
use std::process::Stdio;

use rustix::io::{ioctl_fionbio, write};

/// The supervisor's copy of the end that workers knock at. While there is one, the other end stays open.
#[derive(Debug)]
pub struct Knocker(PipeWriter);

impl Knocker {
    /// A pipe: what hears the knocks, and what workers are given.
    ///
    /// # Errors
    ///
    /// If there are too many files open.
    pub fn new() -> io::Result<(PipeReader, Self)> {
        let (reader, writer) = io::pipe()?;
        // A full pipe holds a knock already, so no worker waits for room.
        ioctl_fionbio(&writer, true)?;
        Ok((reader, Self(writer)))
    }

    /// The standard output of a worker.
    ///
    /// # Errors
    ///
    /// If there are too many files open.
    pub fn for_worker(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }
}

/// In a worker: knocks. Several knocks may be heard as one.
pub fn knock() {
    // It fails when the pipe is full, and when the supervisor is gone: then there is nobody to look.
    let _ = write(io::stdout(), b"\n");
}
