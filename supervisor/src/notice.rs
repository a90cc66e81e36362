//! What the main thread is told while it sleeps: signals, and word from the poller. Does not know what follows from it.
//!
//! Whoever has something to say sets a flag and then writes a byte into a pipe; the main thread empties the pipe and
//! then takes the flags. In this order nothing is lost, and a flag set twice is acted on once.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::SigId;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};

/// Something to wake the main thread for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notice {
    /// TERM or INT: stop.
    Stop,
    /// HUP: read the settings again.
    Reload,
    /// CHLD: some process ended.
    Child,
    /// A new generation is current.
    Published,
    /// The poller has done what it was told to change, or has not.
    Changed,
    /// The poller's thread has ended.
    PollerEnded,
}

/// What came in since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noticed {
    pub(crate) stop: bool,
    pub(crate) reload: bool,
    pub(crate) child: bool,
    pub(crate) published: bool,
    pub(crate) changed: bool,
    pub(crate) poller_ended: bool,
}

#[derive(Default)]
struct Flags {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    child: Arc<AtomicBool>,
    published: Arc<AtomicBool>,
    changed: Arc<AtomicBool>,
    poller_ended: Arc<AtomicBool>,
}

impl Flags {
    fn of(&self, notice: Notice) -> &Arc<AtomicBool> {
        match notice {
            Notice::Stop => &self.stop,
            Notice::Reload => &self.reload,
            Notice::Child => &self.child,
            Notice::Published => &self.published,
            Notice::Changed => &self.changed,
            Notice::PollerEnded => &self.poller_ended,
        }
    }
}

/// The receiving end.
pub(crate) struct Notices {
    bell: Bell,
    wake: UnixStream,
    signals: Vec<SigId>,
}

/// The sending end, for any thread.
#[derive(Clone)]
pub(crate) struct Bell {
    flags: Arc<Flags>,
    wake: Arc<UnixStream>,
}

impl Bell {
    /// Tells the main thread.
    pub(crate) fn ring(&self, notice: Notice) {
        self.flags.of(notice).store(true, Ordering::SeqCst);
        // It fails only when the pipe is full, and then the main thread wakes anyway.
        let _ = (&*self.wake).write(&[0]);
    }
}

impl Notices {
    /// Listens to the signals a supervisor is told to stop by, and to its children's ends.
    pub(crate) fn of_signals() -> io::Result<Self> {
        Self::of(&[
            (SIGTERM, Notice::Stop),
            (SIGINT, Notice::Stop),
            (SIGHUP, Notice::Reload),
            (SIGCHLD, Notice::Child),
        ])
    }

    /// For a test: its neighbours in the same process are stopped by their own bells.
    #[cfg(test)]
    pub(crate) fn of_children() -> io::Result<Self> {
        Self::of(&[(SIGCHLD, Notice::Child)])
    }

    fn of(signals: &[(i32, Notice)]) -> io::Result<Self> {
        let (wake, ring) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        ring.set_nonblocking(true)?;
        let mut notices = Self {
            bell: Bell {
                flags: Arc::default(),
                wake: Arc::new(ring),
            },
            wake,
            signals: Vec::new(),
        };
        for &(signal, notice) in signals {
            let flag = Arc::clone(notices.bell.flags.of(notice));
            notices
                .signals
                .push(signal_hook::flag::register(signal, flag)?);
            let ring = notices.bell.wake.try_clone()?;
            notices.signals.push(pipe::register(signal, ring)?);
        }
        Ok(notices)
    }

    /// An end to ring from elsewhere.
    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Sleeps until there is a notice, or until `deadline` and then returns none.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> io::Result<Noticed> {
        let timeout = match deadline {
            None => PollTimeout::NONE,
            Some(deadline) => {
                // Rounded up: waking a fraction of a millisecond early would mean to spin until the deadline.
                let left =
                    deadline.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(
            &mut [PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)],
            timeout,
        ) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.empty()?;
        let take = |notice| self.bell.flags.of(notice).swap(false, Ordering::SeqCst);
        Ok(Noticed {
            stop: take(Notice::Stop),
            reload: take(Notice::Reload),
            child: take(Notice::Child),
            published: take(Notice::Published),
            changed: take(Notice::Changed),
            poller_ended: take(Notice::PollerEnded),
        })
    }

    fn empty(&mut self) -> io::Result<()> {
        let mut bytes = [0; 64];
        loop {
            match self.wake.read(&mut bytes) {
                Ok(length) if length == bytes.len() => {}
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        for signal in self.signals.drain(..) {
            unregister(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(10))
    }

    #[test]
    fn a_ring_from_another_thread_wakes() {
        let mut notices = Notices::of_children().unwrap();
        let bell = notices.bell();
        let ringing = thread::spawn(move || bell.ring(Notice::Published));
        while !notices.wait(soon()).unwrap().published {}
        ringing.join().unwrap();
    }

    #[test]
    fn rings_without_number_are_one_notice() {
        let mut notices = Notices::of_children().unwrap();
        let bell = notices.bell();
        (0..100_000).for_each(|_| bell.ring(Notice::Stop));
        assert!(notices.wait(soon()).unwrap().stop);
        assert!(!notices.wait(Some(Instant::now())).unwrap().stop);
    }

    #[test]
    fn a_deadline_is_not_missed_and_not_early() {
        let mut notices = Notices::of_children().unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        while Instant::now() < deadline {
            notices.wait(Some(deadline)).unwrap();
        }
    }
}
