//! The knocks of workers, as the poller hears them.

use std::future::pending;
use std::io::{self, PipeReader};

use log::error;
use tokio::net::unix::pipe::Receiver;

/// Hears the knocks of all workers.
pub(super) struct Knocks(Receiver);

impl Knocks {
    pub(super) fn new(pipe: PipeReader) -> io::Result<Self> {
        Receiver::from_owned_fd(pipe.into()).map(Self)
    }

    /// Ready when a worker has knocked. All knocks so far are one.
    pub(super) async fn next(&self) {
        if let Err(error) = self.heard().await {
            error!("no longer hearing workers that ask for fetches: {error}");
            pending().await
        }
    }

    async fn heard(&self) -> io::Result<()> {
        loop {
            self.0.readable().await?;
            match self.0.try_read(&mut [0; 4096]) {
                // No worker is left, and nobody who could start one.
                Ok(0) => pending().await,
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
