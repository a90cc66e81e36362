//! The configuration: every setting, defined once, with its default and what it must look like.
//!
//! The JSON names are those of the official proxies, so that their `config.json` works here. Knows nothing of
//! what the settings do; the one place that reads the file and the process environment.

mod section;
mod server;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::key::SERVER_SIDE_PREFIX;
use contract::{KeyPair, ServerSideKey};
use serde_json::Value;
use supervisor::ApiUrl;

pub(crate) use section::ConfigError;
use section::{Section, non_empty, positive, seconds};
pub(crate) use server::Server;
use server::whole;

const API_URL: &str = "https://edge.api.flagsmith.com/api/v1";

/// The most workers anybody may ask for: a typing error should not start a million processes.
const MOST_WORKERS: usize = 1024;

/// Every setting.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) environment_key_pairs: Vec<KeyPair>,
    pub(crate) api_url: ApiUrl,
    pub(crate) api_poll_frequency: Duration,
    pub(crate) api_poll_timeout: Duration,
    /// The longest document that is fetched, pages together.
    pub(crate) api_max_document_bytes: usize,
    pub(crate) server: Server,
    pub(crate) allow_origins: Vec<String>,
    /// `None`: never stale.
    pub(crate) environment_update_grace_period: Option<Duration>,
    /// `None`: the default of the machine.
    pub(crate) snapshot_directory: Option<PathBuf>,
    /// Names that are no setting, to be warned about.
    pub(crate) unknown: Vec<String>,
}

impl Config {
    /// Reads the configuration at `path`.
    ///
    /// # Errors
    /// Names the file, the setting, what was found and what is expected; never shows a server-side key.
    pub(crate) fn load(path: &Path) -> Result<Config, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let hint = "expected a readable file; see config.json.example, or try --demo";
            ConfigError::new(&file, "", format!("cannot be read: {error}; {hint}"))
        })?;
        Config::read(&file, &text)
    }

    /// Reads the text of a configuration; `file` is its name, for errors.
    pub(crate) fn read(file: &str, text: &str) -> Result<Config, ConfigError> {
        let root: Value = serde_json::from_str(text)
            .map_err(|error| ConfigError::new(file, "", format!("is not JSON: {error}")))?;
        let mut unknown = Vec::new();
        let mut root = Section::root(file, &root)?;
        let api_url = root.setting(
            &["api_url"],
            "a URL that starts with http:// or https://",
            || ApiUrl::parse(API_URL).ok(),
            |value| non_empty(value).and_then(|url| ApiUrl::parse(&url).ok()),
        )?;
        let frequency = root.setting(
            &["api_poll_frequency_seconds", "api_poll_frequency"],
            "a number above 0",
            || Some(Duration::from_secs(10)),
            positive,
        )?;
        let timeout = root.setting(
            &["api_poll_timeout_seconds", "api_poll_timeout"],
            "a number above 0",
            || Some(Duration::from_secs(5)),
            positive,
        )?;
        let allow_origins = root.setting(
            &["allow_origins"],
            "an origin, \"*\" or a list of origins",
            || Some(vec!["*".to_owned()]),
            origins,
        )?;
        let api_max_document_bytes = root.setting(
            &["api_max_document_bytes"],
            "a whole number above 0",
            || Some(256 << 20),
            whole,
        )?;
        let environment_key_pairs = key_pairs(&mut root, &mut unknown)?;

        let mut section = root.section("server")?;
        let server = Server::read(&mut section)?;
        unknown.extend(section.unknown());

        let mut health = root.section("health_check")?;
        let grace = health.setting(
            &["environment_update_grace_period_seconds"],
            "a number from 0, or null for never stale",
            || Some(Some(Duration::from_secs(30))),
            |value| match value {
                Value::Null => Some(None),
                value => seconds(value).map(Some),
            },
        )?;
        unknown.extend(health.unknown());

        let mut snapshot = root.section("snapshot")?;
        let directory = snapshot.setting(
            &["directory"],
            "a path, or null for the default",
            || Some(None),
            |value| match value {
                Value::Null => Some(None),
                value => non_empty(value).map(|path| Some(PathBuf::from(path))),
            },
        )?;
        unknown.extend(snapshot.unknown());
        unknown.extend(root.unknown());

        Ok(Config {
            environment_key_pairs,
            api_url,
            api_poll_frequency: frequency,
            api_poll_timeout: timeout,
            api_max_document_bytes,
            server,
            allow_origins,
            environment_update_grace_period: grace,
            snapshot_directory: directory,
            unknown,
        })
    }

    /// The age of the oldest fetch from which the proxy is stale: one poll and the grace of every environment.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        let environments = u32::try_from(self.environment_key_pairs.len()).unwrap_or(u32::MAX);
        let grace = self.environment_update_grace_period?;
        Some(
            self.api_poll_frequency
                .saturating_add(grace.saturating_mul(environments)),
        )
    }
}

/// Reads `WEB_CONCURRENCY`: how many workers to run. `auto` is the cores this process may use, limits of its
/// container included.
///
/// # Errors
/// When it is neither a whole number from 1 nor `auto`.
pub(crate) fn web_concurrency(value: Option<&str>) -> Result<NonZeroUsize, ConfigError> {
    match value.map(str::trim) {
        None | Some("") => Ok(NonZeroUsize::MIN),
        Some("auto") => Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
        Some(text) => text
            .parse()
            .ok()
            .filter(|workers: &NonZeroUsize| workers.get() <= MOST_WORKERS)
            .ok_or_else(|| {
                let problem = format!(
                    "found {text:?}, expected a whole number from 1 to {MOST_WORKERS}, or auto"
                );
                ConfigError::new("process environment", "WEB_CONCURRENCY", problem)
            }),
    }
}

fn key_pairs(
    root: &mut Section<'_>,
    unknown: &mut Vec<String>,
) -> Result<Vec<KeyPair>, ConfigError> {
    let mut pairs = Vec::new();
    let (mut server_side_keys, mut client_side_keys) = (HashSet::new(), HashSet::new());
    for mut section in root.sections("environment_key_pairs")? {
        let server_side_key = section.secret(
            "server_side_key",
            "a key that starts with \"ser.\" and is plain ASCII",
            |key| {
                key.starts_with(SERVER_SIDE_PREFIX)
                    && key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            },
        )?;
        let client_side_key = section.required(
            "client_side_key",
            "a key that is not empty and does not start with \"ser.\"",
            |key| !key.is_empty() && !key.starts_with(SERVER_SIDE_PREFIX),
        )?;
        if !client_side_keys.insert(client_side_key.clone()) {
            return Err(section.refuse(
                "client_side_key",
                "found a key that an earlier pair has, expected each environment once",
            ));
        }
        if !server_side_keys.insert(server_side_key.clone()) {
            return Err(section.refuse(
                "server_side_key",
                "found a key that an earlier pair has, expected each environment once",
            ));
        }
        unknown.extend(section.unknown());
        pairs.push(KeyPair {
            server_side_key: ServerSideKey::new(server_side_key),
            client_side_key,
        });
    }
    Ok(pairs)
}

fn origins(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(origins) => origins.iter().map(non_empty).collect(),
        value => non_empty(value).map(|origin| vec![origin]),
    }
}

#[cfg(test)]
mod tests;
