//! The task of one environment: fetch, compile and publish, wait, for ever.

use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use contract::{BoardWords, EnvironmentWords, Fetch};
use log::{debug, info, warn};

use super::freshness::{ConditionalFetch, Freshness, Received, ServedDates, Trust};
use super::orders::Orders;
use super::recovery::Upstream;
use super::schedule::Schedule;
use super::shared::Shared;
use crate::blocking::off_thread;
use crate::publish::{Compiled, Compiler, Failure, ServedDocument, Uncompressed};
use crate::source::upstream::FetchError;
use crate::source::{Document, FetchOutcome, Last};
use crate::words::Seconds;
use contract::counted;
use tokio::sync::OwnedSemaphorePermit;

/// One environment and the state of its polling.
pub(super) struct Task {
    row: usize,
    name: String,
    schedule: Schedule,
    upstream: Upstream,
    freshness: Freshness,
    served: Option<ServedDocument>,
    served_dates: ServedDates,
    orders: Rc<Orders>,
    shared: Rc<Shared>,
}

impl Task {
    pub(super) fn new(
        row: usize,
        name: String,
        poll_frequency: Duration,
        orders: Rc<Orders>,
        shared: Rc<Shared>,
    ) -> Self {
        let served = shared.compiler.publication.take_warm(row);
        let mut served_dates = ServedDates::default();
        if let Some(served) = &served {
            served_dates.note(served.updated_at.as_deref());
        }
        if served.is_none() && !orders.is_for_added() {
            shared.first_documents.expect();
        }
        Self {
            row,
            name,
            schedule: Schedule::new(poll_frequency),
            upstream: Upstream::Answers,
            freshness: Freshness::default(),
            served_dates,
            served,
            orders,
            shared,
        }
    }

    /// Polls for ever.
    pub(super) async fn run(mut self) {
        loop {
            let result = match Rc::clone(&self.shared).fetch_permits.acquire().await {
                // Boxed, so that thousands of waiting tasks do not each hold the memory of a fetch.
                Ok(_permit) => Box::pin(self.update()).await,
                // Nobody closes the semaphore.
                Err(_) => return,
            };
            if let Err(failure) = &result {
                self.words().failed(SystemTime::now(), failure.kind());
            }
            self.orders.tried();
            let delay = self.delay_after(result);
            self.wait(delay).await;
        }
    }

    /// Logs the outcome of a try. Returns the delay until the next one.
    fn delay_after(&mut self, result: Result<(), Failure>) -> Duration {
        let chance = self.shared.chance();
        match result {
            Ok(()) => {
                self.shared.outage.passed(self.row);
                let failures = self.schedule.failures();
                if failures > 0 {
                    info!(
                        environment:% = self.name, failures;
                        "environment {} updated again after {}",
                        self.name,
                        counted(failures, "failure")
                    );
                }
                self.schedule.succeeded(chance)
            }
            Err(failure @ Failure::Publish(_)) => {
                let what = format!("environment {} not updated: {failure}", self.name);
                self.shared.outage.failed(self.row, &what);
                self.schedule.regular(chance)
            }
            Err(failure) => {
                let retry_after = match &failure {
                    Failure::Fetch(error) => error.retry_after(),
                    _ => None,
                };
                let delay = self.schedule.failed(retry_after, chance);
                warn!(
                    environment:% = self.name, error:% = failure, retry_seconds = delay.as_secs_f64();
                    "environment {} not updated: {failure}; next try in {}",
                    self.name,
                    Seconds(delay)
                );
                delay
            }
        }
    }

    /// Waits until the next try is due, and obeys orders meanwhile.
    async fn wait(&mut self, mut delay: Duration) {
        let since = Instant::now();
        loop {
            let left = delay.saturating_sub(since.elapsed());
            let Some(order) = self.orders.take_within(left).await else {
                return;
            };
            let is_failing = self.schedule.failures() > 0;
            if let Some(name) = order.name {
                self.name = name;
            }
            if let Some(poll_frequency) = order.poll_frequency {
                self.schedule.set_poll_frequency(poll_frequency);
                if !is_failing {
                    delay = self.schedule.regular(self.shared.chance());
                }
            }
            if order.fetch_now {
                // The last document's date says nothing about another upstream or under another key.
                self.freshness = Freshness::default();
            }
            let failed_with_upstream = self.upstream == Upstream::Fails;
            if order.fetch_now
                || order.retry && is_failing
                || order.upstream_is_back && failed_with_upstream
            {
                return;
            }
        }
    }

    async fn update(&mut self) -> Result<(), Failure> {
        // An answer proves nothing about the upstream of a reload meanwhile.
        let trust = Rc::clone(&self.shared.trust.borrow());
        let begun = Instant::now();
        let fetched = self.fetch(&trust).await;
        let took = begun.elapsed();
        let mut _permit = None;
        let uncompressed = match fetched {
            Ok(FetchOutcome::Document(document)) => {
                _permit = self.permit(&document).await;
                self.compile(document, &trust).await
            }
            Ok(FetchOutcome::NotModified(timing)) => {
                self.freshness.confirmed(timing);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        };
        let fetch = match &uncompressed {
            Ok(Some(_)) => Fetch::Changed,
            Ok(None) => Fetch::Unchanged,
            Err(_) => Fetch::Failed,
        };
        self.shared.board.count_fetch(self.row, fetch, took);
        let uncompressed = uncompressed?;
        self.words().succeeded(SystemTime::now());
        match uncompressed {
            Some(uncompressed) => {
                self.compress(uncompressed).await;
                self.shared.unsettled.notify_one();
                Ok(())
            }
            None => self.require_snapshot(),
        }
    }

    /// What the board says of this environment.
    fn words(&self) -> EnvironmentWords<'_> {
        self.shared.board.environment(self.row)
    }

    /// If somebody removed the snapshot, workers that have it mapped still serve it, but a worker that starts cannot
    /// map it. The next poll publishes it again.
    fn require_snapshot(&mut self) -> Result<(), Failure> {
        if self.shared.compiler.publication.is_in_place(self.row) {
            return Ok(());
        }
        if let Some(served) = &mut self.served {
            served.fingerprint = None;
        }
        self.freshness = Freshness::default();
        let reason = "its snapshot is gone from the state directory";
        Err(Failure::Publish(reason.to_owned()))
    }

    async fn fetch(&mut self, trust: &Trust) -> Result<FetchOutcome, FetchError> {
        let (now, next) = (Instant::now(), self.schedule.longest());
        let rules = self.shared.fetch_rules.get();
        let last = Last {
            if_modified_since: self.freshness.if_modified_since(now, next, rules, trust),
            stamp: self.freshness.stamp(),
        };
        let fetched = self.shared.documents.fetch(self.row, last).await;
        let before = mem::replace(&mut self.upstream, Upstream::after(&fetched));
        if before != Upstream::Answers && self.upstream == Upstream::Answers {
            self.shared.recovery.note();
        }
        fetched
    }

    /// Compiles and publishes a document. Returns what is left to compress if it differs from the one that is served.
    async fn compile(
        &mut self,
        document: Document,
        trust: &Trust,
    ) -> Result<Option<Uncompressed>, Failure> {
        let row = self.row;
        let body = document.body;
        let length = body.len();
        let options = self.shared.compile_options.get();
        let served = self.served.as_ref().and_then(|served| served.fingerprint);
        let dates = self.served_dates.telling_apart(document.timing);
        let compiled = self
            .off_thread(move |compiler| compiler.publish(row, body, options, served, dates))
            .await
            // A conditional fetch would not bring this document again.
            .inspect_err(|_| self.freshness = Freshness::default())?;
        let uncompressed = compiled.map(|compiled| self.note(compiled, length));
        let served = self.served.as_ref();
        let updated_at = served.and_then(|served| served.updated_at.as_deref());
        let evidence = self.freshness.received(Received {
            updated_at,
            last_modified: document.last_modified,
            length,
            timing: document.timing,
            stamp: document.stamp,
        });
        if let Some(evidence) = evidence
            && self.shared.fetch_rules.get().conditional_fetch == ConditionalFetch::Auto
        {
            trust.note(evidence);
        }
        Ok(uncompressed)
    }

    fn note(&mut self, compiled: Compiled, length: usize) -> Uncompressed {
        let generation = compiled.generation;
        let line = format_args!("published: generation {generation}, {length} bytes");
        if self.served.is_some() {
            info!(environment:% = self.name, generation, bytes = length; "environment {} {line}", self.name);
        } else {
            debug!(environment:% = self.name, generation, bytes = length; "environment {} {line}", self.name);
            if !self.orders.is_for_added() {
                self.shared.first_documents.publish();
            }
        }
        self.shared.board.count_compile(self.row, compiled.took);
        self.words().set_document(length, compiled.warnings.len());
        for warning in compiled.warnings {
            warn!(environment:% = self.name, warning:%; "environment {}: {warning}", self.name);
        }
        self.served_dates
            .note(compiled.served.updated_at.as_deref());
        self.served = Some(compiled.served);
        compiled.uncompressed
    }

    /// Publishes the environment again with compressed constants. If that fails, it stays published without.
    async fn compress(&self, uncompressed: Uncompressed) {
        let row = self.row;
        let compressed = self
            .off_thread(move |compiler| compiler.publish_compressed(row, uncompressed))
            .await;
        let name = &self.name;
        match compressed {
            Ok(None) => {}
            Ok(Some(generation)) => {
                debug!(environment:% = name, generation; "environment {name} compressed: generation {generation}");
            }
            Err(failure) => {
                warn!(environment:% = name, error:% = failure; "environment {name} is served uncompressed: {failure}")
            }
        }
    }

    /// Waits until this document may be compiled, which few large ones are at the same time.
    async fn permit(&self, document: &Document) -> Option<OwnedSemaphorePermit> {
        if !document.body.is_large() {
            return None;
        }
        let permits = Arc::clone(&self.shared.large_permits);
        // Nobody closes the semaphore.
        permits.acquire_owned().await.ok()
    }

    /// Lets a thread do what takes long, or wait for the process that does.
    async fn off_thread<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Compiler) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let compiler = Arc::clone(&self.shared.compiler);
        off_thread(move || act(&compiler))
            .await
            .map_err(Failure::Panicked)?
    }
}
