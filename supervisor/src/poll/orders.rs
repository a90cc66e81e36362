//! What an environment's task is told while it runs, and what it tells back: that it has tried once. Knows nothing of
//! fetching.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_rt::time::timeout;
use tokio::sync::Notify;

/// What one task is told. It is kept for the task until it looks.
#[derive(Default)]
pub(super) struct Orders {
    given: RefCell<Order>,
    news: Notify,
    /// For an environment that was added: to be told of the first try.
    first: Cell<Option<Rc<Countdown>>>,
    is_for_added: bool,
}

/// Everything that was ordered since the task looked.
#[derive(Default)]
pub(super) struct Order {
    /// The environment is called this.
    pub(super) name: Option<String>,
    /// It is fetched this often.
    pub(super) interval: Option<Duration>,
    /// It is fetched at once, whatever is known of it.
    pub(super) anew: bool,
    /// It is fetched at once if the last try failed.
    pub(super) retry: bool,
}

/// Tries that are waited for.
pub(super) struct Countdown {
    left: Cell<usize>,
    over: Notify,
}

impl Orders {
    /// Those of a task whose first try is waited for.
    pub(super) fn expected(countdown: &Rc<Countdown>) -> Self {
        Self {
            first: Cell::new(Some(Rc::clone(countdown))),
            is_for_added: true,
            ..Self::default()
        }
    }

    /// Whether the environment was added while others were served.
    pub(super) fn is_for_added(&self) -> bool {
        self.is_for_added
    }

    /// Adds to what is ordered, and wakes the task.
    pub(super) fn give(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.given.borrow_mut());
        self.news.notify_one();
    }

    /// What is ordered within this time; `None` if nothing is.
    pub(super) async fn within(&self, time: Duration) -> Option<Order> {
        timeout(time, self.news.notified()).await.ok()?;
        Some(self.given.take())
    }

    /// The task has tried, with or without success.
    pub(super) fn tried(&self) {
        if let Some(countdown) = self.first.take() {
            countdown.left.set(countdown.left.get().saturating_sub(1));
            countdown.over.notify_one();
        }
    }
}

impl Countdown {
    pub(super) fn of(tasks: usize) -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(tasks),
            over: Notify::new(),
        })
    }

    /// Waits until every task has tried once, but not for longer than this.
    pub(super) async fn wait(&self, patience: Duration) {
        let all = async {
            while self.left.get() > 0 {
                self.over.notified().await;
            }
        };
        // Whoever takes longer is not waited for.
        let _ = timeout(patience, all).await;
    }
}
