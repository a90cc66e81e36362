//! The lines on their way to stderr. One thread writes them, so that no other thread waits for whoever reads the log: a
//! collector that hangs would stop a worker, which has one thread for all requests.
//!
//! The thread starts with the first line. So a worker that has nothing to say has none, and one that has gets it after
//! it has given up its privileges, which only later threads inherit.

use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::warn;

/// How many bytes may wait. Further lines are dropped and counted.
const MAX_WAITING: usize = 1024 * 1024;

/// How many bytes the kernel writes to a pipe in one piece (`PIPE_BUF`). Lines of several processes are only whole in
/// one pipe if none is cut.
pub(super) const PIECE: usize = 4096;

/// The thread rests so long after it has written, and takes what came meanwhile together: a wake-up for each line would
/// cost more than the line.
const REST: Duration = Duration::from_millis(10);

/// So many bytes end the rest.
const ENDS_REST: usize = MAX_WAITING / 4;

/// How many bytes of memory are kept for the next lines.
const KEPT: usize = 64 * 1024;

/// Lines on their way to stderr.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

struct State {
    waiting: Vec<u8>,
    /// How many lines did not fit.
    dropped: u64,
    writer: Writer,
    /// Somebody waits for the end.
    is_ending: bool,
}

/// What the thread does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    NotStarted,
    /// It waits for a line.
    Idle,
    /// It waits for the time to pass, or for many bytes.
    Resting,
    Writing,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                dropped: 0,
                writer: Writer::NotStarted,
                is_ending: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
        }
    }

    /// Appends whole lines. Never waits for stderr.
    pub(super) fn push(&'static self, lines: &[u8]) {
        let mut state = self.state();
        let before = state.waiting.len();
        if before + lines.len() > MAX_WAITING {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(lines);
        match state.writer {
            Writer::NotStarted => self.start(state),
            Writer::Idle => self.filled.notify_one(),
            Writer::Resting if before < ENDS_REST && state.waiting.len() >= ENDS_REST => {
                self.filled.notify_one();
            }
            Writer::Resting | Writer::Writing => {}
        }
    }

    /// Waits until everything is written, or for `timeout`.
    pub(super) fn end(&self, timeout: Duration) {
        let mut state = self.state();
        if state.writer == Writer::NotStarted {
            return;
        }
        state.is_ending = true;
        self.filled.notify_one();
        let is_left =
            |state: &mut State| !state.waiting.is_empty() || state.writer == Writer::Writing;
        // After the timeout the rest is lost: nobody reads it.
        drop(self.emptied.wait_timeout_while(state, timeout, is_left));
    }

    fn start(&'static self, mut state: MutexGuard<State>) {
        state.writer = Writer::Writing;
        let thread = thread::Builder::new().name("log".to_owned());
        if thread.spawn(|| self.write_for_ever()).is_err() {
            // No thread can be had now. Perhaps the next line gets one.
            state.writer = Writer::NotStarted;
            write(&mem::take(&mut state.waiting));
        }
    }

    fn write_for_ever(&self) {
        let mut taken = Vec::new();
        loop {
            let dropped = self.take(&mut taken);
            write(&taken);
            taken.clear();
            taken.shrink_to(KEPT);
            if dropped > 0 {
                warn!(dropped; "{dropped} lines of the log dropped: they came faster than they were read");
            }
            self.rest();
        }
    }

    /// Waits for lines, and takes them. Returns how many were dropped.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let mut state = self.state();
        state.writer = Writer::Idle;
        let is_empty = |state: &mut State| state.waiting.is_empty();
        let filled = self.filled.wait_while(state, is_empty);
        state = filled.unwrap_or_else(PoisonError::into_inner);
        state.writer = Writer::Writing;
        mem::swap(taken, &mut state.waiting);
        mem::take(&mut state.dropped)
    }

    fn rest(&self) {
        let mut state = self.state();
        if state.waiting.is_empty() {
            self.emptied.notify_all();
        }
        state.writer = Writer::Resting;
        let rests = |state: &mut State| state.waiting.len() < ENDS_REST && !state.is_ending;
        drop(self.filled.wait_timeout_while(state, REST, rests));
    }

    /// No code that holds the lock can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes lines in pieces that pipes take whole.
fn write(lines: &[u8]) {
    let mut stderr = io::stderr().lock();
    let mut rest = lines;
    while !rest.is_empty() {
        let (piece, next) = rest.split_at(piece_length(rest));
        // Where would this error be told?
        let _ = stderr.write_all(piece);
        rest = next;
    }
}

/// As many whole lines as fit into one piece, or one line that is longer.
fn piece_length(lines: &[u8]) -> usize {
    if lines.len() <= PIECE {
        return lines.len();
    }
    let is_end = |&byte: &u8| byte == b'\n';
    let end = lines[..PIECE].iter().rposition(is_end);
    let end = end.or_else(|| lines.iter().position(is_end));
    end.map_or(lines.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_as_many_whole_lines_as_a_pipe_takes_at_once() {
        let lines = |lengths: &[usize]| {
            let line = |length: &usize| "x".repeat(length - 1) + "\n";
            lengths.iter().map(line).collect::<String>()
        };
        for (lengths, length) in [
            (&[10][..], 10),
            (&[100, PIECE - 100][..], PIECE),
            (&[100, PIECE - 100, 1], PIECE),
            (&[100, 200, PIECE], 300),
            (&[PIECE + 10, 20], PIECE + 10),
        ] {
            assert_eq!(
                piece_length(lines(lengths).as_bytes()),
                length,
                "{lengths:?}"
            );
        }
    }
}
