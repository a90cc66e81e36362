//! The first list of environments: it is waited for, so that the board has room for all of them. Where upstream does
//! not list any, those of the run before are served.

use std::collections::HashMap;
use std::time::Duration;

use contract::{Index, KeyPair, ServerSideKey, counted, with_causes};
use log::warn;
use snapshot::Publisher;
use tokio::time::timeout;

use crate::error::Error;
use crate::source::{OpenSource, Source};
use crate::words::Seconds;

/// What is configured is served later by so much at most while upstream does not answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What this source lists, or why it cannot.
pub(super) fn of(source: &Source, opened: &OpenSource) -> Result<Vec<KeyPair>, String> {
    match opened.known_environments() {
        Some(known) => Ok(known),
        None if source.lists_environments() => list(source),
        None => Ok(Vec::new()),
    }
}

/// What the run before has served, instead of a list that failed for this reason. Its keys open their environments, but
/// fetch nothing: only their digests are known.
pub(super) fn of_earlier_run(publisher: &Publisher, most: usize, reason: &str) -> Vec<KeyPair> {
    let index = publisher.earlier_index::<Index>().ok().flatten();
    let environments = index.map_or_else(Vec::new, |index| {
        let mut keys: HashMap<u32, Vec<ServerSideKey>> = HashMap::new();
        for (digest, opened) in index.server_side_keys.iter() {
            let key = ServerSideKey::of_digest(*digest, opened.expiry.to_native());
            keys.entry(opened.row.to_native()).or_default().push(key);
        }
        let entries = index.environments.iter().take(most);
        let pairs = entries.map(|entry| {
            let keys = keys.remove(&entry.row.to_native());
            KeyPair::new(entry.name.as_str(), keys.unwrap_or_default())
        });
        pairs.collect()
    });
    warn!(
        error:% = reason;
        "environments not listed: {reason}; serving {} of the run before",
        counted(environments.len(), "environment")
    );
    environments
}

fn list(source: &Source) -> Result<Vec<KeyPair>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    // A client of its own: the poller's connections belong to the poller's runtime.
    let opened = source.open();
    let opened = opened.map_err(|error| with_causes(&Error::from(error)))?;
    let listed = runtime.block_on(async { timeout(TIMEOUT, opened.list()).await });
    // A look-up of a name cannot be stopped, and may take longer.
    runtime.shutdown_background();
    match listed {
        Ok(listed) => {
            let listed = listed.map(|listed| listed.environments);
            listed.map_err(|error| error.to_string())
        }
        Err(_) => Err(format!(
            "upstream did not answer within {}",
            Seconds(TIMEOUT)
        )),
    }
}
