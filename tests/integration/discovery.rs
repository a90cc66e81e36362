//! Discovery: upstream lists environments and keys for a proxy key.

use std::fs;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Answer, Stub, document, eventually, header};

use crate::harness::{Clients, Expect, Proxy, Start};
use crate::reload::{edit, reload};

const FLAGS: &str = "/api/v1/flags/?feature=greeting";
const KEY: &str = "pk.secret_of_this_proxy";

/// An upstream with a document for each of these environments, which lists none so far.
fn upstream(environments: &[&str]) -> Stub {
    let documents = environments.iter();
    let stub =
        Stub::start(documents.map(|name| (*name, document(name, &format!("hello from {name}")))));
    list(&stub, json!([]));
    stub
}

fn list(upstream: &Stub, environments: Value) {
    upstream.list(KEY, Answer::status("200 OK", &environments.to_string()));
}

/// An environment as upstream lists it, with one key for ever.
fn environment(name: &str) -> Value {
    with_keys(name, json!([key(&format!("ser.{name}"), true, None)]))
}

fn with_keys(name: &str, keys: Value) -> Value {
    json!({"id": 1, "name": name, "client_side_key": name, "server_side_keys": keys,
           "updated_at": "2026-01-15T10:30:00Z", "project_id": 2, "organisation_id": 3})
}

fn key(key: &str, active: bool, expires_at: Option<SystemTime>) -> Value {
    let expires_at = expires_at.map(|at| Timestamp::try_from(at).expect("a time").to_string());
    json!({"key": key, "active": active, "expires_at": expires_at})
}

fn start(upstream: &Stub) -> Start {
    Start::without_upstream()
        .set("api_url", json!(upstream.api_url()))
        .set("proxy_key", json!(KEY))
}

fn status(proxy: &Proxy, key: &str) -> u16 {
    proxy.get(FLAGS, key).status
}

#[track_caller]
fn becomes(proxy: &Proxy, key: &str, expected: u16) {
    proxy.wait_for(&format!("{expected} for {key}"), |proxy| {
        status(proxy, key) == expected
    });
}

#[test]
fn environments_and_keys_are_those_that_upstream_lists() {
    let upstream = upstream(&["one", "two"]);
    list(&upstream, json!([environment("one")]));
    let proxy = start(&upstream).start();
    proxy.wait_until_ready();
    assert_eq!(
        (status(&proxy, "one"), status(&proxy, "ser.one")),
        (200, 200)
    );
    assert_eq!(status(&proxy, "two"), 401);
    let asks = [(
        FLAGS,
        "one",
        Expect::Always(200, "hello from one".to_owned()),
    )];
    let clients = Clients::start(proxy.address, None, &asks);

    // Added.
    list(&upstream, json!([environment("two"), environment("one")]));
    becomes(&proxy, "two", 200);
    // Rotated.
    let keys = json!([key("ser.new", true, None), key("ser.one", false, None)]);
    upstream.set("new", Answer::Document(document("one", "hello from one")));
    list(
        &upstream,
        json!([environment("two"), with_keys("one", keys)]),
    );
    becomes(&proxy, "ser.new", 200);
    assert_eq!(status(&proxy, "ser.one"), 401);
    // Removed.
    list(
        &upstream,
        json!([with_keys("one", json!([key("ser.new", true, None)]))]),
    );
    becomes(&proxy, "two", 401);
    clients.stop("clients of another environment");
    proxy.wait_for("word of all", |proxy| {
        let log = proxy.log();
        let lines = [
            "1 environment added",
            "1 key pair rotated",
            "1 environment removed",
        ];
        lines
            .iter()
            .all(|line| log.contains(&format!("listed: {line}\n")))
    });
    // Upstream knows which proxy fetches.
    let fetch = upstream.heads("new").pop().expect("a fetch");
    assert_eq!(header(&fetch, "x-proxy-key"), Some(KEY));
    let state = fs::read_dir(proxy.state()).expect("the state directory");
    for file in state
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
    {
        let content = fs::read(&file).expect("read");
        let holds = content
            .windows(KEY.len())
            .any(|window| window == KEY.as_bytes());
        assert!(!holds, "{}", file.display());
    }
    assert!(!proxy.log().contains("pk."), "{}", proxy.log());
}

#[test]
fn a_key_expires_at_its_time_and_not_at_the_next_list() {
    let upstream = upstream(&["one"]);
    let at = SystemTime::now() + Duration::from_secs(3);
    let keys = json!([key("ser.one", true, None), key("ser.old", true, Some(at))]);
    list(&upstream, json!([with_keys("one", keys)]));
    let start = start(&upstream).set("api_poll_frequency_seconds", json!(3600));
    let proxy = start.start();
    proxy.wait_until_ready();
    let first = status(&proxy, "ser.old");
    assert!(first == 200 || SystemTime::now() >= at, "{first}");
    becomes(&proxy, "ser.old", 401);
    assert!(SystemTime::now() >= at);
    assert_eq!(
        (status(&proxy, "ser.one"), status(&proxy, "one")),
        (200, 200)
    );
    assert_eq!(upstream.lists(), 2, "at the start, and by the poller");
}

#[test]
fn a_list_that_fails_removes_nothing() {
    let upstream = upstream(&["one", "two"]);
    list(&upstream, json!([environment("one")]));
    let proxy = start(&upstream).start();
    proxy.wait_until_ready();
    for (answer, line) in [
        (Answer::status("500 Oh no", ""), "upstream answered 500"),
        (
            Answer::status("403 Forbidden", ""),
            "upstream answered 403: check proxy_key",
        ),
        (
            Answer::status("200 OK", "[{"),
            "upstream lists no environments that could be read: ",
        ),
        (
            Answer::status("200 OK", r#"{"detail":"no"}"#),
            "upstream lists no environments that could be read: ",
        ),
        (Answer::Closed(Vec::new()), "could not reach upstream"),
    ] {
        upstream.list(KEY, answer);
        proxy.wait_for(line, |proxy| {
            proxy
                .log()
                .contains(&format!("environments not listed: {line}"))
        });
        assert_eq!(
            (status(&proxy, "one"), status(&proxy, "ser.one")),
            (200, 200)
        );
    }
    list(&upstream, json!([environment("one"), environment("two")]));
    becomes(&proxy, "two", 200);
    assert!(proxy.log().contains("environments are listed again"));
}

#[test]
fn configured_pairs_win_and_stay() {
    let upstream = upstream(&["one", "two"]);
    let keys = json!([key("ser.listed", true, None)]);
    list(
        &upstream,
        json!([with_keys("one", keys), environment("two")]),
    );
    let pair = json!([{"client_side_key": "one", "server_side_key": "ser.one"}]);
    let proxy = start(&upstream).set("environment_key_pairs", pair).start();
    proxy.wait_until_ready();
    let all = || ["one", "ser.one", "ser.listed", "two", "ser.two"].map(|key| status(&proxy, key));
    assert_eq!(all(), [200, 200, 401, 200, 200]);
    list(&upstream, json!([]));
    becomes(&proxy, "two", 401);
    assert_eq!(all(), [200, 200, 401, 401, 401]);

    // Without the key nothing is listed any more, and the listed ones go at once.
    list(&upstream, json!([environment("two")]));
    becomes(&proxy, "two", 200);
    edit(&proxy, |config| config["proxy_key"] = Value::Null);
    let line = reload(&proxy);
    assert!(line.contains(": 1 environment removed, polling "), "{line}");
    assert_eq!(all(), [200, 200, 401, 401, 401]);
    let lists = upstream.lists();
    edit(&proxy, |config| config["proxy_key"] = KEY.into());
    reload(&proxy);
    becomes(&proxy, "two", 200);
    assert!(upstream.lists() > lists);
}

#[test]
fn a_proxy_starts_while_upstream_lists_nothing_and_becomes_ready_when_it_does() {
    let upstream = upstream(&["one"]);
    upstream.close();
    let proxy = start(&upstream).start();
    proxy.wait_for("word of it", |proxy| {
        proxy
            .log()
            .contains("environments not listed: could not reach upstream")
    });
    assert_eq!(proxy.get("/proxy/health/readiness", "").status, 503);
    assert_eq!(status(&proxy, "one"), 401);
    upstream.open();
    list(&upstream, json!([environment("one")]));
    proxy.wait_until_ready();
    assert_eq!(status(&proxy, "one"), 200);
}

#[test]
fn an_environment_without_an_active_key_serves_what_it_has_and_says_why_it_is_not_fetched() {
    let upstream = upstream(&["one"]);
    list(&upstream, json!([environment("one")]));
    let proxy = start(&upstream).start();
    proxy.wait_until_ready();
    list(
        &upstream,
        json!([with_keys("one", json!([key("ser.one", false, None)]))]),
    );
    becomes(&proxy, "ser.one", 401);
    let line = "environment one not updated: no server-side key of it is listed that is active";
    proxy.wait_for(line, |proxy| proxy.log().contains(line));
    assert_eq!(status(&proxy, "one"), 200);
}

#[test]
fn the_proxy_key_is_given_to_no_worker() {
    let upstream = upstream(&["one"]);
    list(&upstream, json!([environment("one")]));
    let start = Start::without_upstream().set("api_url", json!(upstream.api_url()));
    let proxy = start.variable("PROXY_KEY", KEY).start();
    proxy.wait_until_ready();
    let workers = eventually("a worker", || {
        Some(proxy.workers()).filter(|workers| !workers.is_empty())
    });
    for process in workers {
        for name in ["cmdline", "environ"] {
            let content = fs::read(format!("/proc/{process}/{name}")).expect("read");
            let content = String::from_utf8_lossy(&content).into_owned();
            assert!(!content.contains("pk."), "{content}");
        }
    }
}

#[test]
fn a_restart_while_upstream_does_not_answer_serves_the_environments_of_the_run_before() {
    let upstream = upstream(&["one", "two"]);
    let state = tempfile::tempdir().expect("a directory");
    let start = || {
        let path = state.path().display().to_string();
        start(&upstream)
            .variable("SNAPSHOT_DIRECTORY", &path)
            .start()
    };
    let soon = SystemTime::now() + Duration::from_secs(3600);
    let keys = json!([key("ser.one", true, None), key("ser.old", true, Some(soon))]);
    list(
        &upstream,
        json!([with_keys("one", keys), environment("two")]),
    );
    let mut proxy = start();
    proxy.wait_until_ready();
    proxy.signal(Signal::SIGTERM);
    proxy.wait();

    upstream.close();
    let proxy = start();
    proxy.wait_for("word of it", |proxy| {
        proxy
            .log()
            .contains("; serving 2 environments of the run before")
    });
    let all = ["one", "ser.one", "ser.old", "two", "ser.two"];
    assert_eq!(all.map(|key| status(&proxy, key)), [200; 5]);
    upstream.set("one", Answer::Document(document("one", "hello again")));
    upstream.open();
    // Its list comes with keys that fetch.
    proxy.wait_for("the edit", |proxy| {
        proxy.get(FLAGS, "one").text().contains("hello again")
    });
    assert_eq!(all.map(|key| status(&proxy, key)), [200; 5]);
}
