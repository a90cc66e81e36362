//! The configuration is read again while clients ask all the time, and not one of their requests is dropped.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Clients, Expect, Proxy, Start, Upstream, document, eventually, executable, run,
};

const FLAGS: &str = "/api/v1/flags/?feature=greeting";
const DOCUMENT: &str = "/api/v1/environment-document/";
const READINESS: &str = "/proxy/health/readiness";

/// Every request that came during one of these tests has to be answered.
fn served(value: &str) -> Expect {
    Expect::Always(200, value.to_owned())
}

fn upstream(environments: &[&str]) -> Upstream {
    let documents = environments
        .iter()
        .map(|name| (*name, document(name, &format!("hello from {name}"))));
    Upstream::start(documents)
}

/// Two workers that fetch once and then wait for an hour: whatever is fetched meanwhile has another reason.
fn proxy(upstream: &Upstream, environments: &[&str]) -> Proxy {
    let proxy = Start::new(upstream, environments)
        .workers(2)
        .set("api_poll_frequency_seconds", json!(3600))
        .start();
    proxy.wait_until_ready();
    eventually("two workers", || (workers(&proxy).len() == 2).then_some(()));
    proxy
}

/// Clients that ask for what never changes, and more.
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

/// Waits until clients have asked some more.
fn some_requests(clients: &Clients) {
    let before = clients.asked();
    eventually("some hundred requests", || {
        (clients.asked() > before + 400).then_some(())
    });
}

fn configuration(proxy: &Proxy) -> PathBuf {
    proxy.state().with_file_name("config.json")
}

fn edit(proxy: &Proxy, change: impl FnOnce(&mut Value)) {
    let path = configuration(proxy);
    let mut config = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
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

/// Sends HUP and waits for the line that says what came of it.
#[track_caller]
fn reload(proxy: &Proxy) -> String {
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

/// The workers that are not about to end.
fn workers(proxy: &Proxy) -> Vec<Pid> {
    proxy.workers()
}

fn status(proxy: &Proxy, key: &str) -> u16 {
    proxy.get("/api/v1/flags/", key).status
}

#[test]
fn environments_come_and_go_and_nobody_notices() {
    let upstream = upstream(&["stays", "goes", "comes", "comes-too"]);
    let proxy = proxy(&upstream, &["stays", "goes"]);
    let before = workers(&proxy);
    let clients = clients(
        &proxy,
        &[
            (FLAGS, "goes", Expect::Once(200, 401)),
            (DOCUMENT, "ser.goes", Expect::Once(200, 401)),
            (FLAGS, "comes", Expect::Once(401, 200)),
            (DOCUMENT, "ser.comes", Expect::Once(401, 200)),
        ],
    );
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([
            pair("comes", "ser.comes"),
            pair("stays", "ser.stays"),
            pair("comes-too", "ser.comes-too"),
        ]);
    });
    reloaded(&proxy, "2 environments added, 1 removed");
    for (key, expected) in [
        ("goes", 401),
        ("ser.goes", 401),
        ("comes", 200),
        ("ser.comes-too", 200),
    ] {
        assert_eq!(status(&proxy, key), expected, "{key}");
    }
    // And back, with a row of its own this time.
    edit(&proxy, |config| {
        config["environment_key_pairs"] =
            json!([pair("stays", "ser.stays"), pair("comes", "ser.comes")]);
    });
    reloaded(&proxy, "1 environment removed");
    some_requests(&clients);
    clients.stop("environments come and go");
    assert_eq!(workers(&proxy), before, "nobody was restarted for that");
    assert_eq!(upstream.requests("stays"), 1, "it was not fetched again");
    assert_eq!(upstream.requests("comes"), 1);
    eventually("what was removed is reclaimed", || {
        let snapshots = fs::read_dir(proxy.state().join("environments")).unwrap();
        (snapshots.count() == 2).then_some(())
    });
    edit(&proxy, |config| {
        config["environment_key_pairs"] =
            json!([pair("goes", "ser.goes"), pair("stays", "ser.stays")]);
    });
    reloaded(&proxy, "1 environment added, 1 removed");
    assert_eq!(
        (status(&proxy, "goes"), status(&proxy, "comes")),
        (200, 401)
    );
    assert_eq!(proxy.get(READINESS, "").status, 200);
}

#[test]
fn an_environment_without_a_document_is_added_all_the_same() {
    let upstream = upstream(&["stays", "late"]);
    upstream.set("late", Answer::Other("403 Forbidden".into(), String::new()));
    let proxy = proxy(&upstream, &["stays"]);
    edit(&proxy, |config| {
        config["environment_key_pairs"] =
            json!([pair("stays", "ser.stays"), pair("late", "ser.late")]);
    });
    reloaded(&proxy, "1 environment added");
    assert_eq!(
        (status(&proxy, "stays"), status(&proxy, "late")),
        (200, 503)
    );
    upstream.set("late", Answer::Document(document("late", "here")));
    proxy.wait_for("its document", |proxy| {
        (status(proxy, "late") == 200).then_some(())
    });
}

#[test]
fn a_key_is_rotated_and_its_environment_is_served_throughout() {
    let upstream = upstream(&["stays", "one", "two"]);
    upstream.set(
        "rotated",
        Answer::Document(document("one", "hello from one")),
    );
    let proxy = proxy(&upstream, &["stays", "one", "two"]);
    let generation = |name: &str| {
        let response = proxy.get(FLAGS, name);
        assert_eq!(response.status, 200, "{response:?}");
        response.headers["etag"].clone()
    };
    let before = generation("one");
    let clients = clients(
        &proxy,
        &[
            (FLAGS, "one", served("hello from one")),
            (DOCUMENT, "ser.one", Expect::Once(200, 401)),
            (DOCUMENT, "ser.rotated", Expect::Once(401, 200)),
            (DOCUMENT, "ser.two", served("hello from two")),
            (FLAGS, "two", Expect::Once(200, 401)),
            (FLAGS, "zwei", Expect::Once(401, 200)),
        ],
    );
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([
            pair("stays", "ser.stays"),
            pair("one", "ser.rotated"),
            pair("zwei", "ser.two"),
        ]);
    });
    reloaded(&proxy, "2 key pairs rotated");
    assert_eq!(
        (status(&proxy, "ser.one"), status(&proxy, "two")),
        (401, 401)
    );
    assert_eq!(
        (status(&proxy, "ser.rotated"), status(&proxy, "zwei")),
        (200, 200)
    );
    some_requests(&clients);
    clients.stop("keys are rotated");
    assert_eq!(generation("one"), before);
    eventually("the new key is used at once", || {
        (upstream.requests("rotated") == 1).then_some(())
    });
    assert_eq!(upstream.requests("stays"), 1);
    assert_eq!(upstream.requests("one"), 1, "the old key is not used again");
    let log = proxy.log();
    assert!(
        !log.contains("ser.one") && !log.contains("ser.rotated"),
        "{log}"
    );
}

#[test]
fn new_settings_roll_the_workers_and_no_request_is_dropped() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let allowed = || {
        let headers = [("X-Environment-Key", "stays"), ("Origin", "https://a.test")];
        let response = proxy.connect().request("GET", FLAGS, &headers, b"");
        response.headers.get("access-control-allow-origin").cloned()
    };
    assert_eq!(allowed().as_deref(), Some("*"));
    let clients = clients(&proxy, &[]);
    for round in 1..=3 {
        let before = workers(&proxy);
        edit(&proxy, |config| {
            config["allow_origins"] = json!(["https://a.test", format!("https://{round}.test")]);
            config["server"]["keep_alive_seconds"] = json!(60 + round);
            config["server"]["shutdown_timeout_seconds"] = json!(10 + round);
        });
        reloaded(&proxy, "2 workers rolled");
        let after = eventually("the old workers are gone", || {
            let after = workers(&proxy);
            (after.len() == 2 && before.iter().all(|old| !after.contains(old))).then_some(after)
        });
        assert_eq!(allowed().as_deref(), Some("https://a.test"));
        // A killed one comes back with the new settings, on the same socket.
        kill(after[0], Signal::SIGKILL).unwrap();
        eventually("a successor", || {
            let now = workers(&proxy);
            (now.len() == 2 && !now.contains(&after[0])).then_some(())
        });
        assert_eq!(allowed().as_deref(), Some("https://a.test"));
        if round == 1 {
            assert_eq!(upstream.requests("stays"), 1);
        }
    }
    drop(clients);
}

/// `RELOADS` times of each kind.
#[test]
fn is_reloaded_in_every_way_again_and_again_and_drops_nothing() {
    let rounds = std::env::var("RELOADS").map_or(4, |rounds| rounds.parse().unwrap());
    let upstream = upstream(&["stays", "comes", "two"]);
    let proxy = proxy(&upstream, &["stays", "two"]);
    for round in 0..=rounds {
        let name = format!("rotated-{round}");
        upstream.set(&name, Answer::Document(document("one", "hello from one")));
    }
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([
            pair("stays", "ser.stays"),
            pair("one", "ser.rotated-0"),
            pair("two-0", "ser.two"),
        ]);
    });
    reload(&proxy);
    let (one, two) = (served("hello from one"), served("hello from two"));
    let clients = clients(&proxy, &[(FLAGS, "one", one), (DOCUMENT, "ser.two", two)]);
    for round in 1..=rounds {
        edit(&proxy, |config| {
            let mut pairs = json!([
                pair("one", &format!("ser.rotated-{round}")),
                pair("stays", "ser.stays"),
                pair(&format!("two-{round}"), "ser.two"),
            ]);
            if round % 2 == 1 {
                pairs
                    .as_array_mut()
                    .unwrap()
                    .push(pair("comes", "ser.comes"));
            }
            config["environment_key_pairs"] = pairs;
            config["server"]["max_body_bytes"] = json!(100_000 + round);
            config["api_poll_timeout_seconds"] = json!(3 + round % 2);
        });
        let line = reload(&proxy);
        for part in ["key pairs rotated", "2 workers rolled", "polling http://"] {
            assert!(line.contains(part), "{line:?} lacks {part:?}");
        }
        assert_eq!(
            status(&proxy, "comes"),
            if round % 2 == 1 { 200 } else { 401 }
        );
        assert_eq!(status(&proxy, &format!("two-{round}")), 200);
        some_requests(&clients);
    }
    let tally = clients.stop(&format!("{rounds} reloads of every kind"));
    assert!(tally.asked > 400 * rounds);
    eventually("the old workers are gone", || {
        (workers(&proxy).len() == 2).then_some(())
    });
    assert_eq!(upstream.requests("stays"), 1);
}

#[test]
fn many_requests_to_reload_are_few_reloads_and_the_last_file_counts() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    for round in 1..=20 {
        edit(&proxy, |config| {
            config["allow_origins"] = json!([format!("https://{round}.test")]);
        });
        proxy.signal(Signal::SIGHUP);
    }
    proxy.wait_for("the last file", |proxy| {
        let headers = [
            ("X-Environment-Key", "stays"),
            ("Origin", "https://20.test"),
        ];
        let allowed = || {
            let response = proxy.connect().request("GET", FLAGS, &headers, b"");
            response.headers.contains_key("access-control-allow-origin")
        };
        (0..16).all(|_| allowed()).then_some(())
    });
    proxy.wait_for("two workers", |proxy| {
        (workers(proxy).len() == 2).then_some(())
    });
    let lines = told(&proxy);
    assert!((1..=20).contains(&lines.len()), "{lines:?}");
    assert!(
        lines.iter().all(|line| !line.contains("ERROR")),
        "{lines:?}"
    );
}

#[test]
fn another_port_is_opened_before_the_old_one_is_left() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let next = free.local_addr().unwrap();
    drop(free);
    let clients = Clients::start(
        proxy.address,
        Some(next),
        &[
            (FLAGS, "stays", served("hello from stays")),
            (READINESS, "", served("\"ok\"")),
        ],
    );
    some_requests(&clients);
    edit(&proxy, |config| {
        config["server"]["port"] = json!(next.port())
    });
    reloaded(
        &proxy,
        &format!("listening on http://{next}, 2 workers rolled"),
    );
    eventually("the old port is left", || {
        (!crate::harness::accepts(proxy.address)).then_some(())
    });
    some_requests(&clients);
    let tally = clients.stop("another port");
    assert_eq!(tally.moved, 4, "each client has found the new port");
    // Another address with the same port is not in its own way.
    edit(&proxy, |config| config["server"]["host"] = json!("0.0.0.0"));
    let everywhere = format!("0.0.0.0:{}", next.port());
    reloaded(
        &proxy,
        &format!("listening on http://{everywhere}, 2 workers rolled"),
    );
    assert!(crate::harness::accepts(SocketAddr::from((
        [127, 0, 0, 2],
        next.port()
    ))));
}

#[test]
fn an_invalid_file_changes_nothing_and_says_why() {
    let upstream = upstream(&["stays", "other"]);
    let proxy = proxy(&upstream, &["stays"]);
    let good = fs::read_to_string(configuration(&proxy)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let before = workers(&proxy);
    let clients = clients(
        &proxy,
        &[(FLAGS, "other", Expect::Always(401, String::new()))],
    );
    let with = |change: fn(&mut Value)| {
        let mut config: Value = serde_json::from_str(&good).unwrap();
        config["environment_key_pairs"] = json!([pair("other", "ser.other")]);
        change(&mut config);
        config.to_string()
    };
    let cases = [
        (String::new(), "is not JSON"),
        (good[..good.len() / 2].to_owned(), "is not JSON"),
        ("[]".to_owned(), "expected an object"),
        (
            with(|config| config["server"]["port"] = json!(65536)),
            "server.port: found 65536",
        ),
        (
            with(|config| config["api_url"] = json!("ftp://upstream")),
            "api_url: found",
        ),
        (
            with(|config| config["environment_key_pairs"] = json!([])),
            "environment_key_pairs",
        ),
        (
            with(|config| config["environment_key_pairs"] = json!([pair("other", "SECRET")])),
            "environment_key_pairs[0].server_side_key: found another string",
        ),
        (
            with(|config| {
                config["environment_key_pairs"] =
                    json!([pair("other", "ser.other"), pair("other", "ser.stays")]);
            }),
            "environment_key_pairs[1].client_side_key: found a key that an earlier pair has",
        ),
    ];
    for (text, reason) in &cases {
        fs::write(configuration(&proxy), text).unwrap();
        let line = reload(&proxy);
        assert!(line.contains("ERROR"), "{line}");
        assert!(line.contains(reason), "{line:?} lacks {reason:?}");
        assert!(
            !line.contains("SECRET") && !line.contains("ser.other"),
            "{line}"
        );
        // In the same words as at the start.
        let (code, _, stderr) = run(executable().arg("--config").arg(configuration(&proxy)));
        assert_eq!(code, Some(78));
        let words = stderr.trim_end().strip_prefix("edge-proxy: ").unwrap();
        assert!(
            line.ends_with(words),
            "{line:?} does not end with {words:?}"
        );
    }
    fs::remove_file(configuration(&proxy)).unwrap();
    assert!(reload(&proxy).contains("cannot be read: No such file"));
    // What is wrong may also lie outside of the file.
    let mut config: Value = serde_json::from_str(&with(|_| ())).unwrap();
    let port = taken.local_addr().unwrap().port();
    config["server"]["port"] = json!(port);
    fs::write(configuration(&proxy), config.to_string()).unwrap();
    let line = reload(&proxy);
    let expected = format!("nothing changes: listen on 127.0.0.1:{port}: Address already in use");
    assert!(line.contains(&expected), "{line:?} lacks {expected:?}");
    some_requests(&clients);
    clients.stop("10 invalid configurations");
    assert_eq!(workers(&proxy), before);
    assert_eq!(
        (upstream.requests("stays"), upstream.requests("other")),
        (1, 0)
    );
    fs::write(configuration(&proxy), good).unwrap();
    reloaded(&proxy, "nothing changed");
}

#[test]
fn an_unchanged_file_changes_nothing() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let before = workers(&proxy);
    let last_update = || proxy.get(READINESS, "").json()["last_successful_update"].clone();
    let fetched = last_update();
    let clients = clients(&proxy, &[]);
    for _ in 0..10 {
        reloaded(&proxy, "nothing changed");
    }
    some_requests(&clients);
    let tally = clients.stop("10 unchanged configurations");
    assert_eq!(tally.again, 0, "no connection was closed");
    assert_eq!(workers(&proxy), before);
    assert_eq!(upstream.requests("stays"), 1);
    assert_eq!(last_update(), fetched);
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_is_applied() {
    let upstream = upstream(&["stays", "comes"]);
    let proxy = proxy(&upstream, &["stays"]);
    edit(&proxy, |config| {
        config["snapshot"]["directory"] = json!(proxy.state().with_file_name("elsewhere"));
        config["environment_key_pairs"] =
            json!([pair("stays", "ser.stays"), pair("comes", "ser.comes")]);
        config["server"]["max_connections"] = json!(100);
        config["unheard_of"] = json!(1);
    });
    reloaded(&proxy, "1 environment added, 2 workers rolled");
    let log = proxy.log();
    let state = proxy.state().display().to_string();
    let stays =
        format!("the state directory changes with a restart only: still publishing in {state}");
    assert!(log.contains(&stays), "{log}");
    assert!(log.contains("unheard_of is not a setting"), "{log}");
    assert_eq!(
        (status(&proxy, "stays"), status(&proxy, "comes")),
        (200, 200)
    );
    assert!(!proxy.state().with_file_name("elsewhere").exists());
}

#[test]
fn polling_changes_and_what_is_served_stays() {
    let first = upstream(&["stays"]);
    let second = upstream(&["stays"]);
    second.set("stays", Answer::Silence);
    let proxy = proxy(&first, &["stays"]);
    let clients = clients(&proxy, &[]);
    edit(&proxy, |config| {
        config["api_url"] = json!(second.api_url());
        config["api_poll_timeout_seconds"] = json!(0.3);
    });
    let polling = format!("polling {} every 3600 s", second.api_url());
    reloaded(&proxy, &polling);
    proxy.wait_for("the failure", |proxy| {
        let failure = "environment stays not updated: upstream did not answer within 0.3 s";
        proxy.log().contains(failure).then_some(())
    });
    some_requests(&clients);
    clients.stop("another upstream");
    assert_eq!(first.requests("stays"), 1);

    second.set(
        "stays",
        Answer::Document(document("stays", "hello from the other one")),
    );
    let polling = format!("polling {} every 0.1 s", second.api_url());
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!(0.1)
    });
    reloaded(&proxy, &polling);
    proxy.wait_for("the document of the other one", |proxy| {
        let answer = proxy.get(FLAGS, "stays").text();
        answer.contains("the other one").then_some(())
    });
    proxy.wait_for("the new frequency", |_| {
        (second.requests("stays") > 5).then_some(())
    });
    assert_eq!(workers(&proxy).len(), 2);
    edit(&proxy, |config| {
        config["api_max_document_bytes"] = json!(10)
    });
    reloaded(&proxy, &polling);
    second.set("stays", Answer::Document(document("stays", "too large")));
    proxy.wait_for("the limit", |proxy| {
        proxy
            .log()
            .contains("the document is larger than 10 bytes")
            .then_some(())
    });
    assert_eq!(status(&proxy, "stays"), 200);
}

#[test]
fn the_grace_period_changes_without_a_new_worker() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let before = workers(&proxy);
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!(3600.5);
        config["health_check"] = json!({"environment_update_grace_period_seconds": null});
    });
    reload(&proxy);
    upstream.set("stays", Answer::Silence);
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!(0.1);
        config["api_poll_timeout_seconds"] = json!(0.1);
        config["health_check"] = json!({"environment_update_grace_period_seconds": 0.2});
    });
    reload(&proxy);
    proxy.wait_for("staleness", |proxy| {
        (proxy.get(READINESS, "").status == 503).then_some(())
    });
    edit(&proxy, |config| {
        config["health_check"] = json!({"environment_update_grace_period_seconds": null});
    });
    reloaded(&proxy, "never stale");
    assert_eq!(proxy.get(READINESS, "").status, 200);
    assert_eq!(workers(&proxy), before);
}

#[test]
fn workers_that_cannot_boot_in_the_new_way_leave_the_old_ones_in_peace() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let before = workers(&proxy);
    let clients = clients(&proxy, &[]);
    // A worker refuses a directory that others can write to.
    fs::set_permissions(proxy.state(), Permissions::from_mode(0o777)).unwrap();
    edit(&proxy, |config| {
        config["server"]["max_connections"] = json!(100)
    });
    reloaded(&proxy, "0 of 2 workers rolled");
    let log = proxy.log();
    assert!(
        log.contains("worker 0 could not boot: 0 of 2 workers rolled, the others serve as before"),
        "{log}"
    );
    some_requests(&clients);
    assert_eq!(workers(&proxy), before);
    fs::set_permissions(proxy.state(), Permissions::from_mode(0o700)).unwrap();
    reloaded(&proxy, "2 workers rolled");
    some_requests(&clients);
    clients.stop("workers that cannot boot");
}

#[test]
fn hup_during_a_drain_does_not_keep_it_from_ending() {
    let upstream = upstream(&["stays"]);
    let mut proxy = proxy(&upstream, &["stays"]);
    let mut busy = proxy.connect();
    let head = "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: stays\r\n\
        Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n";
    busy.send(head.as_bytes());
    assert_eq!(busy.response("POST").status, 100);
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([pair("other", "ser.other")])
    });
    proxy.signal(Signal::SIGTERM);
    proxy.wait_for("the drain", |proxy| {
        proxy.log().contains("draining").then_some(())
    });
    proxy.signal(Signal::SIGHUP);
    busy.send(br#"{"identifier":"bob"}"#);
    assert_eq!(busy.response("POST").status, 200);
    assert_eq!(proxy.wait().code(), Some(0));
    assert_eq!(told(&proxy), Vec::<String>::new());
}

#[test]
fn the_demonstration_has_nothing_to_reload() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = executable();
    command
        .arg("--demo")
        .env("STATE_DIRECTORY", directory.path());
    command.stdout(std::process::Stdio::null());
    let proxy = Proxy::spawn(command, directory.path().to_owned(), None);
    assert!(reload(&proxy).contains("nothing to reload"));
}
