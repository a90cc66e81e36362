//! Lists the environments of the source again and again, and tells the main thread, which knows what is configured.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use log::{debug, info, warn};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use super::shared::Shared;
use crate::notice::Notice;

/// Bounds what `Retry-After` may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Lists for ever. Rows whose documents are others are sent to `changed`.
pub(super) async fn run(shared: Rc<Shared>, changed: UnboundedSender<Vec<usize>>) {
    let mut failing: Option<String> = None;
    loop {
        let source = shared.documents.source();
        let Some(interval) = source.list_interval(shared.poll_frequency.get()) else {
            shared.relist.notified().await;
            continue;
        };
        let mut wait = interval;
        match source.list().await {
            // A reload has replaced it meanwhile.
            _ if !Arc::ptr_eq(&source, &shared.documents.source()) => wait = Duration::ZERO,
            Ok(listed) => {
                if failing.take().is_some() {
                    info!("environments are listed again");
                }
                let rows = shared.documents.rows_of(&listed.changed);
                if !rows.is_empty() {
                    // The receiver lives as long as the poller.
                    let _ = changed.send(rows);
                }
                let notice = Notice::Listed(listed.environments);
                shared.compiler.notifier.notify(notice);
            }
            Err(error) => {
                let asked = error.retry_after().unwrap_or_default();
                wait = wait.max(asked.min(MAX_RETRY_AFTER));
                let reason = error.to_string();
                // The same failure is told once.
                match failing.as_ref() == Some(&reason) {
                    true => debug!("environments not listed: {reason}"),
                    false => warn!(
                        error:% = reason;
                        "environments not listed: {reason}; those that are known stay"
                    ),
                }
                failing = Some(reason);
            }
        }
        // However it ends, the next list is due.
        let _ = timeout(wait, shared.relist.notified()).await;
    }
}
