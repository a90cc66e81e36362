//! How long a slot stays empty after its worker exited.

use std::time::Duration;

/// So many exits in a row are chance, and each of these workers is replaced at once.
const IMMEDIATE_REPLACEMENTS: u32 = 8;
/// One exit is forgotten for each time that a worker lives this long.
const FORGET_EXIT_AFTER: Duration = Duration::from_millis(500);
/// The first delay that is not zero.
pub(super) const MIN_DELAY: Duration = Duration::from_millis(100);
/// Short, because clients may be waiting in the socket's queue and a worker boots in milliseconds.
const MAX_DELAY: Duration = Duration::from_secs(1);
/// More exits would be remembered for longer without a longer delay.
const MAX_EXITS: u32 = IMMEDIATE_REPLACEMENTS + 5;

/// The recent exits of one slot's workers.
#[derive(Default)]
pub(super) struct Replacement {
    exits: u32,
}

impl Replacement {
    /// The delay after a worker that lived for `lived`: zero at first, then twice as long each time.
    pub(super) fn delay_after(&mut self, lived: Duration) -> Duration {
        let forgotten = lived.as_millis() / FORGET_EXIT_AFTER.as_millis();
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        self.exits = self.exits.saturating_sub(forgotten);
        let delay = match self.exits.checked_sub(IMMEDIATE_REPLACEMENTS) {
            None => Duration::ZERO,
            // `MAX_EXITS` bounds the exponent.
            Some(exponent) => (MIN_DELAY * 2_u32.pow(exponent)).min(MAX_DELAY),
        };
        self.exits = (self.exits + 1).min(MAX_EXITS);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_die_in_a_row_are_replaced_more_slowly() {
        let mut replacement = Replacement::default();
        let mut after = |lived| {
            let lived = Duration::from_millis(lived);
            replacement.delay_after(lived).as_millis()
        };
        let series: Vec<_> = (0..15).map(|_| after(20)).collect();
        assert_eq!(series[..8], [0; 8]);
        assert_eq!(series[8..], [100, 200, 400, 800, 1000, 1000, 1000]);
        // Living for a while makes up for as many deaths as it is long.
        assert_eq!(after(1500), 400);
        assert_eq!(after(3_600_000), 0);
    }

    #[test]
    fn workers_that_die_now_and_then_are_replaced_at_once() {
        let mut replacement = Replacement::default();
        let after = |lived| replacement.delay_after(Duration::from_millis(lived));
        assert!(
            [600, 500, 900, 3]
                .repeat(2)
                .into_iter()
                .map(after)
                .all(|delay| delay.is_zero())
        );
    }
}
