//! The configuration: `config.json`, whose settings are defined where they are used, and the process environment.
//!
//! The names in the file are those of the official proxies, so that their `config.json` works here.

mod error;
mod key_pairs;
mod process_environment;
mod read;
mod state_directory;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use contract::settings::values::kind;
use contract::{KeyPair, WorkerSettings, origin};
use serde_json::Value;
use supervisor::{ApiUrl, Options, StateDirectory};

use key_pairs::Environments;
use read::{is_ignored, read, shown};

pub(crate) use error::ConfigError;
pub(crate) use process_environment::{path, variable, workers};
pub(crate) use state_directory::of_demonstration as directories_of_demonstration;

/// Older names of settings, which the official proxies read too. Where a file has both, the newer name counts.
const OLDER_NAMES: [(&str, &str); 2] = [
    ("api_poll_frequency_seconds", "api_poll_frequency"),
    ("api_poll_timeout_seconds", "api_poll_timeout"),
];

/// What the configuration says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) environment_key_pairs: Vec<KeyPair>,
    pub(crate) api_url: ApiUrl,
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
        let mut root: Value = serde_json::from_str(text)
            .map_err(|error| ConfigError::new(file, "", format!("is not JSON: {error}")))?;
        let Some(members) = root.as_object_mut() else {
            let problem = format!("is {}, expected an object", kind(&root));
            return Err(ConfigError::new(file, "", problem));
        };
        let mut renamed = Vec::new();
        for (name, older) in OLDER_NAMES {
            if let Some(value) = members.remove(older)
                && !members.contains_key(name)
            {
                members.insert(name.to_owned(), value);
                renamed.push((name, older));
            }
        }
        let (environments, ignored_here) = read::<Environments>(file, &root)?;
        let (supervisor, ignored_by_supervisor) =
            read::<Options>(file, &root).map_err(|error| error.with_names_of_file(&renamed))?;
        let (worker, ignored_by_worker) = read::<WorkerSettings>(file, &root)?;
        let ignored = [ignored_here, ignored_by_supervisor, ignored_by_worker];
        let mut unknown: BTreeSet<_> = ignored.iter().flatten().collect();
        unknown.retain(|path| ignored.iter().all(|ignored| is_ignored(ignored, path)));
        let environment_key_pairs = environments.environment_key_pairs;
        key_pairs::check(file, &environment_key_pairs)?;
        let api_url = ApiUrl::parse(&supervisor.api_url).map_err(|_| {
            let found = shown(&root["api_url"]);
            let expected = "a URL that starts with http:// or https://";
            ConfigError::new(
                file,
                "api_url",
                format!("found {found}, expected {expected}"),
            )
        })?;
        let unknown = unknown
            .iter()
            .map(|path| format!("{file}: {path} is not a setting; ignoring it"));
        let no_origins = worker
            .allow_origins
            .iter()
            .filter(|text| is_no_origin(text));
        let no_origins = no_origins.map(|text| {
            format!("{file}: allow_origins: {text:?} is no origin such as \"https://app.example.com\"; ignoring it")
        });
        Ok(Self {
            environment_key_pairs,
            api_url,
            supervisor,
            warnings: unknown.chain(no_origins).collect(),
            worker,
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
    pub(crate) fn directory(&self) -> StateDirectory {
        match self.supervisor.snapshot.directory.clone() {
            Some(given) => StateDirectory::Given(given),
            None => state_directory::default(process_environment::file_variable),
        }
    }
}

/// No page has this origin.
fn is_no_origin(text: &str) -> bool {
    text != "*" && origin::normalised(text).is_none()
}
