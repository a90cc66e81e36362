//! How many environments have got their first document. There may be thousands, so that a line for each would say
//! little: one now and then tells how far it is. Knows nothing of documents.

use std::cell::Cell;
use std::time::{Duration, Instant};

use contract::counted;
use log::info;

/// From one line to the next, but for the last.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts first documents.
pub(super) struct Progress {
    environments: Cell<usize>,
    arrived: Cell<usize>,
    started: Instant,
    told: Cell<Option<Instant>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            environments: Cell::new(0),
            arrived: Cell::new(0),
            started: Instant::now(),
            told: Cell::new(None),
        }
    }
}

impl Progress {
    /// Another environment waits for its first document.
    pub(super) fn expect(&self) {
        self.environments.update(|environments| environments + 1);
    }

    /// Another environment has its first document.
    pub(super) fn arrived(&self) {
        if let Some(line) = self.line(Instant::now()) {
            info!("{line}");
        }
    }

    fn line(&self, now: Instant) -> Option<String> {
        let arrived = self.arrived.get() + 1;
        self.arrived.set(arrived);
        let all = arrived == self.environments.get();
        let told = self.told.get().unwrap_or(self.started);
        if !all && now.duration_since(told) < PAUSE {
            return None;
        }
        self.told.set(Some(now));
        let seconds = now.duration_since(self.started).as_secs_f64();
        Some(format!(
            "published {arrived} of {} in {seconds:.1} s",
            counted(self.environments.get(), "environment")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_last_one_always_and_the_others_once_a_second() {
        let progress = Progress::default();
        (0..5).for_each(|_| progress.expect());
        let after =
            |tenths: u64| progress.line(progress.started + Duration::from_millis(100 * tenths));
        let told = |line: &str| Some(line.to_owned());
        assert_eq!(after(1), None);
        assert_eq!(after(11), told("published 2 of 5 environments in 1.1 s"));
        assert_eq!(after(20), None);
        assert_eq!(after(21), told("published 4 of 5 environments in 2.1 s"));
        assert_eq!(after(22), told("published 5 of 5 environments in 2.2 s"));
    }
}
