//! The executable: one program that runs as the supervisor, as a worker, or as a tool for the operator.

mod command_line;
mod commands;
mod config;
mod error;
mod logging;

use std::process::ExitCode;

use clap::Parser;

use command_line::{Command, CommandLine};
use error::Error;

fn main() -> ExitCode {
    let CommandLine {
        config,
        demo,
        command,
    } = CommandLine::parse();
    logging::start();
    let outcome = match command {
        Some(Command::Worker) => commands::worker::run(),
        Some(Command::CheckConfig) => commands::check_config::run(config),
        Some(Command::Health { live }) => commands::health::run(config, live).map_err(Error::from),
        Some(Command::Snapshot { directory, json }) => {
            return commands::snapshot::run(config, directory, json).unwrap_or_else(error::report);
        }
        Some(Command::Completions { shell }) => commands::completions::run(shell),
        Some(Command::Man { command }) => commands::man::run(command.as_deref()),
        Some(Command::RenderConfig { reference }) => commands::render_config::run(reference),
        None if demo => commands::demo::run(),
        None => commands::serve::run(config),
    };
    let status = outcome.map_or_else(error::report, |()| ExitCode::SUCCESS);
    logging::finish();
    status
}
