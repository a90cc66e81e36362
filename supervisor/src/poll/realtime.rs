//! Follows upstream's events of one environment and orders the fetches that they ask for. Polling goes on, more rarely
//! while the stream is connected.

use std::rc::Rc;
use std::time::{Duration, Instant};

use contract::BoardWords;
use tokio::time::sleep;

use super::orders::Orders;
use super::shared::Shared;
use crate::source::realtime::{Events, Realtime, RealtimeError};

/// A stream that lasted so long is opened again at once, however it ended.
const WORTH_REOPENING: Duration = Duration::from_secs(1);

/// Bounds the back-off to about half a minute.
const MAX_DOUBLINGS: u32 = 5;

/// What follows one environment.
pub(super) struct Follower {
    pub(super) row: usize,
    pub(super) client_side_key: String,
    pub(super) realtime: Rc<Realtime>,
    pub(super) orders: Rc<Orders>,
    pub(super) shared: Rc<Shared>,
}

impl Follower {
    /// Follows for ever.
    pub(super) async fn run(self) {
        let mut last_event_id = None;
        let mut is_connected = false;
        let mut failures = 0;
        self.tell(false);
        loop {
            let failure = match self.open(last_event_id.as_deref()).await {
                Ok(events) => {
                    if !is_connected {
                        is_connected = true;
                        self.connected();
                    }
                    if last_event_id.is_none() {
                        // Nobody tells what has changed since the last fetch.
                        self.orders.give(|order| order.fetch_now = true);
                    }
                    let since = Instant::now();
                    self.listen(events, &mut last_event_id).await;
                    if since.elapsed() >= WORTH_REOPENING {
                        failures = 0;
                        continue;
                    }
                    RealtimeError::TooShort
                }
                Err(failure) => {
                    // A fetch takes its place: whatever was missed meanwhile, and whatever upstream thinks of that id.
                    last_event_id = None;
                    failure
                }
            };
            is_connected = false;
            self.disconnected(&failure);
            let wait = Duration::from_secs(1 << failures.min(MAX_DOUBLINGS));
            failures += 1;
            sleep(wait.mul_f64(0.5 + 0.5 * self.shared.chance())).await;
        }
    }

    async fn open(&self, last_event_id: Option<&str>) -> Result<Events, RealtimeError> {
        // Nobody closes the semaphore.
        let _permit = self.shared.open_permits.acquire().await.ok();
        self.realtime
            .open(&self.client_side_key, last_event_id)
            .await
    }

    /// Orders a fetch for each event, until the stream ends.
    async fn listen(&self, mut events: Events, last_event_id: &mut Option<String>) {
        while let Some(event) = events.next().await {
            if event.data.is_some() {
                let spread = self.realtime.fetch_spread;
                if !spread.is_zero() {
                    sleep(spread.mul_f64(self.shared.chance())).await;
                }
                self.orders.give(|order| order.fetch_now = true);
            }
            // An empty id takes the last one back.
            match event.id {
                Some(id) if id.is_empty() => *last_event_id = None,
                Some(id) => *last_event_id = Some(id),
                None => {}
            }
        }
    }

    fn connected(&self) {
        self.tell(true);
        self.shared.disconnection.passed(self.row);
        let poll_frequency = self.realtime.poll_frequency;
        self.orders
            .give(|order| order.poll_frequency = Some(poll_frequency));
    }

    fn disconnected(&self, failure: &RealtimeError) {
        self.tell(false);
        let key = &self.client_side_key;
        let what = format!("environment {key}: realtime is not connected: {failure}");
        self.shared.disconnection.failed(self.row, &what);
        let poll_frequency = self.shared.poll_frequency.get();
        self.orders
            .give(|order| order.poll_frequency = Some(poll_frequency));
    }

    fn tell(&self, is_connected: bool) {
        let words = self.shared.board.environment(self.row);
        words.set_realtime(Some(is_connected));
    }
}
