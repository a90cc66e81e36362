//! Which lines are logged: by `RUST_LOG` if it is set, else by the settings.

use contract::{LogLevel, Logging};
use env_logger::Builder;
use log::LevelFilter;

/// The loggers of this project: its crates, and the access log.
const OWN: [&str; 6] = [
    "access",
    "edge_proxy",
    "engine",
    "snapshot",
    "supervisor",
    "worker",
];

/// Sets the levels. Libraries log warnings at most, unless they are named: their details are many, and none of people
/// who run the proxy.
pub(super) fn apply(builder: &mut Builder, settings: &Logging) {
    if let Ok(filters) = std::env::var("RUST_LOG")
        && !filters.is_empty()
    {
        builder.parse_filters(&filters);
        return;
    }
    let level = level_filter(settings.log_level);
    builder.filter_level(level.min(LevelFilter::Warn));
    for name in OWN {
        builder.filter_module(name, level);
    }
    // It logs a line for each malformed request, so clients could fill the disk with it.
    builder.filter_module("actix_http", LevelFilter::Off);
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
