//! Waiting for a condition instead of sleeping.

use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything takes that a test waits for, on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// What a condition gives: `true` or `Some` when it holds.
pub trait Outcome {
    /// What is known when the condition holds.
    type Value;

    /// The value, or nothing when the condition does not hold yet.
    fn value(self) -> Option<Self::Value>;
}

impl Outcome for bool {
    type Value = ();

    fn value(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn value(self) -> Option<T> {
        self
    }
}

/// Waits until `condition` holds and returns its value. `what` names what is waited for.
///
/// # Panics
///
/// When the condition has not held for 30 seconds.
#[track_caller]
pub fn eventually<O: Outcome>(what: &str, mut condition: impl FnMut() -> O) -> O::Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(value) = condition().value() {
            return value;
        }
        assert!(Instant::now() < deadline, "still waiting for {what}");
        thread::sleep(PAUSE);
    }
}
