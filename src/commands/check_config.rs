//! `edge-proxy check-config`: checks the configuration, shows where each value comes from, and starts nothing.

use std::io::{self, Write};
use std::path::PathBuf;

use contract::counted;
use serde_json::{Value, json};

use super::table::table;
use crate::config::{self, Config, Effective};
use crate::error::Error;

/// Prints each setting, its value and where it comes from, and a warning for each name that is no setting.
pub(crate) fn run(path: Option<PathBuf>, as_json: bool) -> Result<(), Error> {
    let path = config::path(path);
    let (config, settings) = Config::explain(&path)?;
    let workers = config::workers()?;
    let text = if as_json {
        let setting =
            |one: Effective| json!({"name": one.name, "value": one.value, "from": one.from});
        let report = json!({
            "settings": settings.into_iter().map(setting).collect::<Vec<_>>(),
            "environments": config.environment_key_pairs.len(),
            "workers": workers,
            "warnings": config.warnings,
        });
        format!("{report:#}\n")
    } else {
        for warning in &config.warnings {
            eprintln!("edge-proxy: {warning}");
        }
        let rows: Vec<_> = settings.into_iter().map(row).collect();
        format!(
            "{}\n{} is fine: {} on {}\n",
            table(["setting", "value", "from"], &rows),
            path.read_from(),
            environments(&config),
            counted(workers.get(), "worker")
        )
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(Error::Print)
}

/// What is served, as far as the configuration says it.
fn environments(config: &Config) -> String {
    let configured = counted(config.environment_key_pairs.len(), "environment");
    let options = &config.supervisor;
    match (&options.environment_documents, &options.proxy_key) {
        (Some(place), _) => format!("the environments in {place}"),
        (None, Some(_)) => format!("{configured}, and those that upstream lists,"),
        (None, None) => configured,
    }
}

/// A control character would spoil the table, or the terminal.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

fn row(setting: Effective) -> [String; 3] {
    let value = match setting.value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    [setting.name, shown(&value), setting.from]
}
