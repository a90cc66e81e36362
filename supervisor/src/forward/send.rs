//! Sending: a task for each lane takes batches from the outbox and sends their deliveries until upstream has them all.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use log::{debug, info, warn};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::delivery::{Delivery, Lane};
use super::outbox::{self, Outbox};
use super::upstream::{Failure, Outcome, Upstream};
use crate::words::Seconds;
use contract::{counted, with_causes};

/// How many deliveries of a lane are on their way at once. Those of traits are sent one after the other.
const AT_ONCE: usize = 8;
const MIN_BACK_OFF: Duration = Duration::from_secs(1);
const MAX_BACK_OFF: Duration = Duration::from_secs(60);
/// Bounds what `Retry-After` may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// An answer 500 may be upstream's failure or that of this very delivery. It is the delivery's when upstream has taken
/// others since, and so often answered 500 to this one.
const MAX_REPEATED_500: u32 = 10;

/// What all lanes share.
pub(super) struct Shared {
    pub(super) outbox: Arc<Outbox>,
    upstream: RefCell<Rc<Upstream>>,
    /// Upstream has refused traits.
    forget_traits: Arc<AtomicBool>,
    /// A batch was committed.
    committed: Arc<Notify>,
    /// Upstream changes, or the end is near.
    ordered: Notify,
    /// When sending must have ended.
    deadline: Cell<Option<Instant>>,
    /// When upstream last took a delivery.
    taken_at: Cell<Option<Instant>>,
}

impl Shared {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        upstream: Upstream,
        forget_traits: Arc<AtomicBool>,
        committed: Arc<Notify>,
    ) -> Self {
        Self {
            outbox,
            upstream: RefCell::new(Rc::new(upstream)),
            forget_traits,
            committed,
            ordered: Notify::new(),
            deadline: Cell::default(),
            taken_at: Cell::default(),
        }
    }

    /// Later deliveries go there. Lanes that wait after a failure try again at once.
    pub(super) fn set_upstream(&self, upstream: Upstream) {
        self.upstream.replace(Rc::new(upstream));
        self.ordered.notify_waiters();
    }

    /// Has each lane try once more, and end before the deadline.
    pub(super) fn finish(&self, deadline: Instant) {
        self.deadline.set(Some(deadline));
        self.ordered.notify_waiters();
    }

    fn is_over(&self) -> bool {
        let deadline = self.deadline.get();
        deadline.is_some_and(|deadline| deadline <= Instant::now())
    }
}

/// The sender of one lane.
pub(super) struct Sender {
    lane: Lane,
    shared: Rc<Shared>,
    /// The batch that failed last.
    failed: Option<u64>,
    failures: u32,
    failing_since: Option<Instant>,
    /// The refusals that were logged as warnings, by environment and reason.
    refused: HashSet<(String, String)>,
}

impl Sender {
    pub(super) fn new(lane: Lane, shared: Rc<Shared>) -> Self {
        Self {
            lane,
            shared,
            failed: None,
            failures: 0,
            failing_since: None,
            refused: HashSet::new(),
        }
    }

    /// Sends all that comes, until it is told to finish.
    pub(super) async fn run(mut self) {
        let shared = Rc::clone(&self.shared);
        loop {
            // From here on nothing is missed that comes while this sends.
            let (committed, ordered) = (shared.committed.notified(), shared.ordered.notified());
            let is_last = shared.deadline.get().is_some();
            let wait = self.send_waiting().await;
            if is_last {
                return;
            }
            match wait {
                None => tokio::select! {
                    () = committed => {}
                    () = ordered => {}
                },
                Some(wait) => tokio::select! {
                    () = sleep(wait) => {}
                    () = ordered => {}
                },
            }
        }
    }

    /// Sends all that waits. Returns how long to wait if upstream fails.
    async fn send_waiting(&mut self) -> Option<Duration> {
        while let Some(number) = self.next() {
            let failure = self.send_batch(number).await;
            if self.shared.is_over() {
                return None;
            }
            if let Some(failure) = failure {
                self.failed = Some(number);
                return Some(self.failing(&failure));
            }
        }
        None
    }

    /// The batch to send. One that fails for a reason of its own must not hold up the others, but the order of traits
    /// matters.
    fn next(&self) -> Option<u64> {
        let outbox = &self.shared.outbox;
        match self.failed {
            Some(failed) if self.lane != Lane::Traits => outbox.after(self.lane, failed),
            _ => outbox.oldest(self.lane),
        }
    }

    /// Sends the deliveries of a batch, and has the outbox keep those that are left.
    async fn send_batch(&mut self, number: u64) -> Option<Failure> {
        let outbox = Arc::clone(&self.shared.outbox);
        let mut left: VecDeque<Delivery> = match outbox.load(self.lane, number) {
            Ok(deliveries) => deliveries.into(),
            Err(error @ outbox::Error::Defective { .. }) => {
                warn!("{}; it is dropped", with_causes(&error));
                VecDeque::new()
            }
            Err(error) => return Some(Failure::of(with_causes(&error))),
        };
        let count = left.len();
        let mut failed = Vec::new();
        let mut failure = None;
        while !left.is_empty() && failure.is_none() && !self.shared.is_over() {
            let at_once = if self.lane == Lane::Traits {
                1
            } else {
                AT_ONCE
            };
            let sent: Vec<Delivery> = left.drain(..at_once.min(left.len())).collect();
            let sent_count = sent.len();
            let (again, last) = self.send(sent).await;
            let is_any_taken = again.len() < sent_count;
            failed.extend(again);
            // As long as upstream takes some, the others are tried too.
            failure = last.filter(|_| self.lane == Lane::Traits || !is_any_taken);
        }
        if failure.is_none() && !failed.is_empty() {
            failure = Some(Failure::of(
                "upstream takes some requests and not others".to_owned(),
            ));
        }
        if self.lane == Lane::Traits {
            failed.extend(left);
        } else {
            failed.splice(..0, left);
        }
        let has_changed = failed.is_empty() || failed.len() < count;
        if has_changed && let Err(error) = outbox.keep(self.lane, number, &failed) {
            warn!("{}", with_causes(&error));
        }
        failure
    }

    /// Sends deliveries side by side. Returns those that are to be sent again, and why.
    async fn send(&mut self, deliveries: Vec<Delivery>) -> (Vec<Delivery>, Option<Failure>) {
        let mut tasks = JoinSet::new();
        for delivery in deliveries {
            let upstream = Rc::clone(&self.shared.upstream.borrow());
            tasks.spawn_local(async move {
                let outcome = upstream.send(&delivery).await;
                (delivery, outcome)
            });
        }
        let (mut again, mut last) = (Vec::new(), None);
        while let Some(Ok((delivery, outcome))) = tasks.join_next().await {
            match outcome {
                Outcome::Taken => self.taken(),
                Outcome::Refused(reason) => self.refused(&delivery, reason),
                Outcome::Failed(failure) if self.is_hopeless(&failure) => {
                    self.refused(&delivery, failure.reason);
                }
                Outcome::Failed(failure) => {
                    again.push(delivery);
                    last = Some(failure);
                }
            }
        }
        (again, last)
    }

    fn taken(&mut self) {
        self.shared.taken_at.set(Some(Instant::now()));
        self.failures = 0;
        if let Some(since) = self.failing_since.take() {
            let lane = self.lane.name();
            info!("forwarding {lane} again after {}", Seconds(since.elapsed()));
        }
    }

    /// Drops a delivery that upstream will never take.
    fn refused(&mut self, delivery: &Delivery, reason: String) {
        let (lane, environment) = (self.lane.name(), delivery.environment.clone());
        let line = match environment.as_str() {
            "" => format!("{reason} to {lane}: it is dropped"),
            environment => {
                format!("{reason} to {lane} of environment {environment}: they are dropped")
            }
        };
        match self.refused.insert((environment, reason)) {
            true => warn!("{line}; this is logged once"),
            false => debug!("{line}"),
        }
        if self.lane == Lane::Traits {
            self.shared.forget_traits.store(true, Relaxed);
        }
        self.failures = 0;
    }

    /// Only the order of traits makes others wait for a delivery that cannot be taken.
    fn is_hopeless(&self, failure: &Failure) -> bool {
        let taken_since = self.shared.taken_at.get() > self.failing_since;
        failure.is_500
            && self.lane == Lane::Traits
            && self.failures >= MAX_REPEATED_500
            && taken_since
    }

    /// Returns how long to wait.
    fn failing(&mut self, failure: &Failure) -> Duration {
        let doubled = MIN_BACK_OFF.saturating_mul(1 << self.failures.min(16));
        let back_off = doubled
            .min(MAX_BACK_OFF)
            .mul_f64(0.9 + 0.2 * fastrand::f64());
        let asked = failure.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        let wait = back_off.max(asked);
        self.failures = self.failures.saturating_add(1);
        let line = format!(
            "{} not forwarded: {}; {} in the outbox; next try in {}",
            self.lane.name(),
            failure.reason,
            counted(self.shared.outbox.waiting(self.lane), "batch"),
            Seconds(wait)
        );
        match self.failing_since {
            None => {
                self.failing_since = Some(Instant::now());
                warn!("{line}");
            }
            Some(_) => debug!("{line}"),
        }
        wait
    }
}
