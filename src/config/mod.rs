//! The configuration: `config.json`, whose settings are defined where they are used, and the process environment.
//!
//! The names in the file are those of the official proxies, so that their `config.json` works here.

mod definitions;
mod effective;
mod error;
mod file;
mod given;
mod key_pairs;
mod process_environment;
mod reference;
mod state_directory;
#[cfg(test)]
mod tests;
mod variables;

use contract::settings::Settings as _;
use contract::{KeyPair, WorkerSettings, origin};
use serde_json::Value;
use supervisor::{Options, StateDirectory};

use definitions::Definitions;
use error::{shown, shown_name};
use given::Given;
use variables::Variables;

pub(crate) use effective::Effective;
pub(crate) use error::ConfigError;
pub(crate) use file::ConfigPath;
pub(crate) use process_environment::{path, private_variables, variable, workers};
pub(crate) use reference::{example, reference};
pub(crate) use state_directory::of_demonstration as directories_of_demonstration;

/// Settings that say what upstream is for.
const OF_UPSTREAM: [&str; 4] = ["api_url", "proxy_key", "events_url", "realtime.url"];

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
    /// Reads the configuration: the file, and what overrides it in the process environment.
    ///
    /// # Errors
    ///
    /// Names file or variable, the setting, what was found and what is expected; never shows a server-side key.
    pub(crate) fn load(path: &ConfigPath) -> Result<Self, ConfigError> {
        let (config, _) = Self::read(path, &Variables::of_process())?;
        Ok(config)
    }

    /// As [`load`](Self::load), with the value of each setting and where it comes from.
    pub(crate) fn explain(path: &ConfigPath) -> Result<(Self, Vec<Effective>), ConfigError> {
        let (config, given) = Self::read(path, &Variables::of_process())?;
        let settings = effective::settings(&given, &config);
        Ok((config, settings))
    }

    fn read(path: &ConfigPath, variables: &Variables) -> Result<(Self, Given), ConfigError> {
        let file = path.to_string();
        let definitions = Definitions::gather();
        let mut given = Given::new(&file);
        if let Some(members) = path.read(variables.name_environments())? {
            given.add(&definitions, &file, "", members)?;
        } else if path.is_named() {
            let line = "does not exist; the process environment is the whole configuration";
            given.warnings.push(format!("{file} {line}"));
        }
        variables.add_to(&mut given, &definitions)?;
        let config = Self::of(&mut given)?;
        Ok((config, given))
    }

    fn of(given: &mut Given) -> Result<Self, ConfigError> {
        let refuse = |wrong| given.refuse(&wrong);
        let supervisor = Options::read("", &given.values).map_err(refuse)?;
        let worker = WorkerSettings::read("", &given.values).map_err(refuse)?;
        let has_documents = supervisor.environment_documents.is_some();
        let lists_environments = has_documents || supervisor.proxy_key.is_some();
        let environment_key_pairs = key_pairs::read(given, !lists_environments)?;
        let origins = worker.allow_origins.iter();
        let no_origins = origins.filter(|text| is_no_origin(text)).map(|text| {
            let source = given.place("allow_origins").map_or("", |place| &place.source);
            let found = shown(&Value::from(text.as_str()), false);
            format!("{source}: allow_origins: {found} is no origin such as \"https://app.example.com\"; ignoring it")
        });
        let inapplicable = worker.logging.overrides.inapplicable();
        let inapplicable: Vec<_> = inapplicable.iter().map(|name| shown_name(name)).collect();
        let inapplicable = inapplicable.join(", ");
        let inapplicable = (!inapplicable.is_empty()).then(|| {
            let source = given.place("logging.override").map_or("", |place| &place.source);
            format!("{source}: logging.override: only levels of loggers apply here; ignoring {inapplicable}")
        });
        let mut warnings = given.warnings.clone();
        warnings.sort_unstable();
        let unused = OF_UPSTREAM.iter().filter(|_| has_documents);
        let unused = unused.filter_map(|name| {
            let source = &given.place(name)?.source;
            Some(format!(
                "{source}: {name} has no meaning with environment_documents; ignoring it"
            ))
        });
        warnings.extend(no_origins.chain(inapplicable).chain(unused));
        Ok(Self {
            environment_key_pairs,
            supervisor,
            worker,
            warnings,
        })
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
