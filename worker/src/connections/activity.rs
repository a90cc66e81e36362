//! What one connection is doing, since when, and how many bytes of it this process holds. Time is counted in ticks. Knows
//! nothing of sockets and of what the bytes mean.
//!
//! ```text
//!              byte read             the rest of the body has to come
//! Waiting ---------------> Receiving --------------------------------> Reading
//!    ^ ^                     |    ^  |                                    |
//!    | |  answer is written  |    |  +---------> Sending                  |
//!    | +---------------------+    |  socket is full |  body is here       |
//!    +----------------------------|-----------------+                     |
//!                                 +---------------------------------------+
//! ```

use std::cell::Cell;

/// How many bytes of an answer a client takes in a tick at the least, once the time that silence may last is over. A
/// client that takes less keeps a retired document from being reclaimed.
const SLOWEST: u64 = 64 * 1024;

/// What a connection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The client's turn: nothing of its next request is here yet.
    Waiting,
    /// Some of a request is here, and nothing says that its head is.
    Receiving,
    /// A request's head is here; whoever reads its body knows until when.
    Reading,
    /// The client does not take its answer as fast as it could get it.
    Sending,
}

/// One connection's part in it.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Cell<State>,
    /// When it came to be in that state; kept for `Receiving` and `Sending`.
    since: Cell<u32>,
    /// When a byte was last read or written.
    moved: Cell<u32>,
    /// What is held of requests that are not answered, and of answers that wait.
    held: Cell<usize>,
    /// Written since it is `Sending`.
    sent: Cell<u64>,
    /// Whether anything was written since all was.
    answered: Cell<bool>,
    /// Whether it ever answered a request.
    served: Cell<bool>,
}

/// How long connections may be at what they do, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without a byte in either direction.
    pub(crate) silence: u32,
    /// With a head that has begun.
    pub(crate) head: u32,
}

impl Activity {
    /// Of a connection that opens now.
    pub(crate) fn new(tick: u32) -> Self {
        Self {
            state: Cell::new(State::Waiting),
            since: Cell::new(tick),
            moved: Cell::new(tick),
            held: Cell::default(),
            sent: Cell::default(),
            answered: Cell::default(),
            served: Cell::default(),
        }
    }

    /// So many bytes were read. Returns how many are held since.
    #[inline]
    pub(crate) fn read(&self, bytes: usize, tick: u32) -> usize {
        self.moved.set(tick);
        if self.state.get() == State::Waiting {
            self.state.set(State::Receiving);
            self.since.set(tick);
        }
        let held = self.held.get() + bytes;
        self.held.set(held);
        held
    }

    /// The head of the request in hand is here, its body is not.
    pub(crate) fn reading(&self) {
        if self.state.get() != State::Sending {
            self.state.set(State::Reading);
        }
    }

    /// Bytes moved, of no request and no answer.
    pub(crate) fn moved(&self, tick: u32) {
        self.moved.set(tick);
    }

    /// The whole body of the request in hand is here after all.
    pub(crate) fn has_read(&self) {
        if self.state.get() == State::Reading {
            self.state.set(State::Receiving);
            self.since.set(self.moved.get());
        }
    }

    /// So many bytes of an answer were written.
    #[inline]
    pub(crate) fn wrote(&self, bytes: usize, tick: u32) {
        self.moved.set(tick);
        self.answered.set(true);
        if self.state.get() == State::Sending {
            self.sent.set(self.sent.get() + bytes as u64);
        }
    }

    /// The socket takes no more for now, and so many more bytes are held for that. Returns how many more they really are.
    pub(crate) fn blocked(&self, more: usize, tick: u32) -> usize {
        if self.state.get() == State::Sending {
            return 0;
        }
        self.state.set(State::Sending);
        self.since.set(tick);
        self.sent.set(0);
        self.held.set(self.held.get() + more);
        more
    }

    /// All that there was to write is written. Returns how many bytes are held no longer, and whether the client had to
    /// be waited for.
    #[inline]
    pub(crate) fn flushed(&self) -> (usize, bool) {
        if !self.answered.replace(false) {
            return (0, false);
        }
        if self.state.get() == State::Reading {
            // It was told to send its body.
            return (0, false);
        }
        self.served.set(true);
        let waited = self.state.replace(State::Waiting) == State::Sending;
        (self.held.take(), waited)
    }

    /// Whether the client has to take what there is before it is listened to again.
    #[inline]
    pub(crate) fn is_sending(&self) -> bool {
        self.state.get() == State::Sending
    }

    /// Whether it could be closed without breaking a request off. A new connection is given a moment to bring its first.
    pub(crate) fn is_idle(&self, tick: u32) -> bool {
        self.is_waiting() && (self.has_served() || self.silent_for(tick) > 1)
    }

    /// Whether it is the client's turn.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state.get() == State::Waiting
    }

    /// Whether it ever answered a request.
    pub(crate) fn has_served(&self) -> bool {
        self.served.get()
    }

    /// Ticks since a byte moved.
    pub(crate) fn silent_for(&self, tick: u32) -> u32 {
        tick.wrapping_sub(self.moved.get())
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// Whether it has been at what it does for too long.
    pub(crate) fn is_overdue(&self, tick: u32, patience: Patience) -> bool {
        if self.silent_for(tick) > patience.silence {
            return true;
        }
        let since = tick.wrapping_sub(self.since.get());
        match self.state.get() {
            State::Waiting | State::Reading => false,
            State::Receiving => since > patience.head,
            State::Sending => {
                u64::from(since) > u64::from(patience.silence) + self.sent.get() / SLOWEST
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        silence: 75,
        head: 5,
    };

    /// The first tick at which it is overdue, if at every tick `act` happens first.
    fn overdue(activity: &Activity, act: impl Fn(u32)) -> Option<u32> {
        (1..10_000).find(|&tick| {
            act(tick);
            activity.is_overdue(tick, PATIENCE)
        })
    }

    #[test]
    fn a_head_that_trickles_in_is_overdue_whatever_came_before() {
        let first = Activity::new(0);
        assert_eq!(
            overdue(&first, |tick| {
                first.read(1, tick);
            }),
            Some(7)
        );
        let later = Activity::new(0);
        later.read(100, 0);
        later.wrote(1000, 0);
        later.flushed();
        assert!(later.is_idle(0));
        let trickle = |tick| {
            if tick > 60 {
                later.read(1, tick);
            }
        };
        assert_eq!(overdue(&later, trickle), Some(67));
    }

    #[test]
    fn requests_that_are_answered_are_never_overdue() {
        let activity = Activity::new(0);
        let request = |tick| {
            activity.read(100, tick);
            activity.wrote(1000, tick);
            assert_eq!(activity.flushed(), (100, false));
        };
        assert_eq!(overdue(&activity, request), None);
    }

    #[test]
    fn a_body_has_its_own_clock_and_silence_ends_it_too() {
        let activity = Activity::new(0);
        activity.read(100, 0);
        activity.reading();
        assert!(!activity.is_idle(0));
        assert_eq!(overdue(&activity, |_| {}), Some(76));
    }

    #[test]
    fn an_answer_that_is_taken_too_slowly_is_overdue() {
        let sent_at = |rate: usize| {
            let activity = Activity::new(0);
            activity.read(100, 0);
            activity.wrote(1000, 0);
            assert_eq!(activity.blocked(7, 0), 7);
            let overdue = overdue(&activity, |tick| activity.wrote(rate, tick));
            assert_eq!(activity.held(), 107);
            overdue
        };
        assert_eq!(sent_at(100), Some(76));
        assert_eq!(sent_at(32 * 1024), Some(151));
        assert_eq!(sent_at(64 * 1024), None);
    }

    #[test]
    fn a_new_connection_has_a_moment_before_it_counts_as_idle() {
        let activity = Activity::new(7);
        assert!(!activity.is_idle(8));
        assert!(activity.is_idle(9));
    }

    #[test]
    fn who_is_told_to_send_a_body_still_has_to() {
        let activity = Activity::new(0);
        activity.read(100, 0);
        activity.reading();
        activity.wrote(25, 0);
        assert_eq!(activity.flushed(), (0, false));
        activity.read(50, 3);
        assert!(!activity.is_idle(20) && !activity.is_overdue(20, PATIENCE));
        activity.has_read();
        activity.wrote(1000, 20);
        assert_eq!(activity.flushed(), (150, false));
        assert!(activity.is_idle(20));
    }
}
