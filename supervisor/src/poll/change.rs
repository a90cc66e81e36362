//! What a reload changes for the poller, while it polls. Knows nothing of where settings come from.
//!
//! First the index of those that are served already: what was removed opens nothing from here on, what has another key
//! opens by that. Then the tasks. Added environments enter the index when each of them was tried once: they are known
//! when they can be answered for, and readiness does not fail because of one whose document is on its way.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use contract::{Index, with_causes};
use log::warn;
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};

use super::orders::{Countdown, Orders};
use super::task::Polled;
use super::{Shared, message};
use crate::environments::roster::Seat;
use crate::notice::Notice;
use crate::schedule::Seconds;
use crate::source::upstream::{Credential, Upstream};

/// How long the first tries of added environments are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait after the index could not be published.
const AGAIN: Duration = Duration::from_secs(1);

/// Everything that changes.
pub(crate) struct Change {
    /// Upstream, if it is to be talked to in another way.
    pub(crate) upstream: Option<Upstream>,
    /// Whether that is another one, whose documents may be others.
    pub(crate) elsewhere: bool,
    /// About how long to wait from one fetch of an environment to the next, if that changes.
    pub(crate) interval: Option<Duration>,
    /// By row.
    pub(crate) added: Vec<(usize, Seat, Credential)>,
    /// By row.
    pub(crate) rotated: Vec<(usize, Seat, Credential)>,
    pub(crate) removed: Vec<usize>,
    /// The index without those that are added, where it differs from the one before.
    pub(crate) at_once: Option<Index>,
    /// The index with those that are added, if there are any.
    pub(crate) in_the_end: Option<Index>,
}

/// A task of an environment.
pub(super) struct Task {
    pub(super) abort: AbortHandle,
    pub(super) orders: Rc<Orders>,
}

impl Shared {
    /// Starts to keep an environment.
    pub(super) fn keep(
        self: &Rc<Self>,
        tasks: &mut JoinSet<()>,
        row: usize,
        name: String,
        orders: Orders,
    ) {
        let orders = Rc::new(orders);
        let interval = self.interval.get();
        let environment = Polled::new(row, name, interval, Rc::clone(&orders), Rc::clone(self));
        let abort = tasks.spawn_local(environment.keep());
        self.tasks.borrow_mut().insert(row, Task { abort, orders });
    }

    /// Applies a change, or nothing of it. The answer comes with a ring, sometimes later.
    pub(super) async fn change(self: &Rc<Self>, tasks: &mut JoinSet<()>, change: Change) {
        if let Some(index) = change.at_once
            && let Err(reason) = self.publish_index(index, change.removed.clone()).await
        {
            self.conclude(Err(reason));
            return;
        }
        for row in &change.removed {
            if let Some(task) = self.tasks.borrow_mut().remove(row) {
                task.abort.abort();
            }
            self.supplier.forget(*row);
        }
        let renewed = change.upstream.is_some();
        if let Some(upstream) = change.upstream {
            self.supplier.renew(upstream);
        }
        if let Some(interval) = change.interval {
            self.interval.set(interval);
        }
        for task in self.tasks.borrow().values() {
            if renewed || change.interval.is_some() {
                task.orders.give(|order| {
                    order.interval = change.interval.or(order.interval);
                    order.retry = true;
                    order.anew |= change.elsewhere;
                });
            }
        }
        for (row, seat, credential) in change.rotated {
            self.supplier.learn(row, credential);
            if let Some(task) = self.tasks.borrow().get(&row) {
                task.orders.give(|order| {
                    order.name = Some(seat.pair.client_side_key);
                    order.anew = true;
                });
            }
        }
        let Some(index) = change.in_the_end else {
            self.conclude(Ok(()));
            return;
        };
        let countdown = Countdown::of(change.added.len());
        for (row, seat, credential) in change.added {
            self.supplier.learn(row, credential);
            self.adopter.publication.expect(row, seat.file);
            let orders = Orders::expected(&countdown);
            self.keep(tasks, row, seat.pair.client_side_key, orders);
        }
        tasks.spawn_local(Rc::clone(self).welcome(countdown, index));
    }

    /// Lets added environments in.
    async fn welcome(self: Rc<Self>, countdown: Rc<Countdown>, index: Index) {
        countdown.wait(PATIENCE).await;
        let index = Arc::new(index);
        // There is no way back by now, and nothing else to be done than to try.
        while let Err(reason) = self.publish_index(Arc::clone(&index), Vec::new()).await {
            warn!(
                "added environments are not served yet: {reason}; next try in {}",
                Seconds(AGAIN)
            );
            actix_rt::time::sleep(AGAIN).await;
        }
        self.conclude(Ok(()));
    }

    async fn publish_index(
        &self,
        index: impl Into<Arc<Index>>,
        retired: Vec<usize>,
    ) -> Result<(), String> {
        let index = index.into();
        let adopter = Arc::clone(&self.adopter);
        let published = spawn_blocking(move || adopter.publication.change(&index, &retired));
        match published.await {
            Ok(published) => published.map_err(|error| with_causes(&error))?,
            Err(error) => return Err(message(error)),
        }
        self.adopter.bell.ring(Notice::Published);
        self.unsettled.notify_one();
        Ok(())
    }

    fn conclude(&self, outcome: Result<(), String>) {
        // Nobody listens when the proxy ends meanwhile.
        let _ = self.outcomes.send(outcome);
        self.adopter.bell.ring(Notice::Changed);
    }
}
