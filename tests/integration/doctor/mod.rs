//! `edge-proxy doctor`: what it finds, with everything as it should be and with each fault.

mod machine;
mod upstream;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testing::{Answer, Stub, document, file};

use crate::harness::{executable, run};

/// The configuration of one environment, which tests change.
fn config(directory: &Path, api_url: &str) -> Value {
    json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.SECRET"}],
        "api_url": api_url,
        "api_poll_timeout_seconds": 2,
        "server": {"host": "127.0.0.1", "port": 0},
        "admin": {"port": 0},
        "snapshot": {"directory": directory.join("state")},
    })
}

/// The command, with these variables.
fn command(directory: &Path, config: &Value, variables: &[(&str, &str)]) -> Command {
    let file = directory.join("config.json");
    std::fs::write(&file, config.to_string()).expect("write the configuration");
    let mut command = executable();
    command.arg("doctor").arg("--config").arg(file);
    command.envs(variables.iter().copied());
    command
}

/// What it finds.
struct Examined {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Examined {
    fn with(config: &Value, variables: &[(&str, &str)]) -> Examined {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = config.clone();
        if config["snapshot"]["directory"].is_null() {
            config["snapshot"] = json!({"directory": directory.path().join("state")});
        }
        let (code, stdout, stderr) =
            run(command(directory.path(), &config, variables).arg("--json"));
        assert_eq!(stderr, "");
        assert!(!stdout.contains("SECRET"), "{stdout}");
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        Examined {
            code,
            findings: report["findings"].as_array().expect("a list").clone(),
        }
    }

    fn of(api_url: &str, variables: &[(&str, &str)]) -> Examined {
        let directory = tempfile::tempdir().expect("a directory");
        Examined::with(&config(directory.path(), api_url), variables)
    }

    /// The only finding of this check that is not ok; otherwise the first one.
    #[track_caller]
    fn finding(&self, id: &str) -> &Value {
        let found: Vec<_> = self
            .findings
            .iter()
            .filter(|finding| finding["id"] == id)
            .collect();
        let bad = found.iter().find(|finding| finding["status"] != "ok");
        bad.or(found.first())
            .unwrap_or_else(|| panic!("no {id} in {:#?}", self.findings))
    }

    /// The check has this status and these words.
    #[track_caller]
    fn assert(&self, id: &str, status: &str, words: &str) {
        let finding = self.finding(id);
        let found = finding["words"].as_str().expect("words");
        assert!(
            finding["status"] == status && found.contains(words),
            "{finding:#} lacks {words:?}"
        );
        assert_eq!(finding["advice"].is_null(), status == "ok", "{finding:#}");
        let has_failed = self
            .findings
            .iter()
            .any(|finding| finding["status"] == "failed");
        assert_eq!(self.code, Some(has_failed.into()));
    }

    fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding["id"] == id)
    }
}

/// Answers with a document, without any date.
fn good() -> Answer {
    Answer::new(
        "200 OK",
        &["Content-Type: application/json"],
        document("test", "good"),
    )
}

/// An upstream that gives this answer to everybody.
fn upstream(answer: Answer) -> Stub {
    Stub::answering(move |_| answer.clone())
}

#[test]
fn all_is_well_where_nothing_is_wrong() {
    let upstream = upstream(good());
    let examined = Examined::of(&upstream.api_url(), &[]);
    let ids: Vec<_> = examined
        .findings
        .iter()
        .map(|finding| &finding["id"])
        .collect();
    let expected = [
        "configuration",
        "keys.kind",
        "upstream.address",
        "upstream.way",
        "upstream.dns",
        "upstream.connection",
        "upstream.answer",
        "document.fetch",
        "settings.freshness",
        "settings.staleness",
        "state.directory",
        "state.room",
        "server.port",
        "admin.port",
    ];
    assert_eq!(ids, expected, "{:#?}", examined.findings);
    for id in expected {
        assert_eq!(
            examined.finding(id)["status"],
            "ok",
            "{:#}",
            examined.finding(id)
        );
    }
    assert_eq!(examined.code, Some(0));
    let documented = file("docs/commands.md");
    let is_missing = |id: &&str| !documented.contains(&format!("`{id}`"));
    assert_eq!(expected.into_iter().find(is_missing), None);
    examined.assert("document.fetch", "ok", "\"Test\": 1");
    assert_eq!(examined.finding("document.fetch")["environment"], "t…");
}

#[test]
fn people_get_a_line_for_each_check() {
    let directory = tempfile::tempdir().expect("a directory");
    let upstream = upstream(good());
    let mut config = config(directory.path(), &upstream.api_url());
    config["poll"] = json!(1);
    let (code, stdout, stderr) = run(&mut command(directory.path(), &config, &[]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let lines: Vec<_> = stdout.lines().collect();
    assert!(
        lines[1].starts_with("warning  configuration        "),
        "{stdout}"
    );
    assert!(
        lines[1].contains("poll") && lines[1].contains(" -> "),
        "{stdout}"
    );
    assert!(
        stdout.contains("\nok       document.fetch       environment t…: \"Test\": "),
        "{stdout}"
    );
    assert_eq!(
        lines.last(),
        Some(&"14 ok, 1 warning, 0 failed"),
        "{stdout}"
    );
    assert!(!stdout.contains("SECRET"), "{stdout}");
}

#[test]
fn without_a_configuration_the_reason_is_the_finding() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = config(directory.path(), "http://127.0.0.1:9/api/v1");
    config["environment_key_pairs"][0]["server_side_key"] = json!("SECRET");
    let examined = Examined::with(&config, &[]);
    examined.assert(
        "keys.kind",
        "failed",
        "expected a key that starts with \"ser.\"",
    );
    config["environment_key_pairs"][0] =
        json!({"client_side_key": "ser.SECRET", "server_side_key": "ser.SECRET"});
    Examined::with(&config, &[]).assert("keys.kind", "failed", "client_side_key");
    config["environment_key_pairs"] = json!([]);
    Examined::with(&config, &[]).assert("configuration", "failed", "environment_key_pairs");
}
