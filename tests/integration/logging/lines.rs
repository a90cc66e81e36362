//! What is logged, and how it is written.

use nix::sys::signal::Signal;
use serde_json::json;
use testing::{Answer, Stub, document};

use super::{count, json_line, json_lines};
use crate::harness::{Proxy, Start, executable, run};

#[test]
fn lines_of_json_have_the_fields_that_they_speak_of() {
    let upstream = Stub::start([
        ("one", document("one", "hello")),
        ("two", document("two", "hello")),
    ]);
    let logging = json!({"log_format": "json", "log_level": "DEBUG"});
    let proxy = Start::new(&upstream, &["one", "two"])
        .set("logging", logging)
        .start();
    proxy.wait_until_ready();
    let progress = json_line(&proxy, "published 2 of 2 environments");
    assert_eq!(
        (&progress["published"], &progress["environments"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&progress["level"], &progress["logger"]),
        (&json!("info"), &json!("supervisor::poll::shared"))
    );
    let published = json_line(&proxy, "environment one published");
    assert_eq!(
        (&published["environment"], &published["level"]),
        (&json!("one"), &json!("debug"))
    );
    assert!(
        published["generation"].is_u64() && published["bytes"].is_u64(),
        "{published}"
    );
    upstream.set("two", Answer::status("500 Internal Server Error", "broken"));
    let failed = json_line(&proxy, "environment two not updated");
    assert_eq!(
        (&failed["environment"], &failed["level"]),
        (&json!("two"), &json!("warning"))
    );
    assert!(
        failed["error"].as_str().unwrap().contains("500") && failed["retry_seconds"].is_number(),
        "{failed}"
    );
    let of_worker = json_line(&proxy, "no new privileges");
    assert_eq!(of_worker["worker"], 0);
    for line in json_lines(&proxy.log()) {
        let timestamp = line["timestamp"].as_str().unwrap();
        timestamp.parse::<jiff::Timestamp>().expect("a time");
        assert_eq!(
            timestamp.len(),
            "2026-11-29T10:00:00.000000Z".len(),
            "{timestamp}"
        );
    }
}

#[test]
fn a_level_and_its_override_decide_what_is_logged() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    upstream.set("one", Answer::status("500 Internal Server Error", "broken"));
    let logging = json!({
        "log_level": "ERROR", "log_event_field_name": "event", "log_format": "json",
        "override": {"version": 1, "handlers": {"file": {}}, "loggers": {
            "supervisor.run": {"level": "INFO"}, "edge_proxy": {"level": "WARNING", "handlers": ["file"]},
            "supervisor.poll": {"level": 40},
        }},
    });
    let start = Start::new(&upstream, &["one"]).set("logging", logging);
    let proxy = start.start();
    proxy.wait_for("failures", |_| upstream.count("one") > 2);
    let lines = json_lines(&proxy.log());
    let has = |words: &str| {
        lines
            .iter()
            .filter(|line| line["event"].as_str().unwrap().contains(words))
            .count()
    };
    assert_eq!(has("listening on"), 1);
    assert_eq!(has("not updated"), 0);
    assert_eq!(has("handlers, loggers.edge_proxy.handlers"), 1, "{lines:?}");
}

#[test]
fn rust_log_wins_over_the_settings() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let start = Start::new(&upstream, &["one"]).log("supervisor::run=info,worker=debug");
    let proxy = start
        .set("logging", json!({"log_level": "CRITICAL"}))
        .start();
    proxy.wait_for("a worker's details", |proxy| {
        proxy.log().contains("no new privileges")
    });
    assert_eq!(count(&proxy, "supervisor::poll"), 0, "{}", proxy.log());
}

#[test]
fn whatever_ends_the_process_is_told_at_any_level_in_the_format_of_the_log() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let other = Proxy::ready(&upstream, "one");
    for (format, start) in [("generic", "edge-proxy: "), ("json", "{\"timestamp\":")] {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.json");
        let settings = json!({
            "environment_key_pairs": [{"client_side_key": "one", "server_side_key": "ser.one"}],
            "server": {"host": "127.0.0.1", "port": other.address.port()},
            "snapshot": {"directory": directory.path().join("state")},
            "logging": {"log_level": "CRITICAL", "log_format": format},
        });
        std::fs::write(&config, settings.to_string()).unwrap();
        let (status, _, log) = run(executable().arg("--config").arg(config));
        assert_eq!(status, Some(1), "{log}");
        let last = log.lines().last().unwrap();
        assert!(last.starts_with(start) && last.contains("in use"), "{log}");
    }
}

#[test]
fn text_has_colours_on_a_terminal_or_by_the_setting() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let plain = Start::new(&upstream, &["one"]).start();
    assert!(!plain.log().contains('\u{1b}'), "{}", plain.log());
    for name in ["colours", "colors"] {
        let start = Start::new(&upstream, &["one"]).set("logging", json!({name: true}));
        let proxy = start.start();
        assert_eq!(
            count(&proxy, "\u{1b}[32mINFO \u{1b}[0m"),
            proxy.log().lines().count()
        );
    }
}

#[test]
fn a_reload_changes_what_is_logged_and_how_unless_it_is_refused() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let start = Start::new(&upstream, &["one"]);
    let proxy = start.start();
    proxy.wait_until_ready();
    let configure = |changes: &[(&str, serde_json::Value)]| {
        let path = proxy.config();
        let mut config: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        changes
            .iter()
            .for_each(|(name, value)| config[*name] = value.clone());
        std::fs::write(path, config.to_string()).unwrap();
        proxy.signal(Signal::SIGHUP);
    };
    let json = json!({"log_format": "json", "log_level": "DEBUG"});
    let api_url = json!(upstream.api_url());
    configure(&[("logging", json.clone()), ("api_url", json!("nowhere"))]);
    proxy.wait_for("the refusal", |proxy| proxy.log().contains("not reloaded"));
    assert_eq!(count(&proxy, "{\"timestamp\""), 0, "{}", proxy.log());
    configure(&[("logging", json), ("api_url", api_url)]);
    proxy.wait_for("the reload", |proxy| count(proxy, "1 worker rolled") == 1);
    proxy.wait_for("details of the supervisor in JSON", |proxy| {
        let log = proxy.log();
        let mut lines = log
            .lines()
            .filter(|line| line.starts_with("{\"timestamp\""));
        lines.any(|line| line.contains("previous worker 0 exited"))
    });
}
