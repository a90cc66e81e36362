//! `edge-proxy evaluate`: says which flags an identity gets, and why.

mod tree;

use std::io::{self, Write};
use std::path::PathBuf;

use supervisor::inspect::explain::{Asked, Explanation, explain_file, explain_published};

use super::snapshot::entered;
use crate::command_line::{EvaluateArguments, SideArgument};
use crate::config::{self, Config};
use crate::error::Error;

/// Prints the explanation, as a tree or as JSON.
pub(crate) fn run(path: Option<PathBuf>, arguments: EvaluateArguments) -> Result<(), Error> {
    let json = arguments.json;
    let explanation = explain(path, arguments)?;
    let text = match json {
        true => serde_json::to_string_pretty(&explanation).map_err(Error::Json)? + "\n",
        false => tree::text(&explanation),
    };
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).map_err(Error::Print)
}

fn explain(path: Option<PathBuf>, arguments: EvaluateArguments) -> Result<Explanation, Error> {
    let EvaluateArguments {
        environment,
        document,
        directory,
        ..
    } = arguments;
    let asked = Asked {
        of_server: arguments.side == SideArgument::Server,
        identifier: arguments.identifier,
        traits: arguments.traits,
        feature: arguments.feature,
    };
    if let Some(document) = document {
        return Ok(explain_file(&document, environment.as_deref(), &asked)?);
    }
    let directory = match directory {
        Some(directory) => directory,
        None => Config::load(&config::path(path))?.directory().find(),
    };
    // The command line asks for the key where there is no document.
    let key = environment.unwrap_or_default();
    Ok(explain_published(&entered(&directory), &key, &asked)?)
}
