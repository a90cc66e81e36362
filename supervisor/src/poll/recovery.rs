//! The end of an outage of upstream: when it answers for one environment again, all that failed with it are tried.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::source::FetchOutcome;
use crate::source::upstream::FetchError;

/// What the last fetch of an environment says of upstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Upstream {
    /// It answered for this environment, though perhaps not with a document.
    Answers,
    /// It does not answer, or somebody else answers in its place.
    Fails,
    /// It fails, and said when to ask again.
    Postpones,
}

impl Upstream {
    pub(super) fn after(fetched: &Result<FetchOutcome, FetchError>) -> Self {
        match fetched {
            Err(error) if error.is_outage() => match error.retry_after() {
                Some(_) => Self::Postpones,
                None => Self::Fails,
            },
            _ => Self::Answers,
        }
    }
}

/// Tells when upstream answers again.
#[derive(Default)]
pub(super) struct Recovery {
    seen: Notify,
    last: Cell<Option<Instant>>,
}

impl Recovery {
    /// Upstream answers for an environment that failed with it before.
    pub(super) fn note(&self) {
        self.seen.notify_one();
    }

    /// Waits for that. It is told at most once per poll frequency, and later rather than never: environments that fail
    /// on beside others that come and go are then tried no more often than they are polled.
    pub(super) async fn wait(&self, poll_frequency: Duration) {
        if let Some(last) = self.last.get() {
            sleep(poll_frequency.saturating_sub(last.elapsed())).await;
        }
        self.seen.notified().await;
        self.last.set(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn an_environment_that_is_refused_says_nothing_against_upstream() {
        let status = |status, retry_after: Option<u64>| FetchError::Status {
            status,
            retry_after: retry_after.map(Duration::from_secs),
        };
        let silent = Duration::from_secs(5);
        for (error, expected) in [
            (FetchError::Silent(silent), Upstream::Fails),
            (FetchError::NotJson(String::new()), Upstream::Fails),
            (status(StatusCode::BAD_GATEWAY, None), Upstream::Fails),
            (status(StatusCode::NOT_FOUND, None), Upstream::Fails),
            (status(StatusCode::TOO_MANY_REQUESTS, None), Upstream::Fails),
            (
                status(StatusCode::TOO_MANY_REQUESTS, Some(60)),
                Upstream::Postpones,
            ),
            (status(StatusCode::UNAUTHORIZED, None), Upstream::Answers),
            (status(StatusCode::FORBIDDEN, Some(60)), Upstream::Answers),
            (FetchError::TooLarge(1), Upstream::Answers),
        ] {
            assert_eq!(Upstream::after(&Err(error)), expected);
        }
    }

    #[test]
    fn a_recovery_is_told_at_once_and_the_next_one_a_poll_later() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let recovery = Recovery::default();
            let (at_once, poll_frequency) = (Duration::ZERO, Duration::from_millis(100));
            let told = timeout(at_once, recovery.wait(poll_frequency)).await;
            assert!(told.is_err());
            recovery.note();
            let told = timeout(at_once, recovery.wait(poll_frequency)).await;
            assert!(told.is_ok());
            let since = Instant::now();
            recovery.note();
            recovery.note();
            recovery.wait(poll_frequency).await;
            assert!(since.elapsed() >= Duration::from_millis(90));
            let told = timeout(2 * poll_frequency, recovery.wait(poll_frequency)).await;
            assert!(told.is_err());
        });
    }
}
