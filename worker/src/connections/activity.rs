//! What one connection does, since when, and how many bytes this process holds for it.
//!
//! ```text
//!          byte received                the body did not come with the head
//!  Idle ------------------> ReceivingHead -------------------------------> ReceivingBody
//!   ^ ^                      |   |    ^                                         |
//!   | |  answer is written   |   |    |            body is received             |
//!   | +----------------------+   |    +-----------------------------------------+
//!   |                            |  socket is full
//!   |     answer is written      v
//!   +------------------------ Sending
//! ```
//!
//! A request that is being answered counts as `ReceivingHead`: an answer takes no time unless its body has to be
//! waited for or its client does not read.

use std::cell::Cell;

use super::tick::Tick;

/// How many bytes of an answer a client has to take in each tick, once it has been sent to for `keep_alive`. A slower
/// client keeps the memory of a retired document in use.
const MIN_BYTES_PER_TICK: u64 = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of the next request has arrived.
    Idle,
    /// Some bytes of a request have arrived.
    ReceivingHead,
    /// The head of a request has arrived. Its body has a deadline of its own.
    ReceivingBody,
    /// The socket is full: the client reads more slowly than the answer is written.
    Sending,
}

/// What one connection does.
#[derive(Debug)]
pub(crate) struct Activity {
    phase: Cell<Phase>,
    /// When the phase began; kept for `ReceivingHead` and `Sending`.
    since: Cell<Tick>,
    /// When a byte was last received or sent.
    moved: Cell<Tick>,
    /// Bytes of requests that are not answered and of answers that are not sent.
    held_bytes: Cell<usize>,
    /// Bytes sent since `Sending` began.
    sent_bytes: Cell<u64>,
    /// Bytes were written since the socket was last fully flushed.
    unflushed: Cell<bool>,
    /// At least one request was answered.
    has_served: Cell<bool>,
}

/// How long a connection may stay in a phase, in ticks. Named after the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) keep_alive: u32,
    pub(super) header_timeout: u32,
}

impl Activity {
    /// The activity of a connection that opens now.
    pub(super) fn new(now: Tick) -> Self {
        Self {
            phase: Cell::new(Phase::Idle),
            since: Cell::new(now),
            moved: Cell::new(now),
            held_bytes: Cell::default(),
            sent_bytes: Cell::default(),
            unflushed: Cell::default(),
            has_served: Cell::default(),
        }
    }

    /// Notes that bytes of a request were received.
    #[inline]
    pub(super) fn received(&self, bytes: usize, now: Tick) {
        self.moved.set(now);
        if self.phase.get() == Phase::Idle {
            self.phase.set(Phase::ReceivingHead);
            self.since.set(now);
        }
        self.held_bytes.update(|held| held + bytes);
    }

    /// Notes that the body of the request has not arrived with its head.
    pub(crate) fn waits_for_body(&self) {
        if self.phase.get() != Phase::Sending {
            self.phase.set(Phase::ReceivingBody);
        }
    }

    /// Notes that a body that was waited for has arrived.
    pub(crate) fn body_received(&self) {
        if self.phase.get() == Phase::ReceivingBody {
            self.phase.set(Phase::ReceivingHead);
            self.since.set(self.moved.get());
        }
    }

    /// Notes that `100 Continue` was sent, which belongs to no answer.
    pub(super) fn sent_continue(&self, now: Tick) {
        self.moved.set(now);
    }

    /// Notes that bytes of an answer were sent.
    #[inline]
    pub(super) fn sent(&self, bytes: usize, now: Tick) {
        self.moved.set(now);
        self.unflushed.set(true);
        if self.phase.get() == Phase::Sending {
            self.sent_bytes.update(|sent| sent + bytes as u64);
        }
    }

    /// Notes that the socket is full and that `waiting` more bytes are held until it takes them. Returns how many of
    /// them were not counted before.
    pub(super) fn blocked(&self, waiting: usize, now: Tick) -> usize {
        if self.phase.get() == Phase::Sending {
            return 0;
        }
        self.phase.set(Phase::Sending);
        self.since.set(now);
        self.sent_bytes.set(0);
        self.held_bytes.update(|held| held + waiting);
        waiting
    }

    /// Notes that everything is sent. Returns how many bytes are no longer held, and whether the socket was full.
    #[inline]
    pub(super) fn flushed(&self) -> (usize, bool) {
        if !self.unflushed.replace(false) {
            return (0, false);
        }
        if self.phase.get() == Phase::ReceivingBody {
            // Not an answer: the client was told to send its body.
            return (0, false);
        }
        self.has_served.set(true);
        let was_full = self.phase.replace(Phase::Idle) == Phase::Sending;
        (self.held_bytes.take(), was_full)
    }

    /// The socket is full. No further request is read until the client has taken its answers.
    #[inline]
    pub(super) fn is_sending(&self) -> bool {
        self.phase.get() == Phase::Sending
    }

    /// No byte of a request has arrived.
    pub(super) fn is_idle(&self) -> bool {
        self.phase.get() == Phase::Idle
    }

    /// The connection may be closed to make room. A new connection has one tick to send its first request.
    pub(super) fn is_evictable(&self, now: Tick) -> bool {
        self.is_idle() && (self.has_served() || self.silent_for(now) > 1)
    }

    /// At least one request was answered.
    pub(super) fn has_served(&self) -> bool {
        self.has_served.get()
    }

    /// Ticks since a byte was received or sent.
    pub(super) fn silent_for(&self, now: Tick) -> u32 {
        now.since(self.moved.get())
    }

    /// Bytes that this process holds for the connection.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes.get()
    }

    /// The connection has been silent or in its phase for too long.
    pub(super) fn is_overdue(&self, now: Tick, timeouts: Timeouts) -> bool {
        if self.silent_for(now) > timeouts.keep_alive {
            return true;
        }
        let ticks = now.since(self.since.get());
        match self.phase.get() {
            Phase::Idle | Phase::ReceivingBody => false,
            Phase::ReceivingHead => ticks > timeouts.header_timeout,
            Phase::Sending => {
                let earned = self.sent_bytes.get() / MIN_BYTES_PER_TICK;
                u64::from(ticks) > u64::from(timeouts.keep_alive) + earned
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Tick = Tick(0);
    const TIMEOUTS: Timeouts = Timeouts {
        keep_alive: 75,
        header_timeout: 5,
    };

    /// The first tick at which the connection is overdue, when `act` runs first in each tick.
    fn overdue(activity: &Activity, act: impl Fn(Tick)) -> Option<u32> {
        (1..10_000).find(|&tick| {
            act(Tick(tick));
            activity.is_overdue(Tick(tick), TIMEOUTS)
        })
    }

    #[test]
    fn a_head_that_trickles_in_is_overdue_whatever_came_before() {
        let first = Activity::new(START);
        assert_eq!(overdue(&first, |tick| first.received(1, tick)), Some(7));
        let later = Activity::new(START);
        later.received(100, START);
        later.sent(1000, START);
        later.flushed();
        assert!(later.is_evictable(START));
        let trickle = |tick: Tick| {
            if tick.0 > 60 {
                later.received(1, tick);
            }
        };
        assert_eq!(overdue(&later, trickle), Some(67));
    }

    #[test]
    fn requests_that_are_answered_are_never_overdue() {
        let activity = Activity::new(START);
        let request = |tick| {
            activity.received(100, tick);
            activity.sent(1000, tick);
            assert_eq!(activity.flushed(), (100, false));
        };
        assert_eq!(overdue(&activity, request), None);
    }

    #[test]
    fn a_body_is_not_timed_here_but_its_silence_is() {
        let activity = Activity::new(START);
        activity.received(100, START);
        activity.waits_for_body();
        assert!(!activity.is_evictable(START));
        assert_eq!(overdue(&activity, |_| {}), Some(76));
    }

    #[test]
    fn an_answer_that_is_taken_too_slowly_is_overdue() {
        let sent_at = |rate: usize| {
            let activity = Activity::new(START);
            activity.received(100, START);
            activity.sent(1000, START);
            assert_eq!(activity.blocked(7, START), 7);
            let overdue = overdue(&activity, |tick| activity.sent(rate, tick));
            assert_eq!(activity.held_bytes(), 107);
            overdue
        };
        assert_eq!(sent_at(100), Some(76));
        assert_eq!(sent_at(32 * 1024), Some(151));
        assert_eq!(sent_at(64 * 1024), None);
    }

    #[test]
    fn a_new_connection_is_not_evictable_for_a_tick() {
        let activity = Activity::new(Tick(7));
        assert!(!activity.is_evictable(Tick(8)));
        assert!(activity.is_evictable(Tick(9)));
    }

    #[test]
    fn a_request_whose_client_was_told_to_continue_is_not_answered_yet() {
        let activity = Activity::new(START);
        activity.received(100, START);
        activity.waits_for_body();
        activity.sent(25, START);
        assert_eq!(activity.flushed(), (0, false));
        activity.received(50, Tick(3));
        assert!(!activity.is_evictable(Tick(20)) && !activity.is_overdue(Tick(20), TIMEOUTS));
        activity.body_received();
        activity.sent(1000, Tick(20));
        assert_eq!(activity.flushed(), (150, false));
        assert!(activity.is_evictable(Tick(20)));
    }
}
