//! The tasks of all environments, and how a reload changes them.
//!
//! First comes the index of the environments that are served already: a removed environment has no key in it, a rotated
//! one has its new key. Then the tasks change. Added environments enter the index after each of them was tried once, so
//! that their keys are known when there is an answer, and readiness does not fail for a document that is on its way.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use contract::{BoardWords, Index};
use log::{debug, warn};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::sleep;

use super::change::Change;
use super::listing;
use super::orders::{Countdown, Orders};
use super::realtime::Follower;
use super::shared::Shared;
use super::task::Task;
use crate::blocking::off_thread;
use crate::notice::Notice;
use crate::publish::settle;
use crate::source::realtime::Realtime;
use crate::words::Seconds;
use contract::with_causes;

/// The first tries of added environments are waited for at most so long.
const FIRST_TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// The delay before an index that could not be published is tried again.
const INDEX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The tasks of the poller's thread.
pub(super) struct Tasks {
    shared: Rc<Shared>,
    realtime: Option<Rc<Realtime>>,
    running: JoinSet<()>,
    /// The environments' tasks, by row.
    by_row: HashMap<usize, Handle>,
}

struct Handle {
    client_side_key: String,
    abort: AbortHandle,
    orders: Rc<Orders>,
    /// Follows upstream's events.
    follower: Option<AbortHandle>,
}

impl Tasks {
    /// The task that settles, and none for an environment yet.
    pub(super) fn new(shared: Shared) -> Self {
        let mut running = JoinSet::new();
        // An earlier run may have left something to settle.
        shared.unsettled.notify_one();
        let publication = Arc::clone(&shared.compiler.publication);
        running.spawn_local(settle(publication, Rc::clone(&shared.unsettled)));
        Self {
            shared: Rc::new(shared),
            realtime: None,
            running,
            by_row: HashMap::new(),
        }
    }

    /// Starts the task of an environment.
    pub(super) fn start(&mut self, row: usize, name: String, orders: Orders) {
        let orders = Rc::new(orders);
        let shared = Rc::clone(&self.shared);
        let poll_frequency = shared.poll_frequency.get();
        let client_side_key = name.clone();
        let task = Task::new(row, name, poll_frequency, Rc::clone(&orders), shared);
        let handle = Handle {
            client_side_key,
            abort: self.running.spawn_local(task.run()),
            orders,
            follower: None,
        };
        self.by_row.insert(row, handle);
        self.follow(row);
    }

    /// Follows upstream's events so from now on.
    pub(super) fn set_realtime(&mut self, realtime: Option<Realtime>) {
        self.realtime = realtime.map(Rc::new);
        let rows: Vec<_> = self.by_row.keys().copied().collect();
        for row in rows {
            self.follow(row);
        }
    }

    /// Follows the events of an environment as it is to be done now.
    fn follow(&mut self, row: usize) {
        let Some(handle) = self.by_row.get_mut(&row) else {
            return;
        };
        if let Some(follower) = handle.follower.take() {
            follower.abort();
            self.shared.disconnection.remove(row);
            self.shared.board.environment(row).set_realtime(None);
            let poll_frequency = self.shared.poll_frequency.get();
            let orders = &handle.orders;
            orders.give(|order| order.poll_frequency = Some(poll_frequency));
        }
        if let Some(realtime) = &self.realtime {
            let follower = Follower {
                row,
                client_side_key: handle.client_side_key.clone(),
                realtime: Rc::clone(realtime),
                orders: Rc::clone(&handle.orders),
                shared: Rc::clone(&self.shared),
            };
            handle.follower = Some(self.running.spawn_local(follower.run()));
        }
    }

    /// Waits until a task ends.
    pub(super) async fn ended(&mut self) -> Option<Result<(), JoinError>> {
        self.running.join_next().await
    }

    /// Starts the task that lists the environments again and again. What changes is sent there.
    pub(super) fn list(&mut self, changed: UnboundedSender<Vec<usize>>) {
        let shared = Rc::clone(&self.shared);
        self.running.spawn_local(listing::run(shared, changed));
    }

    /// The documents of these rows are others.
    pub(super) fn fetch_now(&self, rows: &[usize]) {
        for task in rows.iter().filter_map(|row| self.by_row.get(row)) {
            task.orders.give(|order| order.fetch_now = true);
        }
    }

    /// The time between two fetches of an environment.
    pub(super) fn poll_frequency(&self) -> Duration {
        self.shared.poll_frequency.get()
    }

    /// Every environment that failed with upstream is fetched now. The bound on fetches spreads them.
    pub(super) fn upstream_is_back(&self) {
        debug!("upstream answers again: trying the environments that failed with it");
        for task in self.by_row.values() {
            task.orders.give(|order| order.upstream_is_back = true);
        }
    }

    /// Every environment whose document a worker was told to have changed is fetched now, and whole.
    pub(super) fn fetch_wanted(&self) {
        for (row, task) in &self.by_row {
            if self.shared.board.environment(*row).take_wanted() {
                task.orders.give(|order| order.fetch_now = true);
            }
        }
    }

    /// Applies a change, or nothing of it. [`Notice::ChangeApplied`] follows, sometimes later.
    pub(super) async fn apply(&mut self, change: Change) {
        if let Some(index) = change.index_at_once {
            let index = Arc::new(index);
            let published = publish_index(&self.shared, index, change.removed.clone()).await;
            if published.is_err() {
                conclude(&self.shared, published);
                return;
            }
        }
        for row in change.removed {
            if let Some(task) = self.by_row.remove(&row) {
                task.abort.abort();
                if let Some(follower) = task.follower {
                    follower.abort();
                }
            }
            self.shared.outage.remove(row);
            self.shared.disconnection.remove(row);
            self.shared.documents.remove(row);
        }
        self.shared.fetch_rules.set(change.fetch_rules);
        if change.is_elsewhere {
            self.shared.trust.take();
        }
        let recompiles = self.shared.compile_options.replace(change.compile_options);
        let recompiles = recompiles != change.compile_options;
        let has_new_source = change.source.is_some();
        if let Some(source) = change.source {
            self.shared.documents.set_source(source);
        }
        if let Some(poll_frequency) = change.poll_frequency {
            self.shared.poll_frequency.set(poll_frequency);
        }
        if has_new_source || change.poll_frequency.is_some() {
            self.shared.relist.notify_one();
        }
        if has_new_source || change.poll_frequency.is_some() || recompiles {
            for (row, task) in &self.by_row {
                let is_connected = self.shared.board.environment(*row).realtime() == Some(true);
                let poll_frequency = change.poll_frequency.filter(|_| !is_connected);
                task.orders.give(|order| {
                    order.poll_frequency = poll_frequency.or(order.poll_frequency);
                    order.retry = true;
                    order.fetch_now |= change.is_elsewhere || recompiles;
                });
            }
        }
        if let Some(realtime) = change.realtime {
            self.set_realtime(realtime);
        }
        for (row, entry, access) in change.rotated {
            self.shared.documents.set_access(row, access);
            let Some(task) = self.by_row.get_mut(&row) else {
                continue;
            };
            let client_side_key = entry.pair.client_side_key;
            task.orders.give(|order| {
                order.name = Some(client_side_key.clone());
                order.fetch_now = true;
            });
            // Upstream's events are of this key.
            if task.client_side_key != client_side_key {
                task.client_side_key = client_side_key;
                self.follow(row);
            }
        }
        let Some(index) = change.index_with_added else {
            conclude(&self.shared, Ok(()));
            return;
        };
        let countdown = Countdown::of(change.added.len());
        for (row, entry, access) in change.added {
            self.shared.documents.set_access(row, access);
            let publication = &self.shared.compiler.publication;
            publication.expect(row, entry.file);
            let orders = Orders::for_added(&countdown);
            self.start(row, entry.pair.client_side_key, orders);
        }
        let shared = Rc::clone(&self.shared);
        self.running
            .spawn_local(index_added(shared, countdown, index));
    }
}

/// Publishes the index with the added environments when each was tried once.
async fn index_added(shared: Rc<Shared>, countdown: Rc<Countdown>, index: Index) {
    countdown.wait(FIRST_TRY_TIMEOUT).await;
    let index = Arc::new(index);
    // The rest of the change is applied and cannot be undone, so this is tried until it succeeds.
    while let Err(reason) = publish_index(&shared, Arc::clone(&index), Vec::new()).await {
        warn!(
            error:% = reason, retry_seconds = INDEX_RETRY_DELAY.as_secs_f64();
            "added environments are not served yet: {reason}; next try in {}",
            Seconds(INDEX_RETRY_DELAY)
        );
        sleep(INDEX_RETRY_DELAY).await;
    }
    conclude(&shared, Ok(()));
}

async fn publish_index(
    shared: &Shared,
    index: Arc<Index>,
    retired: Vec<usize>,
) -> Result<(), String> {
    let publication = Arc::clone(&shared.compiler.publication);
    off_thread(move || publication.change(&index, &retired))
        .await?
        .map_err(|error| with_causes(&error))?;
    shared.compiler.notifier.notify(Notice::Published);
    shared.unsettled.notify_one();
    Ok(())
}

fn conclude(shared: &Shared, outcome: Result<(), String>) {
    let notice = Notice::ChangeApplied(outcome);
    shared.compiler.notifier.notify(notice);
}
