//! What wakes the main thread: signals, and messages of the poller's thread.

use std::ffi::c_int;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use contract::KeyPair;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// A reason to wake the main thread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    /// TERM or INT: stop.
    Stop,
    /// HUP: read the settings again.
    Reload,
    /// CHLD: a process exited.
    ChildExited,
    /// A new generation is on the board.
    Published,
    /// The poller has applied a change, or none of it for this reason.
    ChangeApplied(Result<(), String>),
    /// The source lists these environments.
    Listed(Vec<KeyPair>),
    /// The poller's thread has ended.
    PollerEnded,
}

/// The receiving end.
pub(crate) struct Notices {
    receiver: Receiver<Notice>,
    notifier: Notifier,
    signals: Handle,
}

/// The sending end, for any thread.
#[derive(Clone)]
pub(crate) struct Notifier(Sender<Notice>);

impl Notifier {
    /// Wakes the main thread.
    pub(crate) fn notify(&self, notice: Notice) {
        // It fails when the main thread has ended, and then nobody needs to know.
        let _ = self.0.send(notice);
    }
}

impl Notices {
    /// Receives the signals of a supervisor.
    pub(crate) fn of_signals() -> io::Result<Self> {
        Self::of(&[SIGTERM, SIGINT, SIGHUP, SIGCHLD])
    }

    /// Receives only CHLD: other tests of the same process must not see this one's TERM.
    #[cfg(test)]
    pub(crate) fn of_children() -> io::Result<Self> {
        Self::of(&[SIGCHLD])
    }

    fn of(signals: &[c_int]) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let notifier = Notifier(sender);
        let mut signals = Signals::new(signals)?;
        let handle = signals.handle();
        let of_signals = notifier.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    of_signals.notify(match signal {
                        SIGHUP => Notice::Reload,
                        SIGCHLD => Notice::ChildExited,
                        _ => Notice::Stop,
                    });
                }
            })?;
        Ok(Self {
            receiver,
            notifier,
            signals: handle,
        })
    }

    /// A sending end.
    pub(crate) fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Sleeps until there is a notice or the deadline has come. Returns all notices so far, equal ones once.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Vec<Notice> {
        // The channel cannot close, because `notifier` is one of its senders.
        let first = match deadline {
            None => self.receiver.recv().ok(),
            Some(deadline) => {
                let timeout = deadline.saturating_duration_since(Instant::now());
                self.receiver.recv_timeout(timeout).ok()
            }
        };
        let mut notices = Vec::new();
        for notice in first.into_iter().chain(self.receiver.try_iter()) {
            if !notices.contains(&notice) {
                notices.push(notice);
            }
        }
        notices
    }
}

impl Drop for Notices {
    /// Ends the thread of the signals, which unregisters them.
    fn drop(&mut self) {
        self.signals.close();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(10))
    }

    #[test]
    fn a_notice_of_another_thread_wakes() {
        let notices = Notices::of_children().unwrap();
        let notifier = notices.notifier();
        let notifying = thread::spawn(move || notifier.notify(Notice::Published));
        while !notices.wait(soon()).contains(&Notice::Published) {}
        notifying.join().unwrap();
    }

    #[test]
    fn equal_notices_without_number_are_one() {
        let notices = Notices::of_children().unwrap();
        let notifier = notices.notifier();
        (0..100_000).for_each(|_| notifier.notify(Notice::Stop));
        let is_stop = |notice: &&Notice| **notice == Notice::Stop;
        assert_eq!(notices.wait(soon()).iter().filter(is_stop).count(), 1);
        assert!(!notices.wait(Some(Instant::now())).contains(&Notice::Stop));
    }

    #[test]
    fn a_deadline_is_not_missed_and_not_early() {
        let notices = Notices::of_children().unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        while Instant::now() < deadline {
            // Another test's child may wake this one.
            let woken = !notices.wait(Some(deadline)).is_empty();
            assert!(woken || Instant::now() >= deadline);
        }
    }
}
