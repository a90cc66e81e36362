//! A few seconds of what `examples/fuzz.rs` does for as long as it is told.

use std::time::{Duration, Instant};

use crate::cases::Golden;
use crate::fuzz::{Fuzzer, seeds};

#[test]
fn no_document_and_no_body_does_harm() {
    let (documents, bodies) = seeds(&Golden::documents());
    let mut fuzzer = Fuzzer::new(20261123, documents, bodies);
    let end = Instant::now() + Duration::from_secs(4);
    // At least so many, and more where the machine is fast enough.
    for number in 0.. {
        if number >= 300 && Instant::now() > end {
            break;
        }
        let document = fuzzer.document();
        fuzzer.check_document(&document);
        for _ in 0..20 {
            let body = fuzzer.body();
            fuzzer.check_body(&body);
        }
    }
    let tally = &fuzzer.tally;
    println!("{tally:?}");
    assert!(tally.documents_accepted * 5 > tally.documents, "{tally:?}");
    assert!(tally.bodies_accepted * 8 > tally.bodies, "{tally:?}");
}
