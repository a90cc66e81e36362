//! What variables of the process environment may say, and which of them are left alone.

use super::super::definitions::variable_name;
use super::super::variables::Variables;
use std::path::PathBuf;

use super::*;

const PAIRS: &str = r#"[{"server_side_key":"ser.v","client_side_key":"v"}]"#;

/// The configuration of a file with these members beside its pairs, and of these variables.
fn with_variables(members: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(&path, with(members)).unwrap();
    let shown = path.display().to_string();
    load(ConfigPath::new(path, file::NamedBy::Nothing), variables)
        .map_err(|error| error.replace(&shown, "config.json"))
}

fn without_file(variables: &[(&str, &str)]) -> Result<Config, String> {
    let nowhere = PathBuf::from("/nowhere/config.json");
    load(ConfigPath::new(nowhere, file::NamedBy::Nothing), variables)
}

fn load(path: ConfigPath, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(&path, &Variables::new(variables))
        .map(|(config, _)| config)
        .map_err(|error| error.to_string())
}

#[test]
fn variables_override_the_file_in_any_case() {
    let file = r#","api_url":"http://file.test/","api_poll_frequency_seconds":1,"server":{"port":1,"host":"::1"},
        "allow_origins":["https://file.test"],"health_check":{"environment_update_grace_period_seconds":1}"#;
    let config = with_variables(
        file,
        &[
            ("ENVIRONMENT_KEY_PAIRS", PAIRS),
            ("API_URL", "http://variable.test/api/v1"),
            ("api_poll_frequency", "7"),
            ("Api_Poll_Timeout_Seconds", " 2.5"),
            ("SERVER", r#"{"port":"2","timeout_keep_alive":9}"#),
            ("SERVER_MAX_CONNECTIONS", "8"),
            ("ALLOW_ORIGINS", r#"["https://variable.test/"]"#),
            (
                "HEALTH_CHECK",
                r#"{"environment_update_grace_period_seconds":null}"#,
            ),
            ("API_USER_AGENT", ""),
        ],
    )
    .unwrap();
    assert_eq!(config.environment_key_pairs.len(), 1);
    assert_eq!(config.environment_key_pairs[0].client_side_key, "v");
    let supervisor = &config.supervisor;
    assert_eq!(
        supervisor.api_url.to_string(),
        "http://variable.test/api/v1"
    );
    assert_eq!(supervisor.api_poll_frequency, Duration::from_secs(7));
    assert_eq!(supervisor.api_poll_timeout, Duration::from_millis(2500));
    // A section in a variable is merged with that of the file.
    assert_eq!(
        (supervisor.server.port, supervisor.server.host.as_str()),
        (2, "::1")
    );
    assert_eq!(config.worker.limits.keep_alive, Duration::from_secs(9));
    assert_eq!(config.worker.limits.max_connections, 8);
    assert_eq!(config.worker.allow_origins, ["https://variable.test"]);
    let grace_period = supervisor.health_check.environment_update_grace_period;
    assert_eq!(grace_period, None);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_member_counts_more_than_its_section_and_capitals_more_than_small_letters() {
    let port = |variables: &[(&str, &str)]| {
        with_variables("", variables)
            .unwrap()
            .supervisor
            .server
            .port
    };
    let section = ("SERVER", r#"{"port":1}"#);
    assert_eq!(port(&[("SERVER_PORT", "2"), section]), 2);
    assert_eq!(port(&[("SERVER_PORT", "2"), ("server_port", "3")]), 2);
    assert_eq!(port(&[("server_port", "3"), ("SERVER_PORT", "2")]), 2);
    assert_eq!(port(&[("server", r#"{"port":4}"#)]), 4);
}

#[test]
fn plain_origins_need_no_json() {
    let origins = |value| {
        let config = with_variables("", &[("ALLOW_ORIGINS", value)]);
        config.unwrap().worker.allow_origins
    };
    assert_eq!(origins("*"), ["*"]);
    assert_eq!(
        origins("https://a.test/, https://b.test"),
        ["https://a.test", "https://b.test"]
    );
    assert_eq!(origins(r#""https://a.test""#), ["https://a.test"]);
}

#[test]
fn no_file_is_needed_where_variables_suffice() {
    let config = without_file(&[("ENVIRONMENT_KEY_PAIRS", PAIRS)]).unwrap();
    assert_eq!(
        config.environment_key_pairs[0].server_side_keys[0]
            .expose()
            .unwrap(),
        "ser.v"
    );
    assert_eq!(config.warnings, [""; 0]);
    let error = without_file(&[("API_URL", "http://a.test")]).unwrap_err();
    assert!(
        error.contains("cannot be read") && error.contains("ENVIRONMENT_KEY_PAIRS"),
        "{error}"
    );

    let path = |named_by| ConfigPath::new("/nowhere/config.json".into(), named_by);
    let pairs = [("ENVIRONMENT_KEY_PAIRS", PAIRS)];
    let named = load(path(file::NamedBy::CommandLine), &pairs).unwrap_err();
    assert!(
        named.starts_with("/nowhere/config.json cannot be read: "),
        "{named}"
    );
    let by_variable = load(path(file::NamedBy::Variable), &pairs).unwrap();
    assert_eq!(by_variable.warnings.len(), 1, "{:?}", by_variable.warnings);
}

#[test]
fn variables_of_others_are_named_and_left_alone() {
    for (name, value, reason) in [
        (
            "SERVER_PORT",
            "tcp://10.0.0.1:80",
            "holds the address of a Kubernetes service",
        ),
        (
            "SERVER_PORT",
            "SECRET",
            "seems to be meant for another program",
        ),
        ("SERVER", "SECRET", "seems to be meant for another program"),
        ("FLAGS", "1", "seems to be meant for another program"),
        (
            "health_check",
            "[1]",
            "seems to be meant for another program",
        ),
    ] {
        let config = with_variables(r#","server":{"port":7}"#, &[(name, value)]).unwrap();
        assert_eq!(config.supervisor.server.port, 7);
        let [warning] = config.warnings.as_slice() else {
            panic!("{:?}", config.warnings);
        };
        assert!(
            warning.starts_with(&format!("process environment: {name} {reason}, expected "))
                && warning.ends_with("; leaving it alone")
                && !warning.contains("SECRET"),
            "{warning}"
        );
    }
}

#[test]
fn a_wrong_variable_that_is_meant_for_the_proxy_is_an_error() {
    let check = |name: &str, value: &str, expected: &str| {
        let error = with_variables("", &[(name, value)]).unwrap_err();
        assert_eq!(error, format!("process environment: {expected}"));
    };
    check(
        "environment_key_pairs",
        "ser.SECRET",
        "environment_key_pairs: found text that is not JSON (expected value at line 1 column 1), \
         expected a list with at least one object",
    );
    check(
        "ENVIRONMENT_KEY_PAIRS",
        r#"[{"server_side_key":"SECRET","client_side_key":"a"}]"#,
        "ENVIRONMENT_KEY_PAIRS[0].server_side_key: found another string, \
         expected a key that starts with \"ser.\" and is plain ASCII",
    );
    check(
        "API_POLL_FREQUENCY",
        "often",
        "API_POLL_FREQUENCY: found \"often\", expected a number above 0",
    );
    check(
        "API_URL",
        "http:/:SECRET@/",
        "API_URL: found a string, expected a URL that starts with http:// or https:// and has no query",
    );
    check(
        "SERVER",
        r#"{"port":"eighty"}"#,
        "SERVER: server.port: found \"eighty\", expected a whole number from 0 to 65535",
    );
    check(
        "SERVER",
        r#"{"port":"#,
        "SERVER: found text that is not JSON (EOF while parsing a value at line 1 column 8), expected an object",
    );
}

#[test]
fn a_variable_may_name_a_file_with_the_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pairs");
    let file = path.to_str().unwrap();
    let variables = [("ENVIRONMENT_KEY_PAIRS_FILE", file)];
    let missing = without_file(&variables).unwrap_err();
    assert_eq!(
        missing,
        format!(
            "process environment: ENVIRONMENT_KEY_PAIRS_FILE: read {file}: No such file or directory (os error 2)"
        )
    );
    std::fs::write(&path, format!("{PAIRS}\n")).unwrap();
    let config = without_file(&variables).unwrap();
    assert_eq!(config.environment_key_pairs[0].client_side_key, "v");
    std::fs::write(&path, r#"[{"client_side_key":"ser.SECRET"}]"#).unwrap();
    let error = without_file(&variables).unwrap_err();
    assert!(
        error.starts_with(&format!("{file}: environment_key_pairs[0].")),
        "{error}"
    );
    assert!(!error.contains("SECRET"), "{error}");
    // The variable itself counts more.
    let both = [variables[0], ("ENVIRONMENT_KEY_PAIRS", PAIRS)];
    let config = without_file(&both).unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}

#[test]
fn each_setting_has_a_variable_of_its_own() {
    let definitions = Definitions::gather();
    let names = definitions.all().iter().flat_map(|one| one.names.all());
    let sections = definitions
        .sections()
        .into_iter()
        .filter(|section| !section.is_empty());
    let mut variables: Vec<_> = names.chain(sections).map(variable_name).collect();
    variables.sort_unstable();
    let count = variables.len();
    variables.dedup();
    assert_eq!(variables.len(), count);
}

#[test]
fn whatever_json_writes_a_variable_reads() {
    // Each default as text, as a shell would have it.
    let definitions = Definitions::gather();
    for definition in definitions
        .all()
        .iter()
        .filter(|one| !one.default.is_null())
    {
        let text = match &definition.default {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let name = variable_name(&definition.names.path);
        let config = with_variables("", &[(&name, &text)]).unwrap();
        assert_eq!(config.warnings, [""; 0]);
        assert_eq!(config.supervisor, Options::default());
        assert_eq!(config.worker, WorkerSettings::default());
    }
}

#[test]
fn the_log_is_configured_by_variables_too() {
    let config = with_variables(
        r#","logging":{"log_level":"ERROR","log_event_field_name":"event"}"#,
        &[
            ("LOGGING_LOG_LEVEL", "debug"),
            ("LOGGING", r#"{"log_format":"json","override":{"loggers":{"uvicorn.access":{"level":"ERROR"}}}}"#),
            ("LOGGING_COLORS", "off"),
            ("FORWARDED_ALLOW_IPS", "*"),
        ],
    )
    .unwrap();
    let logging = &config.worker.logging;
    assert_eq!(
        (logging.log_level, logging.log_format),
        (LogLevel::Debug, LogFormat::Json)
    );
    assert_eq!(
        (logging.log_event_field_name.as_str(), logging.colours),
        ("event", Some(false))
    );
    assert_eq!(
        logging.overrides.levels().collect::<Vec<_>>(),
        [("uvicorn.access", LogLevel::Error)]
    );
    assert_eq!(config.worker.forwarding.forwarded_allow_ips, "*");
}
