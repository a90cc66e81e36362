//! Histograms of durations as words of the board: the sum in nanoseconds, then a count for each bucket.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const BOUNDS: usize = 13;

/// The words of a histogram.
pub(super) const WORDS: usize = 1 + BOUNDS + 1;

/// The longest durations that the buckets count, in nanoseconds, ascending. Longer ones are in a last bucket.
pub(super) type Bounds = [u64; BOUNDS];

/// For the answers to requests: from 10 µs to a second.
pub(super) const REQUESTS: Bounds = microseconds([
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000,
]);

/// For fetching and compiling: from a millisecond to half a minute.
pub(super) const WORK: Bounds = microseconds([
    1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
]);

/// Durations that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// All of them together.
    pub sum: Duration,
    /// How many are at most as long as each bound, and longer than the bound before.
    counts: [u64; BOUNDS],
    /// How many are longer than the last bound.
    longer: u64,
    bounds: Bounds,
}

impl Histogram {
    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.longer
    }

    /// Each bound with the number of durations that are at most so long.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut all = 0;
        self.bounds
            .iter()
            .zip(self.counts)
            .map(move |(bound, count)| {
                all += count;
                (Duration::from_nanos(*bound), all)
            })
    }

    /// Adds the durations of another histogram with the same bounds. A default histogram, which is empty, gets them.
    pub fn add(&mut self, other: &Self) {
        self.bounds = other.bounds;
        self.sum += other.sum;
        self.longer += other.longer;
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

/// Counts a duration. Several processes may do so at once.
#[inline]
pub(super) fn count(words: &[AtomicU64], bounds: &Bounds, took: Duration) {
    let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let bucket = bounds.iter().position(|bound| nanoseconds <= *bound);
    words[1 + bucket.unwrap_or(BOUNDS)].fetch_add(1, Relaxed);
    words[0].fetch_add(nanoseconds, Relaxed);
}

/// What was counted so far.
pub(super) fn read(words: &[AtomicU64], bounds: &Bounds) -> Histogram {
    let count = |bucket: usize| words[1 + bucket].load(Relaxed);
    Histogram {
        sum: Duration::from_nanos(words[0].load(Relaxed)),
        counts: std::array::from_fn(count),
        longer: count(BOUNDS),
        bounds: *bounds,
    }
}

const fn microseconds(mut bounds: Bounds) -> Bounds {
    let mut next = 0;
    while next < BOUNDS {
        bounds[next] *= 1_000;
        next += 1;
    }
    bounds
}
