//! How the environment variables of a test run change it.

use std::env;
use std::fmt::Display;

/// Tells that a test, or a part of it, cannot run here. The caller returns.
///
/// # Panics
///
/// When `STRICT` is `1`: `.ci/run` provides everything that tests need, so nothing may be skipped there.
#[track_caller]
pub fn skip(reason: impl Display) {
    let strict = env::var("STRICT").is_ok_and(|value| value == "1");
    assert!(!strict, "skipped, and STRICT=1: {reason}");
    eprintln!("skipped: {reason}");
}

/// How many times as much long tests do as in a usual run: `TEST_SCALE`, or 1. A test multiplies its usual number of
/// kills, reloads, requests and the like by it.
///
/// # Panics
///
/// When `TEST_SCALE` is not a number.
#[must_use]
#[track_caller]
pub fn scale() -> usize {
    number("TEST_SCALE").unwrap_or(1)
}

/// Where a test's random numbers begin: `TEST_SEED`, or `otherwise`. Prints it, so that a failed run can be repeated.
///
/// # Panics
///
/// When `TEST_SEED` is not a number.
#[must_use]
#[track_caller]
pub fn seed(otherwise: u64) -> u64 {
    let seed = number("TEST_SEED").unwrap_or(otherwise);
    println!("TEST_SEED={seed}");
    seed
}

#[track_caller]
fn number<N: std::str::FromStr>(name: &str) -> Option<N> {
    let text = env::var(name).ok()?;
    let number = text.parse().ok();
    assert!(number.is_some(), "{name} is {text:?}, which is no number");
    number
}
