//! From a configuration to what the supervisor is told, at the start and whenever it reads it again; or only to a word
//! on whether it is fine. Knows nothing of what becomes of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use log::warn;

use crate::config::{self, Config, ConfigError};
use crate::{Failure, chain, state_directory, variable, worker_command, worker_settings};

/// The file that a command line or the process environment names.
pub(crate) fn path(given: Option<PathBuf>) -> PathBuf {
    given
        .or_else(|| variable("CONFIG_PATH").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("config.json"))
}

/// Serves the environments of the configuration.
pub(crate) fn supervise(path: PathBuf) -> Result<(), Failure> {
    let settings = read(&path, None)?;
    let directory = settings.directory.clone();
    let reload = supervisor::Reload {
        name: path.display().to_string(),
        read: Box::new(move || read(&path, Some(&directory)).map_err(|error| chain(&error))),
    };
    Ok(supervisor::run(settings, Some(reload))?)
}

/// Says whether the configuration is fine, and what in it is no setting. Touches nothing else.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let (config, workers) = load(path)?;
    let file = path.display();
    for name in &config.unknown {
        eprintln!("edge-proxy: {}", ignored(path, name));
    }
    let counted =
        |count: usize, thing| format!("{count} {thing}{}", ["s", ""][usize::from(count == 1)]);
    println!(
        "{file} is fine: {} on {}",
        counted(config.environment_key_pairs.len(), "environment"),
        counted(workers.get(), "worker")
    );
    Ok(())
}

/// Reads the configuration. Workers are told to read `directory`, which never moves while the proxy runs; at the start
/// that is what the configuration says.
fn read(path: &Path, directory: Option<&Path>) -> Result<supervisor::Settings, ConfigError> {
    let (config, workers) = load(path)?;
    for name in &config.unknown {
        warn!("{}", ignored(path, name));
    }
    let worker_settings = worker_settings(&config.server, config.allow_origins.clone());
    let stale_after = config.stale_after();
    let configured = config
        .snapshot_directory
        .unwrap_or_else(|| state_directory::default(variable));
    let directory = directory.unwrap_or(&configured).to_owned();
    Ok(supervisor::Settings {
        environments: config.environment_key_pairs,
        source: supervisor::Source::Upstream {
            api_url: config.api_url,
            timeout: config.api_poll_timeout,
            largest_document: config.api_max_document_bytes,
        },
        poll_interval: config.api_poll_frequency,
        stale_after,
        directory: configured,
        host: config.server.host,
        port: config.server.port,
        workers,
        drain_delay: config.server.shutdown_delay,
        drain_timeout: config.server.shutdown_timeout,
        worker: Rc::new(worker_command(directory, worker_settings)),
    })
}

fn load(path: &Path) -> Result<(Config, NonZeroUsize), ConfigError> {
    let config = Config::load(path)?;
    let workers = config::web_concurrency(variable("WEB_CONCURRENCY").as_deref())?;
    Ok((config, workers))
}

fn ignored(path: &Path, name: &str) -> String {
    format!("{}: {name} is not a setting; ignoring it", path.display())
}
