//! Instructions that the engine spends: to compile a document, to read the body of a request, to answer an identity.
//!
//! `cargo bench -p engine` prints a table. Valgrind's callgrind counts the instructions, so the numbers do not depend
//! on what else the machine does; valgrind has to be installed. The benchmark runs itself under callgrind because
//! gungraun, which does the same, needs its runner installed with `cargo install` beside it.
//!
//! The profiles are the demonstration's environment and the load profiles in `benches/profiles`.

use std::process::{Command, ExitCode};

use engine::{
    ArchivedEnvironment, BodyKind, Patterns, Scratch, Side, compile, evaluate, read_identity,
};
use rkyv::rancor::Error;

const DEMO: &str = include_str!("../src/commands/demo/production.json");
const DEMO_BODY: &str =
    r#"{"identifier":"alice","traits":[{"trait_key":"plan","trait_value":"premium"}]}"#;
const PROFILES: [&str; 5] = ["demo", "small", "readme", "reference", "overrides"];
const ACTS: [&str; 3] = ["compile", "read", "answer"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments
        .iter()
        .position(|argument| argument == "--measure")
    {
        Some(at) => {
            measure(&Profile::load(&arguments[at + 1]), &arguments[at + 2]);
            ExitCode::SUCCESS
        }
        None => table(),
    }
}

/// A document and the body of an identities request.
struct Profile {
    document: String,
    body: String,
}

impl Profile {
    fn load(name: &str) -> Profile {
        let (document, body) = match name {
            "demo" => (DEMO.to_owned(), DEMO_BODY.to_owned()),
            _ => (
                testing::file(&format!("benches/profiles/{name}.json.gz")),
                testing::file(&format!("benches/profiles/{name}.body.json")),
            ),
        };
        Profile { document, body }
    }
}

/// What callgrind counts: this function and all it calls.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// Does one act once to warm up, so that it is counted as in a worker that has served before, and once to be counted.
fn measure(profile: &Profile, act: &str) {
    let document = profile.document.as_bytes();
    let read = || read_identity(profile.body.as_bytes(), BodyKind::Json).expect("an identity");
    let compiled = compile(document).expect("a document");
    let archive = rkyv::to_bytes::<Error>(&compiled.environment).expect("an archive");
    let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive).expect("an archive");
    let patterns = Patterns::new(environment);
    let identity = read().into_identity(String::new);
    let mut scratch = Scratch::new();
    let mut out = Vec::with_capacity(1 << 16);
    let mut work = || match act {
        "compile" => drop(compile(document)),
        "read" => drop(read()),
        _ => {
            out.clear();
            identity.write_head(&mut out);
            evaluate(
                environment,
                &patterns,
                Side::Client,
                &identity,
                &mut scratch,
            )
            .write(&mut out);
            out.push(b'}');
        }
    };
    work();
    measured(&mut work);
}

fn table() -> ExitCode {
    println!(
        "{:<10} {:>14} {:>10} {:>10}   instructions",
        "profile", ACTS[0], ACTS[1], ACTS[2]
    );
    for name in PROFILES {
        let counts: Option<Vec<String>> = ACTS.iter().map(|act| count(name, act)).collect();
        match counts.as_deref() {
            Some([compile, read, answer]) => {
                println!("{name:<10} {compile:>14} {read:>10} {answer:>10}")
            }
            _ => {
                eprintln!(
                    "count the instructions of {name}: valgrind is not installed, or it printed no count"
                );
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The instructions of one act, by running it under callgrind.
fn count(profile: &str, act: &str) -> Option<String> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*measured*",
        ])
        .arg(std::env::current_exe().ok()?)
        .args(["--measure", profile, act])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().find(|line| line.contains("Collected : "))?;
    Some(line.rsplit(' ').next()?.to_owned())
}
