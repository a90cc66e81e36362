//! `edge-proxy check-config`: checks the configuration and starts nothing.

use std::path::PathBuf;

use contract::counted;

use crate::config::{self, Config};
use crate::error::Error;

/// Prints what the configuration would serve, and a warning for each name in it that is no setting.
pub(crate) fn run(path: Option<PathBuf>) -> Result<(), Error> {
    let path = config::path(path);
    let config = Config::load(&path)?;
    let workers = config::workers()?;
    for warning in &config.warnings {
        eprintln!("edge-proxy: {warning}");
    }
    println!(
        "{} is fine: {} on {}",
        path,
        counted(config.environment_key_pairs.len(), "environment"),
        counted(workers.get(), "worker")
    );
    Ok(())
}
