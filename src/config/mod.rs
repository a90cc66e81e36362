//! The configuration: `config.json`, whose settings are defined where they are used, and the process environment.
//!
//! The names in the file are those of the official proxies, so that their `config.json` works here.

mod definitions;
mod error;
mod given;
mod key_pairs;
mod process_environment;
mod reference;
mod state_directory;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::settings::Settings as _;
use contract::{KeyPair, WorkerSettings, origin};
use serde_json::Value;
use supervisor::Options;

use definitions::Definitions;
use error::kind;
use given::Given;

pub(crate) use error::ConfigError;
pub(crate) use process_environment::{path, variable, workers};
pub(crate) use reference::{example, reference};

/// What the configuration says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) environment_key_pairs: Vec<KeyPair>,
    /// What the supervisor is told.
    pub(crate) supervisor: Options,
    /// What workers are told.
    pub(crate) worker: WorkerSettings,
    /// A line for each name in the file that is no setting, and for each origin that is none.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads the configuration at `path`.
    ///
    /// # Errors
    ///
    /// Names the file, the setting, what was found and what is expected; never shows a server-side key.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let hint = "expected a readable file; see config.json.example, or try --demo";
            ConfigError::new(&file, "", format!("cannot be read: {error}; {hint}"))
        })?;
        Self::read(&file, &text)
    }

    /// Reads the text of a configuration; `file` is its name in errors.
    fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        let members = match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members,
            Ok(value) => {
                let problem = format!("is {}, expected an object", kind(&value));
                return Err(ConfigError::new(file, "", problem));
            }
            Err(error) => {
                return Err(ConfigError::new(file, "", format!("is not JSON: {error}")));
            }
        };
        let mut given = Given::new(file);
        given.add(&Definitions::gather(), file, "", members)?;
        Self::of(given)
    }

    fn of(mut given: Given) -> Result<Self, ConfigError> {
        let environment_key_pairs = key_pairs::read(&mut given)?;
        let refuse = |wrong| given.refuse(&wrong);
        let supervisor = Options::read("", &given.values).map_err(refuse)?;
        let worker = WorkerSettings::read("", &given.values).map_err(refuse)?;
        let origins = worker.allow_origins.iter();
        let no_origins = origins.filter(|text| is_no_origin(text)).map(|text| {
            let source = given.place("allow_origins").map_or("", |place| &place.source);
            format!("{source}: allow_origins: {text:?} is no origin such as \"https://app.example.com\"; ignoring it")
        });
        let mut warnings = given.warnings.clone();
        warnings.sort_unstable();
        warnings.extend(no_origins);
        Ok(Self {
            environment_key_pairs,
            supervisor,
            worker,
            warnings,
        })
    }

    /// The age of the oldest successful fetch above which the proxy is stale: one poll, and the grace period once for
    /// each environment, as in the official proxy.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        let environments = u32::try_from(self.environment_key_pairs.len()).unwrap_or(u32::MAX);
        let grace_period = self
            .supervisor
            .health_check
            .environment_update_grace_period?;
        let frequency = self.supervisor.api_poll_frequency;
        Some(frequency.saturating_add(grace_period.saturating_mul(environments)))
    }

    /// The state directory.
    pub(crate) fn directory(&self) -> PathBuf {
        let configured = self.supervisor.snapshot.directory.clone();
        configured.unwrap_or_else(|| state_directory::default(variable))
    }
}

/// No page has this origin.
fn is_no_origin(text: &str) -> bool {
    text != "*" && origin::normalised(text).is_none()
}
