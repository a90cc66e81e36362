//! The log of supervisor and workers: levels, text and JSON, answers to clients, and whoever reads too slowly.

mod access;
mod hostile;
mod lines;
mod stuck;

use serde_json::Value;

use crate::harness::Proxy;

/// The lines of a log in JSON. Each must be JSON.
fn json_lines(log: &str) -> Vec<Value> {
    let read = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
    };
    log.lines().map(read).collect()
}

/// The first line of a log in JSON whose text contains `words`, once it is there.
#[track_caller]
fn json_line(proxy: &Proxy, words: &str) -> Value {
    proxy.wait_for(words, |proxy| {
        let log = proxy.log();
        let mut lines = json_lines(&log).into_iter();
        lines.find(|line| {
            line["message"]
                .as_str()
                .is_some_and(|text| text.contains(words))
        })
    })
}

/// The number of lines that contain `words`.
fn count(proxy: &Proxy, words: &str) -> usize {
    proxy
        .log()
        .lines()
        .filter(|line| line.contains(words))
        .count()
}
