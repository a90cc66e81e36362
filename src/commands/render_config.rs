//! `edge-proxy render-config`: prints a configuration with all defaults, or the reference of all settings.

use std::io::{self, Write as _};

use crate::config::{example, reference};
use crate::error::Error;

/// Prints it to stdout.
pub(crate) fn run(with_reference: bool) -> Result<(), Error> {
    let text = if with_reference {
        reference()
    } else {
        example()
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(Error::Print)
}
