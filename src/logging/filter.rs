//! Which lines are logged: by `RUST_LOG` if it is set, else by the settings.

use contract::{LogLevel, Logging};
use env_logger::Builder;
use log::LevelFilter;

use crate::config::variable;

/// The loggers of this project: its crates, and the access log.
const OWN: [&str; 6] = [
    "access",
    "edge_proxy",
    "engine",
    "snapshot",
    "supervisor",
    "worker",
];

/// Sets the levels.
pub(super) fn apply(builder: &mut Builder, settings: &Logging) {
    match variable("RUST_LOG") {
        Some(filters) if !filters.is_empty() => _ = builder.parse_filters(&filters),
        _ => set_levels(builder, settings),
    }
}

/// Libraries log warnings at most, unless they are named: their details are not for people who run the proxy.
fn set_levels(builder: &mut Builder, settings: &Logging) {
    let overrides = || settings.overrides.levels();
    let of_all = overrides().find(|(logger, _)| is_root(logger));
    let level = level_filter(of_all.map_or(settings.log_level, |(_, level)| level));
    builder.filter_level(level.min(LevelFilter::Warn));
    for name in OWN {
        builder.filter_module(name, level);
    }
    // It logs a line for each malformed request, so clients could fill the disk with it.
    builder.filter_module("actix_http", LevelFilter::Off);
    for (logger, level) in overrides().filter(|(logger, _)| !is_root(logger)) {
        for name in names_here(logger) {
            builder.filter_module(&name, level_filter(level));
        }
    }
}

/// Python's name of what all loggers inherit from.
fn is_root(logger: &str) -> bool {
    matches!(logger, "" | "root")
}

/// What has in this proxy the part of a logger of the official one. Any other name is one of the log itself, in which
/// Python's dots may stand for colons.
fn names_here(logger: &str) -> Vec<String> {
    match logger {
        "edge_proxy" => OWN.map(str::to_owned).to_vec(),
        "uvicorn.access" => vec!["access".to_owned()],
        "uvicorn" | "uvicorn.error" => vec!["worker".to_owned()],
        name => vec![name.replace('.', "::")],
    }
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        // No line has this level. Whatever ends the process is told without one.
        LogLevel::Critical => LevelFilter::Off,
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warning => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::NotSet => LevelFilter::Trace,
    }
}

#[cfg(test)]
mod tests {
    use contract::Override;
    use contract::settings::Kind as _;
    use log::{Level, Log, MetadataBuilder};
    use serde_json::{Value, json};

    use super::*;

    /// Which of these loggers log at these levels.
    fn logged(log_level: LogLevel, override_: &Value, loggers: &[(&str, Level)]) -> Vec<bool> {
        let settings = Logging {
            log_level,
            overrides: Override::read(override_).unwrap(),
            ..Logging::default()
        };
        let mut builder = Builder::new();
        set_levels(&mut builder, &settings);
        let logger = builder.build();
        let is_logged = |(target, level): &(&str, Level)| {
            logger.enabled(&MetadataBuilder::new().target(target).level(*level).build())
        };
        loggers.iter().map(is_logged).collect()
    }

    #[test]
    fn a_level_counts_for_the_proxy_and_libraries_warn_at_most() {
        let loggers = [
            ("supervisor::run", Level::Info),
            ("worker::serve", Level::Debug),
            ("access", Level::Info),
            ("hyper_util", Level::Warn),
            ("hyper_util", Level::Info),
            ("actix_http", Level::Error),
        ];
        for (level, expected) in [
            (LogLevel::Critical, [false; 6]),
            (LogLevel::Error, [false; 6]),
            (LogLevel::Info, [true, false, true, true, false, false]),
            (LogLevel::NotSet, [true, true, true, true, false, false]),
        ] {
            assert_eq!(logged(level, &json!({}), &loggers), expected, "{level:?}");
        }
    }

    #[test]
    fn an_override_counts_for_its_logger_by_the_names_of_both_proxies() {
        for (logger, target) in [
            ("", "engine"),
            ("root", "supervisor"),
            ("edge_proxy", "supervisor::poll"),
            ("uvicorn", "worker::serve"),
            ("uvicorn.access", "access"),
            ("supervisor.poll", "supervisor::poll::task"),
            ("supervisor::poll", "supervisor::poll::task"),
            ("reqwest", "reqwest::connect"),
        ] {
            let loggers = [(target, Level::Debug), ("snapshot", Level::Debug)];
            let loud = json!({"loggers": {logger: {"level": "DEBUG"}}});
            let all = matches!(logger, "" | "root" | "edge_proxy");
            let expected = [true, all];
            assert_eq!(
                logged(LogLevel::Info, &loud, &loggers),
                expected,
                "{logger}"
            );
            let loggers = [(target, Level::Warn)];
            let quiet = json!({"loggers": {logger: {"level": "ERROR"}}});
            assert_eq!(
                logged(LogLevel::Info, &quiet, &loggers),
                [false],
                "{logger}"
            );
        }
    }
}
