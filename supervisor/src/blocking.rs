//! Work that takes long or waits for a disk, done in another thread than the poller's.

use std::any::Any;

use tokio::task::{JoinError, spawn_blocking};

/// Calls `act` in a thread for blocking work. The error is the message of its panic.
pub(crate) async fn off_thread<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    spawn_blocking(act).await.map_err(join_error)
}

/// Why a task or a thread for blocking work has no result.
pub(crate) fn join_error(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic_message(&*panic),
        Err(error) => error.to_string(),
    }
}

/// The message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "panicked".to_owned()
    }
}
