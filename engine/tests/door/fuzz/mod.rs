//! Documents and bodies with random mutations do no harm. The test takes four seconds times `TEST_SCALE`; `TEST_SEED`
//! repeats a run.

mod fuzzer;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use testing::Golden;

use fuzzer::{Fuzzer, seeds};

#[test]
fn no_document_and_no_body_does_harm() {
    let (documents, bodies) = seeds(&[Golden::documents(), Golden::flag_dependencies()]);
    let mut fuzzer = Fuzzer::new(testing::seed(20_261_123), documents, bodies);
    let scale = testing::scale();
    let end = Instant::now() + Duration::from_secs(4) * u32::try_from(scale).expect("a scale");
    let mut slowest = (Duration::ZERO, Vec::new());
    // At least 300 documents, and more if the machine is fast enough.
    for number in 0.. {
        if number >= 300 * scale && Instant::now() > end {
            break;
        }
        let document = fuzzer.document();
        let taken = harmless(&document, || fuzzer.check_document(&document));
        if taken > slowest.0 {
            slowest = (taken, document);
        }
        for _ in 0..20 {
            let body = fuzzer.body();
            harmless(&body, || fuzzer.check_body(&body));
        }
    }
    let tally = &fuzzer.tally;
    println!("{tally:?}");
    println!("slowest: {:?} for {}", slowest.0, slowest.1.escape_ascii());
    assert!(tally.documents_accepted * 5 > tally.documents, "{tally:?}");
    assert!(tally.bodies_accepted * 8 > tally.bodies, "{tally:?}");
}

/// Checks an input and returns how long that took. Prints an input that fails.
fn harmless(input: &[u8], check: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
        println!("harm done by {}", input.escape_ascii());
        resume_unwind(panic);
    }
    begun.elapsed()
}
