//! Settles what was published: syncs it to the disk and unlinks what it replaced.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::outage::Outage;
use super::publication::Publication;
use crate::blocking::off_thread;
use contract::with_causes;

/// After a failure, settling is tried again after this long, or earlier with the next publication.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Settles whenever `unsettled` is notified, for ever. Disks are slow: all that is published while one settles is
/// settled together next, and neither fetching nor publishing waits.
pub(crate) async fn settle(publication: Arc<Publication>, unsettled: Rc<Notify>) {
    let outage = Outage::new("trying again every few seconds", "durable again");
    let mut failed = false;
    loop {
        let notified = unsettled.notified();
        if failed {
            // Both a notification and the timeout are reasons to try again.
            let _ = timeout(RETRY_DELAY, notified).await;
        } else {
            notified.await;
        }
        let publication = Arc::clone(&publication);
        let settled = off_thread(move || publication.settle()).await;
        let settled = settled.and_then(|settled| settled.map_err(|error| with_causes(&error)));
        failed = settled.is_err();
        match settled {
            Ok(()) => _ = outage.passed(0),
            Err(reason) => {
                let what = format!("published snapshots may be lost in a power cut: {reason}");
                outage.failed(0, &what);
            }
        }
    }
}
