//! The first list of upstream's environments: it is waited for, so that the board has room for all of them.

use std::time::Duration;

use log::warn;
use tokio::time::timeout;

use crate::error::Error;
use crate::source::{OpenSource, Source};
use crate::words::Seconds;
use contract::{KeyPair, with_causes};

/// What is configured is served later by so much at most while upstream does not answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What this source lists; nothing if it does not list anything, or cannot.
pub(super) fn of(source: &Source) -> Vec<KeyPair> {
    if !source.lists_environments() {
        return Vec::new();
    }
    list(source).unwrap_or_else(|reason| {
        warn!(error:% = reason; "environments not listed: {reason}; trying again");
        Vec::new()
    })
}

fn list(source: &Source) -> Result<Vec<KeyPair>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    // A client of its own: the poller's connections belong to the poller's runtime.
    let opened = source
        .open()
        .map_err(|error| with_causes(&Error::from(error)))?;
    let listed = runtime.block_on(async { timeout(TIMEOUT, OpenSource::list(&opened)).await });
    // A look-up of a name cannot be stopped, and may take longer.
    runtime.shutdown_background();
    match listed {
        Ok(listed) => listed
            .map(|listed| listed.environments)
            .map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "upstream did not answer within {}",
            Seconds(TIMEOUT)
        )),
    }
}
