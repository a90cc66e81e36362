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
    let command_line = CommandLine::parse();
    logging::start();
    let status = run(command_line).unwrap_or_else(error::report);
    logging::finish();
    status
}

fn run(command_line: CommandLine) -> Result<ExitCode, Error> {
    let CommandLine {
        config,
        demo,
        command,
    } = command_line;
    match command {
        Some(Command::Worker) => commands::worker::run()?,
        Some(Command::Compile { task }) => commands::compile::run(&task)?,
        Some(Command::CheckConfig { json }) => commands::check_config::run(config, json)?,
        Some(Command::Health { live }) => commands::health::run(config, live)?,
        Some(Command::Snapshot { directory, json }) => {
            return commands::snapshot::run(config, directory, json);
        }
        Some(Command::Evaluate(arguments)) => commands::evaluate::run(config, arguments)?,
        Some(Command::Doctor { json }) => return commands::doctor::run(config, json),
        Some(Command::Completions { shell }) => commands::completions::run(shell)?,
        Some(Command::Man { command }) => commands::man::run(command.as_deref())?,
        Some(Command::RenderConfig { reference }) => commands::render_config::run(reference)?,
        None if demo => commands::demo::run()?,
        None => commands::serve::run(config)?,
    }
    Ok(ExitCode::SUCCESS)
}
