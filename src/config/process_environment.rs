//! What the process environment says beside settings.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::definitions::Definitions;
use super::error::ConfigError;
use super::file::{ConfigPath, NamedBy};

/// The highest number of workers: a typing error should not start a million processes.
const MAX_WORKERS: usize = 1024;

/// The configuration file: the one that the command line names, else `$CONFIG_PATH`, else `config.json`.
pub(crate) fn path(given: Option<PathBuf>) -> ConfigPath {
    match (given, variable("CONFIG_PATH")) {
        (Some(path), _) => ConfigPath::new(path, NamedBy::CommandLine),
        (None, Some(path)) => ConfigPath::new(PathBuf::from(path), NamedBy::Variable),
        (None, None) => ConfigPath::new(PathBuf::from("config.json"), NamedBy::Nothing),
    }
}

/// The number of workers, from `$WEB_CONCURRENCY`. `auto` is one for each core that this process may use, with the
/// limits of its container.
///
/// # Errors
///
/// If it is neither a whole number from 1 nor `auto`.
pub(crate) fn workers() -> Result<NonZeroUsize, ConfigError> {
    parse_workers(variable("WEB_CONCURRENCY").as_deref())
}

/// The variables that workers must not have, because they may hold a server-side key or the password of a proxy.
pub(crate) fn private_variables() -> Vec<OsString> {
    let definitions = Definitions::gather();
    let is_private = |name: &OsString| {
        let name = name.to_string_lossy().to_uppercase();
        name.ends_with("_PROXY") || definitions.are_in_variable(&name)
    };
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(is_private).collect()
}

/// A variable that is set, and in UTF-8.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable that is set; the name of a file need not be UTF-8.
pub(super) fn file_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

pub(super) fn parse_workers(value: Option<&str>) -> Result<NonZeroUsize, ConfigError> {
    match value.map(str::trim) {
        None | Some("") => Ok(NonZeroUsize::MIN),
        Some("auto") => Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
        Some(text) => text
            .parse()
            .ok()
            .filter(|workers: &NonZeroUsize| workers.get() <= MAX_WORKERS)
            .ok_or_else(|| {
                let problem = format!(
                    "found {text:?}, expected a whole number from 1 to {MAX_WORKERS}, or auto"
                );
                ConfigError::new("process environment", "WEB_CONCURRENCY", problem)
            }),
    }
}
