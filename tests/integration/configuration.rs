//! The configuration at the door of the executable: as the official documentation has it, in a file, in variables, in
//! both, and with secrets in files.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Stub, document, file};

use crate::harness::{Proxy, executable, run};

const FLAGS: &str = "/api/v1/flags/";

/// A command that runs in an empty directory and keeps its state there.
fn in_directory(directory: &Path) -> Command {
    let mut command = executable();
    command
        .current_dir(directory)
        .env("STATE_DIRECTORY", directory.join("state"));
    command
}

fn start(command: Command, directory: &Path) -> Proxy {
    let proxy = Proxy::spawn(command, directory.join("state"), None);
    proxy.wait_until_ready();
    proxy
}

fn serves(proxy: &Proxy, keys: &[&str]) {
    for key in keys {
        assert_eq!(proxy.get(FLAGS, key).status, 200, "{key}");
    }
}

fn upstream(environments: &[&str]) -> Stub {
    Stub::start(
        environments
            .iter()
            .map(|name| (*name, document(name, "hello"))),
    )
}

/// The example of the official documentation, with a free port in place of 8000.
#[test]
fn a_file_of_the_official_proxy_works() {
    let upstream = upstream(&["one", "two"]);
    let directory = tempfile::tempdir().unwrap();
    let api_url = upstream.api_url();
    let config = format!(
        r#"{{
            "environment_key_pairs": [
                {{"server_side_key": "ser.one", "client_side_key": "one"}},
                {{"server_side_key": "ser.two", "client_side_key": "two"}}
            ],
            "api_url": "{api_url}",
            "api_poll_frequency_seconds": 10,
            "api_poll_timeout_seconds": 5,
            "endpoint_caches": {{
                "flags": {{"use_cache": true, "cache_max_size": 1000}},
                "identities": {{"use_cache": true, "cache_max_size": 1000}}
            }},
            "allow_origins": ["https://www.example.com"],
            "server": {{"host": "0.0.0.0", "port": 0, "reload": false, "timeout_keep_alive": 120}},
            "health_check": {{"environment_update_grace_period_seconds": 30}}
        }}"#
    );
    // As some editors write it.
    let config = format!("\u{feff}{}", config.replace('\n', "\r\n"));
    fs::write(directory.path().join("config.json"), config).unwrap();
    let proxy = start(in_directory(directory.path()), directory.path());
    serves(&proxy, &["one", "two", "ser.one", "ser.two"]);
    let log = proxy.log();
    assert_eq!(
        log.matches("endpoint_caches is not needed here").count(),
        1,
        "{log}"
    );
}

#[test]
fn variables_alone_are_enough_and_workers_do_not_have_them() {
    let upstream = upstream(&["one"]);
    let directory = tempfile::tempdir().unwrap();
    let pairs = r#"[{"server_side_key": "ser.one", "client_side_key": "one"}]"#;
    let mut command = in_directory(directory.path());
    command
        .env("environment_key_pairs", pairs)
        .env("API_URL", upstream.api_url())
        .env("SERVER", r#"{"port": "0"}"#)
        .env(
            "HEALTH_CHECK",
            r#"{"environment_update_grace_period_seconds": null}"#,
        )
        .env("ALLOW_ORIGINS", r#"["*"]"#)
        // These belong to others.
        .env("SERVER_PORT", "tcp://10.0.0.1:80")
        .env("FLAGS", "-O2");
    let proxy = start(command, directory.path());
    serves(&proxy, &["one", "ser.one"]);
    let log = proxy.log();
    for name in ["SERVER_PORT", "FLAGS"] {
        assert_eq!(
            log.matches(&format!("process environment: {name} "))
                .count(),
            1,
            "{log}"
        );
    }
    assert!(!log.contains("ser.one"), "{log}");
    for worker in proxy.workers() {
        let environment = fs::read(format!("/proc/{worker}/environ")).unwrap();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(!environment.contains("ser.one"), "{environment}");
    }
}

#[test]
fn variables_override_the_file() {
    let upstream = upstream(&["one", "two"]);
    let directory = tempfile::tempdir().unwrap();
    let config = json!({
        "environment_key_pairs": [{"server_side_key": "ser.one", "client_side_key": "one"}],
        "api_url": "http://127.0.0.1:9/api/v1",
        "server": {"host": "127.0.0.1", "port": 9},
    });
    let path = directory.path().join("other.json");
    fs::write(&path, config.to_string()).unwrap();
    let pairs = r#"[{"server_side_key": "ser.two", "client_side_key": "two"}]"#;
    let mut command = in_directory(directory.path());
    command
        .env("CONFIG_PATH", &path)
        .env("ENVIRONMENT_KEY_PAIRS", pairs)
        .env("API_URL", upstream.api_url())
        .env("SERVER_PORT", "0");
    let proxy = start(command, directory.path());
    assert_eq!(proxy.address.ip().to_string(), "127.0.0.1");
    serves(&proxy, &["two"]);
    assert_eq!(proxy.get(FLAGS, "one").status, 401);
}

#[test]
fn check_config_tells_where_each_value_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    let pairs = json!([{"server_side_key": "ser.SECRET", "client_side_key": "public"}]);
    let config = json!({
        "environment_key_pairs": pairs,
        "api_url": "https://me:SECRET@flagsmith.test/api/v1",
        "api_poll_frequency": 5,
        "admin": {"token": "SECRET"},
        "server": {"prot": 1},
    });
    fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
    let check = |arguments: &[&str]| {
        let mut command = in_directory(directory.path());
        command
            .env("SERVER", r#"{"host": "127.0.0.1"}"#)
            .env("SERVER_PORT", "8080")
            .arg("check-config")
            .args(arguments);
        let (code, stdout, stderr) = run(&mut command);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!stdout.contains("SECRET"), "{stdout}");
        (stdout, stderr)
    };
    let (table, stderr) = check(&[]);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for row in [
        [
            "environment_key_pairs[0].client_side_key",
            "public",
            "config.json",
        ],
        [
            "environment_key_pairs[0].server_side_key",
            "(secret)",
            "config.json",
        ],
        ["api_url", "https://flagsmith.test/api/v1", "config.json"],
        [
            "api_poll_frequency_seconds",
            "5",
            "config.json: api_poll_frequency",
        ],
        ["api_poll_timeout_seconds", "5", "default"],
        ["admin.token", "(secret)", "config.json"],
        ["server.host", "127.0.0.1", "process environment: SERVER"],
        ["server.port", "8080", "process environment: SERVER_PORT"],
    ] {
        let cells = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_there = table.lines().any(|line| cells(line) == row.join(" "));
        assert!(is_there, "no {row:?} in\n{table}");
    }
    let (report, stderr) = check(&["--json"]);
    assert_eq!(stderr, "");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(1));
    let settings = report["settings"].as_array().unwrap();
    let port =
        json!({"name": "server.port", "value": 8080, "from": "process environment: SERVER_PORT"});
    assert!(settings.contains(&port), "{settings:?}");
}

#[test]
fn the_rendered_configuration_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let (code, config, _) = run(in_directory(directory.path()).arg("render-config"));
    assert_eq!(code, Some(0));
    fs::write(directory.path().join("config.json"), config).unwrap();
    let (code, table, stderr) = run(in_directory(directory.path()).arg("check-config"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{table}");
    let (code, reference, _) =
        run(in_directory(directory.path()).args(["render-config", "--reference"]));
    assert_eq!(code, Some(0));
    assert_eq!(reference, file("docs/configuration.md"));
}

/// Docker secrets, and a rotation of the key in one.
#[test]
fn secrets_may_be_in_files_and_are_read_again_at_a_reload() {
    let upstream = upstream(&["old", "new"]);
    let directory = tempfile::tempdir().unwrap();
    let (pairs, key) = (directory.path().join("pairs"), directory.path().join("key"));
    fs::write(&key, "ser.old\n").unwrap();
    let list = json!([{"server_side_key_file": key, "client_side_key": "public"}]);
    fs::write(&pairs, list.to_string()).unwrap();
    let mut command = in_directory(directory.path());
    command
        .env("ENVIRONMENT_KEY_PAIRS_FILE", &pairs)
        .env("API_URL", upstream.api_url())
        .env("SERVER_PORT", "0");
    let proxy = start(command, directory.path());
    serves(&proxy, &["public", "ser.old"]);
    fs::write(&key, "ser.new").unwrap();
    proxy.signal(Signal::SIGHUP);
    proxy.wait_for("the new key", |proxy| {
        proxy.get(FLAGS, "ser.new").status == 200
    });
    assert_eq!(proxy.get(FLAGS, "ser.old").status, 401);
    assert!(!proxy.log().contains("ser.new"), "{}", proxy.log());
}

#[test]
fn all_server_side_keys_of_an_environment_open_it_and_one_that_works_fetches() {
    // Upstream knows only the first of the three.
    let upstream = upstream(&["works"]);
    let directory = tempfile::tempdir().unwrap();
    let pairs = ["ser.works", "ser.revoked", "ser.not_yet"]
        .map(|key| json!({"server_side_key": key, "client_side_key": "works"}));
    let mut command = in_directory(directory.path());
    command
        .env("ENVIRONMENT_KEY_PAIRS", json!(pairs).to_string())
        .env("API_URL", upstream.api_url())
        .env("SERVER_PORT", "0");
    let proxy = start(command, directory.path());
    serves(
        &proxy,
        &["works", "ser.works", "ser.revoked", "ser.not_yet"],
    );
}
