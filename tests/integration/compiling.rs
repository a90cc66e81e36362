//! Large documents, which are compiled in a process of their own: what it costs, and that no document and no signal to
//! that process hurts anybody.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testing::{Answer, Stub, document, eventually};

use crate::harness::load::{Load, asks};
use crate::harness::{Proxy, Start};

/// How many compile processes are killed in a usual run.
const KILLS: usize = 8;
/// What the supervisor may keep, in bytes. A release build keeps a third of it.
const MOST_KEPT: u64 = 24 << 20;

/// A document of more than `length` bytes, most of which nobody reads.
fn large(value: &str, length: usize) -> String {
    let padding = format!("{{\"padding\":\"{}\",", "x".repeat(length));
    document("large", value).replacen('{', &padding, 1)
}

fn ok(body: impl AsRef<[u8]>) -> Answer {
    Answer::new("200 OK", &[], body)
}

/// A proxy of the environments `large` and `small`, with one worker for each of two slots.
fn proxy(length: usize) -> (Stub, Proxy) {
    let upstream = Stub::start([
        ("large", large("first", length)),
        ("small", document("small", "first")),
    ]);
    let proxy = Start::new(&upstream, &["large", "small"])
        .workers(2)
        .log("debug")
        .start();
    proxy.wait_until_ready();
    (upstream, proxy)
}

fn serves(proxy: &Proxy, environment: &str, value: &str) -> bool {
    let flags = proxy.get("/api/v1/flags/", environment);
    flags.status == 200 && flags.text().contains(&format!("{value:?}"))
}

/// The compile processes of a supervisor.
fn compile_processes(supervisor: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{supervisor}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let children = threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .collect::<String>();
    let children = children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok());
    children
        .map(Pid::from_raw)
        .filter(|pid| is_compile_process(*pid))
        .collect()
}

fn is_compile_process(pid: Pid) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.split(|byte| *byte == 0).nth(1) == Some(b"compile")
}

/// The memory that a process shares with nobody, in bytes.
fn private_memory(pid: Pid) -> u64 {
    let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("its memory");
    let private = memory.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.sum::<u64>() * 1024
}

#[test]
fn the_supervisor_keeps_nothing_of_a_large_document() {
    let (upstream, proxy) = proxy(0);
    let large = large("second", 50_000_000);
    let length = large.len();
    upstream.set("large", ok(large));
    // Each step takes some seconds in a debug build.
    proxy.wait_for("a compile process", |proxy| {
        !compile_processes(proxy.pid()).is_empty()
    });
    proxy.wait_for("the large document", |proxy| {
        serves(proxy, "large", "second")
    });
    proxy.wait_for("compressed constants", |proxy| {
        proxy.log().contains("environment large compressed")
    });
    let served = proxy.get("/api/v1/environment-document/", "ser.large");
    assert_eq!(served.body.len(), length);
    for number in 0..5 {
        let value = format!("small {number}");
        upstream.set("small", ok(document("small", &value)));
        proxy.wait_for("the small document", |proxy| serves(proxy, "small", &value));
    }
    let kept = eventually("little memory", || {
        Some(private_memory(proxy.pid())).filter(|kept| *kept <= MOST_KEPT)
    });
    println!("{} KiB of private memory after {length} bytes", kept / 1024);
}

#[test]
fn a_compile_process_that_is_killed_hurts_nobody() {
    let kills = KILLS * testing::scale();
    let (upstream, proxy) = proxy(6_000_000);
    let asks = asks(proxy.address, "small");
    let load = Load::start(proxy.address, 2, 1, &asks);
    let mut random = fastrand::Rng::with_seed(42);
    let (mut last, mut killed) = ("first".to_owned(), 0);
    for number in 0.. {
        if killed == kills {
            break;
        }
        let value = format!("edition {number}");
        upstream.set("large", ok(large(&value, 6_000_000)));
        let process = eventually("a compile process", || {
            compile_processes(proxy.pid()).first().copied()
        });
        let before = proxy.log().matches("signal 9").count();
        thread::sleep(Duration::from_micros(random.u64(..60_000)));
        let _ = kill(process, Signal::SIGKILL);
        // It may have ended by itself meanwhile.
        proxy.wait_for("the end of the process", |_| !is_compile_process(process));
        assert!(serves(&proxy, "large", &last) || serves(&proxy, "large", &value));
        proxy.wait_for("the next poll", |proxy| serves(proxy, "large", &value));
        killed += proxy.log().matches("signal 9").count() - before;
        last = value;
    }
    let tally = load.stop();
    println!(
        "{killed} killed, {} requests answered meanwhile",
        tally.answered
    );
    assert_eq!((tally.wrong, tally.refused, tally.broken.len()), (0, 0, 0));
    assert_eq!(proxy.workers().len(), 2);
}

#[test]
fn a_document_that_cannot_be_compiled_is_its_own_failure_alone() {
    let (upstream, proxy) = proxy(5_000_000);
    let workers = proxy.workers();
    let deep = format!("{{\"a\":{}", "[".repeat(5_000_000));
    // Its tree takes more memory than a document of that size is granted.
    let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(4_000_000));
    for (hostile, expected) in [
        (deep, "maximum recursion depth exceeded"),
        (wide, "memory allocation"),
        (
            " ".repeat(5_000_000) + "{\"api_key\":1}",
            "does not compile",
        ),
    ] {
        upstream.set("large", ok(hostile));
        proxy.wait_for(expected, |proxy| {
            let log = proxy.log();
            let mut lines = log
                .lines()
                .filter(|line| line.contains("environment large not updated"));
            lines.any(|line| line.contains(expected) && line.contains("next try in"))
        });
        assert!(serves(&proxy, "large", "first"));
        upstream.set("small", ok(document("small", expected)));
        proxy.wait_for("the small document", |proxy| {
            serves(proxy, "small", expected)
        });
    }
    upstream.set("large", ok(large("second", 5_000_000)));
    proxy.wait_for("the next good document", |proxy| {
        serves(proxy, "large", "second")
    });
    assert_eq!(proxy.workers(), workers);
}

#[test]
fn a_compile_process_holds_no_socket_and_ends_with_its_supervisor() {
    let (upstream, mut proxy) = proxy(5_000_000);
    upstream.set("large", ok(large("second", 60_000_000)));
    let process = eventually("a compile process", || {
        compile_processes(proxy.pid()).first().copied()
    });
    kill(process, Signal::SIGSTOP).expect("stop it");
    let descriptors: Vec<PathBuf> = fs::read_dir(format!("/proc/{process}/fd"))
        .expect("its descriptors")
        .filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok())
        .collect();
    let is_socket = |path: &PathBuf| path.to_string_lossy().starts_with("socket:");
    assert!(!descriptors.iter().any(is_socket), "{descriptors:?}");
    assert!(descriptors.len() >= 3, "{descriptors:?}");
    proxy.signal(Signal::SIGKILL);
    proxy.wait();
    eventually("its end", || !is_compile_process(process));
}
