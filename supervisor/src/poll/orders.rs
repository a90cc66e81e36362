//! What the task of an environment is told while it runs, and when it has tried once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// The orders for one task. They are kept until the task takes them.
#[derive(Default)]
pub(super) struct Orders {
    pending: RefCell<Order>,
    given: Notify,
    /// For an environment that was added: counts down after its first try.
    first_try: Cell<Option<Rc<Countdown>>>,
    is_for_added: bool,
}

/// Everything that was ordered since the task last took its orders.
#[derive(Default)]
pub(super) struct Order {
    /// The environment's new name.
    pub(super) name: Option<String>,
    pub(super) poll_frequency: Option<Duration>,
    /// Fetch now and unconditionally.
    pub(super) fetch_now: bool,
    /// Fetch now if the last try failed.
    pub(super) retry: bool,
    /// Fetch now if the last try failed with upstream.
    pub(super) upstream_is_back: bool,
}

/// The number of tasks that have not tried yet.
pub(super) struct Countdown {
    left: Cell<usize>,
    counted: Notify,
}

impl Orders {
    /// For the task of an added environment, whose first try is counted.
    pub(super) fn for_added(countdown: &Rc<Countdown>) -> Self {
        Self {
            first_try: Cell::new(Some(Rc::clone(countdown))),
            is_for_added: true,
            ..Self::default()
        }
    }

    /// Whether the environment was added by a reload.
    pub(super) fn is_for_added(&self) -> bool {
        self.is_for_added
    }

    /// Adds to the pending order, and wakes the task.
    pub(super) fn give(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.pending.borrow_mut());
        self.given.notify_one();
    }

    /// Waits for an order; `None` if there is none within this time.
    pub(super) async fn take_within(&self, time: Duration) -> Option<Order> {
        timeout(time, self.given.notified()).await.ok()?;
        Some(self.pending.take())
    }

    /// The task has tried, with or without success.
    pub(super) fn tried(&self) {
        if let Some(countdown) = self.first_try.take() {
            countdown.left.set(countdown.left.get().saturating_sub(1));
            countdown.counted.notify_one();
        }
    }
}

impl Countdown {
    pub(super) fn of(tasks: usize) -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(tasks),
            counted: Notify::new(),
        })
    }

    /// Waits until every task has tried once, at most so long.
    pub(super) async fn wait(&self, time: Duration) {
        let all = async {
            while self.left.get() > 0 {
                self.counted.notified().await;
            }
        };
        // The tasks that take longer are not waited for.
        let _ = timeout(time, all).await;
    }
}
