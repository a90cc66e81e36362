//! One environment's task: ask, adopt, wait, for ever. Knows nothing of the other environments but their bound.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use contract::{BoardWords, counted};
use engine::Environment;
use log::{debug, info, warn};
use tokio::task::spawn_blocking;

use super::orders::Orders;
use super::{Shared, message};
use crate::poll::freshness::Condition;
use crate::publish::compile::{Adopted, Adopter};
use crate::publish::failure::Failure;
use crate::publish::outage::Trouble;
use crate::schedule::{Schedule, Seconds};
use crate::source::upstream::{Answer, Document, FetchError};

/// One environment and its task.
pub(super) struct Polled {
    row: usize,
    name: String,
    schedule: Schedule,
    condition: Condition,
    published: Option<Published>,
    orders: Rc<Orders>,
    trouble: Trouble,
    shared: Rc<Shared>,
}

/// The document that is served.
struct Published {
    /// `None`: it is to be published again, even if it is the same.
    digest: Option<u128>,
    updated_at: Option<String>,
}

impl Polled {
    pub(super) fn new(
        row: usize,
        name: String,
        interval: Duration,
        orders: Rc<Orders>,
        shared: Rc<Shared>,
    ) -> Self {
        // Embedded documents may be others than those of an earlier run, and are at hand.
        let warm = (!shared.supplier.is_embedded())
            .then(|| shared.adopter.publication.take_warm(row))
            .flatten();
        let published = warm.map(|warm| Published {
            digest: warm.digest,
            updated_at: warm.updated_at,
        });
        if published.is_none() && !orders.is_for_added() {
            shared.progress.expect();
        }
        Self {
            row,
            name,
            schedule: Schedule::new(interval),
            condition: Condition::default(),
            published,
            orders,
            trouble: Trouble::with(&shared.outage),
            shared,
        }
    }

    pub(super) async fn keep(mut self) {
        loop {
            let result = match self.shared.clone().permits.acquire().await {
                // Boxed, so that the thousands that only wait do not hold room for a fetch each.
                Ok(_permit) => Box::pin(self.update()).await,
                // Nobody closes the semaphore.
                Err(_) => return,
            };
            self.orders.tried();
            let chance = self.shared.dice.borrow_mut().f64();
            let delay = match result {
                Ok(()) => {
                    self.trouble.passed();
                    let failures = self.schedule.failures();
                    if failures > 0 {
                        info!(
                            "environment {} updated again after {}",
                            self.name,
                            counted(failures, "failure")
                        );
                    }
                    self.schedule.succeeded(chance)
                }
                Err(failure @ Failure::Publish(_)) => {
                    let what = format!("environment {} not updated: {failure}", self.name);
                    self.trouble.failed(&what);
                    self.schedule.regular(chance)
                }
                Err(failure) => {
                    let retry_after = match &failure {
                        Failure::Fetch(error) => error.retry_after(),
                        _ => None,
                    };
                    let delay = self.schedule.failed(retry_after, chance);
                    warn!(
                        "environment {} not updated: {failure}; next try in {}",
                        self.name,
                        Seconds(delay)
                    );
                    delay
                }
            };
            self.rest(delay).await;
        }
    }

    /// Waits until the next try is due, and does what is ordered meanwhile.
    async fn rest(&mut self, mut delay: Duration) {
        let since = Instant::now();
        loop {
            let left = delay.saturating_sub(since.elapsed());
            let Some(order) = self.orders.within(left).await else {
                return;
            };
            let failing = self.schedule.failures() > 0;
            if let Some(name) = order.name {
                self.name = name;
            }
            if let Some(interval) = order.interval {
                self.schedule.set_interval(interval);
                if !failing {
                    let chance = self.shared.dice.borrow_mut().f64();
                    delay = self.schedule.succeeded(chance);
                }
            }
            if order.anew {
                // Another key or another upstream: what the last one said means nothing to it.
                self.condition = Condition::default();
            }
            if order.anew || order.retry && failing {
                return;
            }
        }
    }

    async fn update(&mut self) -> Result<(), Failure> {
        let adopted = match self.ask().await? {
            Answer::Document(document) => self.adopt(document).await?,
            Answer::NotModified(timing) => {
                self.condition.confirmed(timing);
                None
            }
        };
        self.shared.board.set_fetched(self.row, SystemTime::now());
        match adopted {
            Some(environment) => {
                self.complete(environment).await;
                self.shared.unsettled.notify_one();
                Ok(())
            }
            None => self.check_in_place(),
        }
    }

    /// What somebody removed is still served by those who hold it, but lost to workers to come: it is published again
    /// with the next poll.
    fn check_in_place(&mut self) -> Result<(), Failure> {
        if self.shared.adopter.publication.is_in_place(self.row) {
            return Ok(());
        }
        if let Some(published) = &mut self.published {
            published.digest = None;
        }
        self.condition = Condition::default();
        let reason = "its snapshot is gone from the state directory";
        Err(Failure::Publish(reason.to_owned()))
    }

    async fn ask(&self) -> Result<Answer, FetchError> {
        let since = self.condition.since(Instant::now());
        let is_published = self.published.is_some();
        let supplier = &self.shared.supplier;
        supplier.ask(self.row, since, is_published).await
    }

    /// Returns the environment if it is another one than before.
    async fn adopt(&mut self, document: Document) -> Result<Option<Environment>, Failure> {
        let row = self.row;
        let body = document.body;
        let held = self
            .published
            .as_ref()
            .and_then(|published| published.digest);
        let adopted = self
            .off_thread(move |adopter| adopter.adopt(row, &body, held))
            .await
            // It is still to come, whatever upstream changes meanwhile.
            .inspect_err(|_| self.condition = Condition::default())?;
        let environment = adopted.map(|adopted| self.note(adopted));
        let updated_at = self
            .published
            .as_ref()
            .and_then(|published| published.updated_at.as_deref());
        self.condition
            .received(updated_at, document.last_modified, document.timing);
        Ok(environment)
    }

    fn note(&mut self, adopted: Adopted) -> Environment {
        let Adopted {
            environment,
            generation,
            digest,
            length,
            warnings,
        } = adopted;
        let line = format_args!("published: generation {generation}, {length} bytes");
        if self.published.is_some() {
            info!("environment {} {line}", self.name);
        } else {
            debug!("environment {} {line}", self.name);
            if !self.orders.is_for_added() {
                self.shared.progress.arrived();
            }
        }
        for warning in warnings {
            warn!("environment {}: {warning}", self.name);
        }
        self.published = Some(Published {
            digest: Some(digest),
            updated_at: environment.updated_at().map(str::to_owned),
        });
        environment
    }

    /// What is served already becomes cheaper to send. Should that fail, it is served as it is.
    async fn complete(&self, environment: Environment) {
        let row = self.row;
        let completed = self
            .off_thread(move |adopter| adopter.complete(row, environment))
            .await;
        match completed {
            Ok(None) => {}
            Ok(Some(generation)) => {
                debug!(
                    "environment {} compressed: generation {generation}",
                    self.name
                );
            }
            Err(failure) => {
                warn!(
                    "environment {} is served uncompressed: {failure}",
                    self.name
                );
            }
        }
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Adopter) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let adopter = Arc::clone(&self.shared.adopter);
        spawn_blocking(move || act(&adopter))
            .await
            .map_err(|error| Failure::Panicked(message(error)))?
    }
}
