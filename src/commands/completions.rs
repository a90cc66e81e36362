//! `edge-proxy completions`: prints the completions of a shell, from the definition of the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::command_line::CommandLine;
use crate::error::Error;

/// Prints them on stdout.
pub(crate) fn run(shell: Shell) -> Result<(), Error> {
    let mut command = CommandLine::command();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "edge-proxy", &mut text);
    io::stdout().write_all(&text).map_err(Error::Print)
}
