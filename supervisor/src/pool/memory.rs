//! How much memory supervisor and workers use, for metrics. Workers cannot look themselves: Landlock shows them no file
//! but the snapshots.

use std::fs;
use std::time::{Duration, Instant};

use contract::{BoardWords, Memory};

use super::slots::Slots;

/// How often to look. Reading costs some 20 µs for each process.
const INTERVAL: Duration = Duration::from_secs(5);

/// When memory is looked at next.
pub(super) struct Memories {
    due: Instant,
}

impl Memories {
    pub(super) fn new() -> Self {
        Self {
            due: Instant::now(),
        }
    }

    /// Notes on the board what each process uses, if it is time to look. Nobody is woken for that: the heartbeats are
    /// looked at more often.
    pub(super) fn look(&mut self, slots: &mut Slots) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        self.due = now + INTERVAL;
        let board = slots.board().clone();
        if let Some(memory) = of_process("self") {
            board.proxy().set_memory(memory);
        }
        for (slot, worker) in slots.running() {
            if let Some(memory) = of_process(&worker.process().to_string()) {
                board.set_worker_memory(slot, memory);
            }
        }
    }
}

/// `None` if the kernel does not tell, or the process is gone.
fn of_process(process: &str) -> Option<Memory> {
    parse(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

fn parse(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    Some(Memory {
        private: bytes("RssAnon:")?,
        mapped: bytes("RssFile:")? + bytes("RssShmem:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_mapped_memory_are_told_apart() {
        let status =
            "VmRSS:\t    15 kB\nRssAnon:\t       5 kB\nRssFile:\t      4 kB\nRssShmem:\t 6 kB\n";
        let expected = Memory {
            private: 5 * 1024,
            mapped: 10 * 1024,
        };
        assert_eq!(parse(status), Some(expected));
        for missing in ["RssAnon", "RssFile", "RssShmem"] {
            assert_eq!(parse(&status.replace(missing, "Other")), None);
        }
        assert_eq!(parse("RssAnon:\nRssFile: x kB\n"), None);
    }

    #[test]
    fn this_process_has_both_kinds() {
        let memory = of_process("self").expect("memory");
        assert!(memory.private > 0 && memory.mapped > 0, "{memory:?}");
        assert_eq!(of_process("0"), None);
    }
}
