//! Reloads: the configuration is read again while clients send requests all the time, and every request is answered.

mod environments;
mod refusals;
mod workers;

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};
use testing::{Stub, document, eventually};

use crate::harness::{Clients, Expect, Proxy, Start};

const FLAGS: &str = "/api/v1/flags/?feature=greeting";
const DOCUMENT: &str = "/api/v1/environment-document/";
const READINESS: &str = "/proxy/health/readiness";

/// A 200 whose body contains `value`.
fn served(value: &str) -> Expect {
    Expect::Always(200, value.to_owned())
}

/// A stub with a document for each of these environments.
fn upstream(environments: &[&str]) -> Stub {
    let documents = environments
        .iter()
        .map(|name| (*name, document(name, &format!("hello from {name}"))));
    Stub::start(documents)
}

/// A proxy with two workers that polls once an hour, so that any fetch after the first has another reason.
fn proxy(upstream: &Stub, environments: &[&str]) -> Proxy {
    let proxy = Start::new(upstream, environments)
        .workers(2)
        .set("api_poll_frequency_seconds", json!(3600))
        .start();
    proxy.wait_until_ready();
    eventually("two workers", || workers(&proxy).len() == 2);
    proxy
}

/// Clients whose answers never change, and `more`.
fn clients(proxy: &Proxy, more: &[(&str, &str, Expect)]) -> Clients {
    let mut asks = vec![
        (FLAGS, "stays", served("hello from stays")),
        (DOCUMENT, "ser.stays", served("hello from stays")),
        (READINESS, "", served("\"ok\"")),
        (FLAGS, "nobody", Expect::Always(401, String::new())),
    ];
    asks.extend_from_slice(more);
    let clients = Clients::start(proxy.address, None, &asks);
    some_requests(&clients);
    clients
}

/// Waits until the clients have sent some hundred more requests.
fn some_requests(clients: &Clients) {
    let before = clients.asked();
    eventually("some hundred requests", || clients.asked() > before + 400);
}

fn configuration(proxy: &Proxy) -> PathBuf {
    proxy.state().with_file_name("config.json")
}

pub(crate) fn edit(proxy: &Proxy, change: impl FnOnce(&mut Value)) {
    let path = configuration(proxy);
    let text = fs::read_to_string(&path).expect("read the configuration");
    let mut config = serde_json::from_str(&text).expect("JSON");
    change(&mut config);
    // The file is replaced in one step, because the proxy may read it at any moment.
    let new = path.with_extension("new");
    fs::write(&new, config.to_string()).expect("write the configuration");
    fs::rename(new, path).expect("put it in place");
}

fn pair(client_side_key: &str, server_side_key: &str) -> Value {
    json!({"client_side_key": client_side_key, "server_side_key": server_side_key})
}

fn told(proxy: &Proxy) -> Vec<String> {
    let log = proxy.log();
    let tells = |line: &&str| {
        let ends = ["] reloaded ", "] not reloaded, ", "] nothing to reload"];
        ends.iter().any(|end| line.contains(end))
    };
    log.lines().filter(tells).map(str::to_owned).collect()
}

/// Sends HUP and returns the line that tells the outcome.
#[track_caller]
pub(crate) fn reload(proxy: &Proxy) -> String {
    let before = told(proxy).len();
    proxy.signal(Signal::SIGHUP);
    proxy.wait_for("word of the reload", |proxy| {
        told(proxy).into_iter().nth(before)
    })
}

#[track_caller]
fn reloaded(proxy: &Proxy, expected: &str) {
    let line = reload(proxy);
    let name = configuration(proxy).display().to_string();
    let ends = format!("reloaded {name}: {expected}");
    assert!(line.ends_with(&ends), "{line:?} does not end with {ends:?}");
    assert!(line.contains("INFO"), "{line}");
}

/// The process ids of the workers.
fn workers(proxy: &Proxy) -> Vec<Pid> {
    proxy.workers()
}

fn status(proxy: &Proxy, key: &str) -> u16 {
    proxy.get("/api/v1/flags/", key).status
}
