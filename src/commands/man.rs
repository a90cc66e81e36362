//! `edge-proxy man`: prints a manual page, from the definition of the command line.

use std::io;

use clap::CommandFactory;
use clap::error::ErrorKind;
use clap_mangen::Man;

use crate::command_line::CommandLine;
use crate::error::Error;

/// Prints the page of a command, or that of the executable, on stdout as roff.
pub(crate) fn run(name: Option<&str>) -> Result<(), Error> {
    let mut command = CommandLine::command();
    // Names the sub-commands as their pages are named.
    command.build();
    if let Some(name) = name {
        let found = command
            .get_subcommands()
            .find(|each| each.get_name() == name);
        let Some(found) = found.filter(|each| !each.is_hide_set()).cloned() else {
            let problem = format!("there is no command '{name}'");
            command.error(ErrorKind::InvalidSubcommand, problem).exit();
        };
        command = found;
    }
    Man::new(command)
        .render(&mut io::stdout())
        .map_err(Error::Print)
}
