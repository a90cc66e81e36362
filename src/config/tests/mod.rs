//! What a configuration may contain, and the line that names what is wrong with it.

mod garbage;
mod key_pairs;
mod variables;

use super::process_environment::parse_workers;
use super::*;
use contract::{LogFormat, LogLevel, ReadyWhen};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use supervisor::{ConditionalFetch, DocumentPlace, FetchRules};

fn read(text: &str) -> Result<Config, String> {
    let definitions = Definitions::gather();
    let mut given = Given::new("config.json");
    file::parse("config.json", text.as_bytes())
        .and_then(|members| given.add(&definitions, "config.json", "", members))
        .and_then(|()| Config::of(&mut given))
        .map_err(|error| error.to_string())
}

fn with(members: &str) -> String {
    let pair = r#"{"server_side_key":" ser.a ","client_side_key":" a "}"#;
    format!(r#"{{"environment_key_pairs":[{pair}]{members}}}"#)
}

/// Holds that a file of the repository is as it is written from the definitions. `UPDATE=1` writes it.
fn check_file(name: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if variable("UPDATE").is_some() {
        std::fs::write(&path, written).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        file == written,
        "{name} differs from the definitions: UPDATE=1 cargo test --bin edge-proxy reference"
    );
}

#[test]
fn example_and_reference_are_written_from_the_definitions() {
    check_file("config.json.example", &example());
    check_file("docs/configuration.md", &reference());
}

#[test]
fn the_example_is_the_defaults_with_two_key_pairs() {
    let example = read(&example()).unwrap();
    assert_eq!(example.environment_key_pairs.len(), 2);
    assert_eq!(example.supervisor, Options::default());
    assert_eq!(example.worker, WorkerSettings::default());
    assert_eq!(example.warnings, [""; 0]);
}

#[test]
fn no_setting_is_defined_twice() {
    let definitions = Definitions::gather();
    let names = definitions.all().iter().flat_map(|one| one.names.all());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn reads_every_setting() {
    let config = read(&with(
        r#","api_url":"http://flagsmith.test/api/v1/","api_poll_frequency":2.5,"api_poll_timeout":1,
        "api_max_document_bytes":3,"api_user_agent":"us/1 (x)","api_conditional_fetch":"never",
        "api_whole_fetch_seconds":4,
        "server":{"host":"::1","port":0,"reload":true,"max_connections":4,"max_body_bytes":5,
        "header_timeout_seconds":6,"body_timeout_seconds":7,"keep_alive_seconds":8,"shutdown_delay_seconds":9,
        "shutdown_timeout_seconds":0,"proxy_headers":true,
        "forwarded_allow_ips":"10.0.0.0/8"},"allow_origins":"https://a.test",
        "logging":{"log_level":"debug","log_format":"json","log_event_field_name":"event","colors":true,
        "enable_access_log":true,"override":{"version":1,"loggers":{"worker":{"level":"ERROR"}}}},
        "health_check":{"environment_update_grace_period_seconds":7,"ready_when":"any"},
        "snapshot":{"directory":"/state"},
        "flags":{"apply_environment_segments":true},"metrics":{"max_environments":11},
        "identities":{"official_proxy_fields_only":true}"#,
    ))
    .unwrap();
    assert_eq!(
        config.environment_key_pairs[0].server_side_keys[0]
            .expose()
            .unwrap(),
        "ser.a"
    );
    assert_eq!(config.environment_key_pairs[0].client_side_key, "a");
    let supervisor = &config.supervisor;
    assert_eq!(supervisor.api_poll_frequency, Duration::from_millis(2500));
    assert_eq!(supervisor.api_poll_timeout, Duration::from_secs(1));
    assert_eq!(supervisor.api_max_document_bytes, 3);
    assert_eq!(supervisor.user_agent(), "us/1 (x)");
    let fetch_rules = FetchRules {
        conditional_fetch: ConditionalFetch::Never,
        whole_fetch: Some(Duration::from_secs(4)),
    };
    assert_eq!(supervisor.fetch_rules(), fetch_rules);
    let compile_options = supervisor.compile_options();
    assert!(compile_options.official_proxy_fields_only);
    assert!(compile_options.apply_environment_segments);
    let (server, limits) = (&supervisor.server, &config.worker.limits);
    assert_eq!((server.host.as_str(), server.port), ("::1", 0));
    assert_eq!((limits.max_connections, limits.max_body_bytes), (4, 5));
    let times = [
        limits.header_timeout,
        limits.body_timeout,
        limits.keep_alive,
        server.shutdown_delay,
        limits.shutdown_timeout,
    ];
    assert_eq!(times, [6, 7, 8, 9, 0].map(Duration::from_secs));
    assert_eq!(config.worker.allow_origins, ["https://a.test"]);
    assert_eq!(config.worker.metrics.max_environments, 11);
    let grace_period = supervisor.health_check.environment_update_grace_period;
    assert_eq!(grace_period, Some(Duration::from_secs(7)));
    assert_eq!(supervisor.health_check.ready_when, ReadyWhen::Any);
    assert_eq!(config.directory(), StateDirectory::Given("/state".into()));
    let logging = &config.worker.logging;
    assert_eq!(
        (logging.log_level, logging.log_format),
        (LogLevel::Debug, LogFormat::Json)
    );
    assert_eq!(
        (logging.log_event_field_name.as_str(), logging.colours),
        ("event", Some(true))
    );
    assert!(logging.enable_access_log);
    let levels: Vec<_> = logging.overrides.levels().collect();
    assert_eq!(levels, [("worker", LogLevel::Error)]);
    let forwarding = &config.worker.forwarding;
    assert!(forwarding.proxy_headers);
    assert_eq!(forwarding.forwarded_allow_ips, "10.0.0.0/8");
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    let never = read(&with(
        r#","health_check":{"environment_update_grace_period_seconds":null}"#,
    ));
    let health_check = never.unwrap().supervisor.health_check;
    assert_eq!(health_check.environment_update_grace_period, None);
}

#[test]
fn upstream_is_told_the_name_and_version_of_the_proxy() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("flagsmith-edge-proxy/{version}");
    assert_eq!(Options::default().user_agent(), expected);
}

#[test]
fn reads_older_names_unless_the_newer_one_is_there() {
    let read = |members| read(&with(members)).unwrap().supervisor.api_poll_timeout;
    assert_eq!(read(r#","api_poll_timeout":1"#), Duration::from_secs(1));
    let both = r#","api_poll_timeout":1,"api_poll_timeout_seconds":2"#;
    assert_eq!(read(both), Duration::from_secs(2));
}

#[test]
fn warns_of_names_that_are_no_setting_wherever_they_are() {
    let text = r#"{"environment_key_pairs":[{"server_side_key":"ser.a","client_side_key":"a","name":"A"}],
        "servers":{"port":1},"health_check":{"a.b":1},"notes":{"level":"info"}}"#;
    let names = [
        "environment_key_pairs[0].name",
        "health_check.a.b",
        "notes",
        "servers",
    ];
    let warning = |name| format!("config.json: {name} is not a setting; ignoring it");
    assert_eq!(read(text).unwrap().warnings, names.map(warning));
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest_one() {
    for (members, expected) in [
        (
            r#","sever":{"prt":1},"server":{"prot":1}"#,
            "server.prot is not a setting (did you mean server.port?)",
        ),
        (
            r#","api_pol_frequency":1"#,
            "(did you mean api_poll_frequency_seconds?)",
        ),
        (r#","allowed_origins":[]"#, "(did you mean allow_origins?)"),
        (
            r#","max_connections":9"#,
            "(did you mean server.max_connections?)",
        ),
        (r#","Port":9"#, "(did you mean server.port?)"),
    ] {
        let warnings = read(&with(members)).unwrap().warnings;
        assert!(
            warnings.iter().any(|line| line.contains(expected)),
            "{warnings:?}"
        );
    }
    let pair = r#"{"environment_key_pairs":[{"server_side_key":"ser.a","client_side_key":"a","client_key":"b"}]}"#;
    let warnings = read(pair).unwrap().warnings;
    let keypairs = read(r#"{"environment_keypairs":[]}"#).unwrap_err();
    let expected = "environment_key_pairs: missing, found environment_keypairs; expected a list";
    assert!(keypairs.contains(expected), "{keypairs}");
    let pair = r#"{"environment_key_pairs":[{"server_side_key":"ser.a","client_key":"b"}]}"#;
    let client_key = read(pair).unwrap_err();
    let expected = "[0].client_side_key: missing, found client_key; expected a key";
    assert!(client_key.contains(expected), "{client_key}");
    let expected = "[0].client_key is not a setting (did you mean client_side_key?); ignoring it";
    assert!(warnings[0].ends_with(expected), "{warnings:?}");
}

#[test]
fn settings_of_the_official_proxy_that_change_nothing_are_said_to() {
    let config = read(&with(
        r#","endpoint_caches":{"flags":{"use_cache":true,"cache_max_size":1}},"server":{"reload":true}"#,
    ));
    let warnings = config.unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for (warning, name) in warnings.iter().zip(["endpoint_caches", "server.reload"]) {
        assert!(
            warning.starts_with(&format!("config.json: {name} is not needed here: ")),
            "{warning}"
        );
    }
}

#[test]
fn numbers_and_booleans_may_be_text() {
    let config = read(&with(
        r#","api_poll_frequency_seconds":" 2.5 ","server":{"port":"8001","timeout_keep_alive":"120"},
        "health_check":{"environment_update_grace_period_seconds":"null"},"flags":{"apply_environment_segments":"Yes"},
        "identities":{"official_proxy_fields_only":1},"api_conditional_fetch":"Never","api_max_document_bytes":1e6"#,
    ))
    .unwrap();
    let supervisor = &config.supervisor;
    assert_eq!(supervisor.api_poll_frequency, Duration::from_millis(2500));
    assert_eq!(supervisor.server.port, 8001);
    assert_eq!(config.worker.limits.keep_alive, Duration::from_secs(120));
    assert_eq!(
        supervisor.health_check.environment_update_grace_period,
        None
    );
    assert!(supervisor.flags.apply_environment_segments);
    assert!(supervisor.identities.official_proxy_fields_only);
    assert_eq!(supervisor.api_conditional_fetch, ConditionalFetch::Never);
    assert_eq!(supervisor.api_max_document_bytes, 1_000_000);
    for wrong in [
        r#""inf""#, r#""NaN""#, r#""""#, r#""5s""#, "true", "-1", "1e300",
    ] {
        let error = read(&with(&format!(r#","api_poll_timeout":{wrong}"#)));
        let error = error.unwrap_err();
        assert!(
            error.starts_with("config.json: api_poll_timeout: found "),
            "{error}"
        );
    }
}

#[test]
fn takes_null_for_a_section_of_defaults() {
    let config = read(&with(r#","server":null,"health_check":null"#)).unwrap();
    assert_eq!(config.supervisor, Options::default());
    assert_eq!(config.worker, WorkerSettings::default());
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn without_key_pairs_something_else_has_to_name_environments() {
    let documents = read(r#"{"environment_documents":"/etc/flags"}"#).unwrap();
    assert_eq!(documents.environment_key_pairs, []);
    let place = documents.supervisor.environment_documents;
    assert_eq!(place, Some(DocumentPlace::Path("/etc/flags".into())));
    let list = read(r#"{"environment_documents":["a.json","b.json"],"environment_key_pairs":[]}"#);
    let place = list.unwrap().supervisor.environment_documents;
    let paths = ["a.json", "b.json"].map(Into::into).to_vec();
    assert_eq!(place, Some(DocumentPlace::Files(paths)));
    let listed = read(r#"{"proxy_key":"pk.secret"}"#).unwrap();
    assert!(listed.supervisor.proxy_key.is_some());
    assert!(!format!("{listed:?}").contains("secret"));
    assert_eq!(listed.warnings, [""; 0]);

    let both = read(r#"{"environment_documents":"a","proxy_key":"pk.a","api_url":"http://b"}"#);
    let ignored = |name| {
        format!("config.json: {name} has no meaning with environment_documents; ignoring it")
    };
    assert_eq!(
        both.unwrap().warnings,
        ["api_url", "proxy_key"].map(ignored)
    );
    for (text, expected) in [
        (
            r#"{"environment_documents":[]}"#,
            "config.json: environment_documents: found [], expected the path of a directory or a file, or \
             a list of files, or null for none",
        ),
        (
            r#"{"proxy_key":"ser.secret"}"#,
            "config.json: proxy_key: found another string, expected a key that starts with \"pk.\" and is plain \
             ASCII, or null for none",
        ),
        (
            r#"{"environment_key_pairs":[{"client_side_key":"a","server_side_key":"pk.secret"}]}"#,
            "config.json: environment_key_pairs[0].server_side_key: found another string, expected a key that starts \
             with \"ser.\" and is plain ASCII",
        ),
        (
            r#"{"proxy_key":"pk.a","server":{"port":"pk.secret"}}"#,
            "config.json: server.port: found a string, expected a whole number from 0 to 65535",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn names_what_is_wrong() {
    let check =
        |text: &str, expected: &str| assert_eq!(read(text).unwrap_err(), expected, "{text}");
    check("[]", "config.json is an empty list, expected an object");
    check(
        "{}",
        "config.json: environment_key_pairs: missing, expected a list with at least one object",
    );
    check(
        r#"{"environment_key_pairs":[]}"#,
        "config.json: environment_key_pairs: found an empty list, expected a list with at least one object",
    );
    check(
        r#"{"environment_key_pairs":[{"server_side_key":"ser.a"}]}"#,
        "config.json: environment_key_pairs[0].client_side_key: missing, \
         expected a key that is not empty and does not start with \"ser.\"",
    );
    check(
        r#"{"environment_key_pairs":[7]}"#,
        "config.json: environment_key_pairs[0]: found a number, expected an object",
    );
    check(
        &with(r#","api_poll_frequency_seconds":0"#),
        "config.json: api_poll_frequency_seconds: found 0, expected a number above 0",
    );
    check(
        &with(r#","api_poll_timeout":"5 s""#),
        "config.json: api_poll_timeout: found \"5 s\", expected a number above 0",
    );
    check(
        &with(r#","api_user_agent":"a\nb""#),
        "config.json: api_user_agent: found \"a\\nb\", expected a text of ASCII characters, or null for the default",
    );
    check(
        &with(r#","api_conditional_fetch":"sometimes""#),
        "config.json: api_conditional_fetch: found \"sometimes\", expected \"auto\", \"never\" or \"always\"",
    );
    check(
        &with(r#","api_whole_fetch_seconds":-1"#),
        "config.json: api_whole_fetch_seconds: found -1, expected a number from 0, or null for never",
    );
    check(
        &with(r#","api_url":"flagsmith.com""#),
        "config.json: api_url: found \"flagsmith.com\", \
         expected a URL that starts with http:// or https:// and has no query",
    );
    check(
        &with(r#","server":{"port":65536}"#),
        "config.json: server.port: found 65536, expected a whole number from 0 to 65535",
    );
    check(
        &with(r#","server":8000"#),
        "config.json: server: found a number, expected an object",
    );
    check(
        &with(r#","allow_origins":[1]"#),
        "config.json: allow_origins: found [1], expected an origin, \"*\" or a list of origins",
    );
    check(
        r#"{"environment_key_pairs":[{"server_side_key":"ser.a","client_side_key":" "}]}"#,
        "config.json: environment_key_pairs[0].client_side_key: found \" \", \
         expected a key that is not empty and does not start with \"ser.\"",
    );
    assert!(
        read("{\n x")
            .unwrap_err()
            .starts_with("config.json is not JSON: ")
    );
}

#[test]
fn origins_are_normalised_and_what_is_none_is_warned_about() {
    let origins = r#","allow_origins":["https://App.Example.com:443/","*","app.example.com","https://a.test/b"]"#;
    let config = read(&with(origins)).unwrap();
    let expected = [
        "https://app.example.com",
        "*",
        "app.example.com",
        "https://a.test/b",
    ];
    assert_eq!(config.worker.allow_origins, expected);
    let warnings = ["app.example.com", "https://a.test/b"].map(|text| {
        format!(
            "config.json: allow_origins: {text:?} is no origin such as \"https://app.example.com\"; ignoring it"
        )
    });
    assert_eq!(config.warnings, warnings);
}

#[test]
fn reads_the_number_of_workers() {
    assert_eq!(parse_workers(None).unwrap().get(), 1);
    assert_eq!(parse_workers(Some(" 4 ")).unwrap().get(), 4);
    assert!(parse_workers(Some("auto")).unwrap().get() >= 1);
    for bad in ["0", "-1", "two", "1.5", "99999999"] {
        let error = parse_workers(Some(bad)).unwrap_err().to_string();
        assert!(
            error.starts_with("process environment: WEB_CONCURRENCY: found "),
            "{error}"
        );
    }
}
