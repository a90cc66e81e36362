//! Mutates documents and bodies for as long as it is told, and stops at the first that does harm.
//!
//! `cargo run --release -p engine --example fuzz -- DOCUMENTS BODIES SEED` does so many of each. It prints what it
//! did, or the input that did harm, and then fails.

#[path = "../../tests/golden/cases.rs"]
#[expect(dead_code, reason = "the recorded answers are of no use here")]
mod cases;
#[path = "../tests/engine/fuzz/mod.rs"]
mod fuzz;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fuzz::{Fuzzer, seeds};

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let [documents, bodies, seed] = numbers[..] else {
        eprintln!("usage: fuzz DOCUMENTS BODIES SEED");
        return ExitCode::FAILURE;
    };
    let (document_seeds, body_seeds) = seeds(&cases::Golden::documents());
    let mut fuzzer = Fuzzer::new(seed, document_seeds, body_seeds);
    let mut slowest = (Duration::ZERO, Vec::new());
    for number in 0..documents + bodies {
        let is_document = number < documents;
        let input = if is_document {
            fuzzer.document()
        } else {
            fuzzer.body()
        };
        let mut check = || {
            let start = Instant::now();
            match is_document {
                true => fuzzer.check_document(&input),
                false => fuzzer.check_body(&input),
            }
            start.elapsed()
        };
        let Ok(mut taken) = catch_unwind(AssertUnwindSafe(&mut check)) else {
            let input = input.escape_ascii();
            println!("harm done by input {number} of seed {seed}: {input}");
            return ExitCode::FAILURE;
        };
        if taken > slowest.0 {
            // Once more: the machine may have had something else to do.
            taken = taken.min(check());
        }
        if taken > slowest.0 {
            slowest = (taken, input);
        }
    }
    println!("seed {seed}: {:?}", fuzzer.tally);
    println!("slowest: {:?} for {}", slowest.0, slowest.1.escape_ascii());
    ExitCode::SUCCESS
}
