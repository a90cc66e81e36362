//! The command line: options, commands and the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde_json::Value;

const AFTER_HELP: &str = "\
Try it without an account:
  edge-proxy --demo

Serve your own environments:
  1. cp config.json.example config.json
  2. put in the server-side and client-side key of each environment
     (or set ENVIRONMENT_KEY_PAIRS and other settings as variables, and need no file)
  3. edge-proxy --config config.json
  4. point your SDKs at http://<this host>:8000/api/v1/

Process environment:
  each setting     such as API_URL or SERVER_PORT; counts more than the file
  CONFIG_PATH      the configuration file, if --config is not given
  WEB_CONCURRENCY  how many workers to run: a number, or auto for one per core (default 1)
  RUST_LOG         what to log, in place of logging.log_level: error, warn, info, debug, or a level for each logger
  HTTPS_PROXY      the proxy on the way to upstream (also HTTP_PROXY, ALL_PROXY); NO_PROXY: exceptions
  SSL_CERT_FILE    the CA bundle to check upstream's certificate with

Signals: TERM and INT finish the requests in progress and exit with 0; a second signal does not wait.
HUP reads the configuration again and applies it without dropping a request.
Exit status: 0 stopped by a signal, 1 could not start or go on, 2 wrong command line, 78 wrong configuration.";

/// Serves Flagsmith environments to every Flagsmith SDK from near your servers.
#[derive(Debug, Parser)]
#[command(name = "edge-proxy", version, after_help = AFTER_HELP)]
pub(crate) struct CommandLine {
    /// Configuration file [default: $CONFIG_PATH, else ./config.json]
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// Serve two sample environments that are built in: no account, file or network needed
    #[arg(long, conflicts_with = "config")]
    pub(crate) demo: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The commands. Without one, the process is the supervisor.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the configuration, show where each value comes from, and start nothing
    ///
    /// Exit status 0, or 78 and one line that says what is wrong.
    CheckConfig {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask the running proxy whether it is ready, for health checks of containers
    ///
    /// It is found by the same configuration. Exit status 0 if it is ready, else 1 and a line that says why.
    Health {
        /// Ask only whether it answers, whatever it has to serve
        #[arg(long)]
        live: bool,
    },
    /// Examine keys, upstream, certificates, documents, state directory and ports
    ///
    /// One line for each check: ok, warning or failed, what was checked, what was found, and what to do. Exit status 1
    /// if something failed.
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is published in the state directory
    ///
    /// Beside a running proxy or without one; changes nothing. Exit status 1 if something published cannot be read.
    Snapshot {
        /// State directory [default: that of the configuration]
        #[arg(long, value_name = "PATH")]
        directory: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say which flags an identity gets, and why
    ///
    /// From what the proxy on this machine has published, or from a file with a document. Without --identifier and
    /// --trait: the flags of the environment.
    Evaluate(EvaluateArguments),
    /// Print a configuration with the default of each setting, and key pairs to fill in
    RenderConfig {
        /// Print the reference of all settings instead, in Markdown
        #[arg(long)]
        reference: bool,
    },
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or that of a command
    Man {
        /// Which command [default: edge-proxy itself]
        command: Option<String>,
    },
    /// Serve requests as a worker. Started by the supervisor, with the handover in standard input
    #[command(hide = true)]
    Worker,
    /// Compile a large document. Started by the supervisor, with the document as stdin and the snapshot as stdout
    #[command(hide = true)]
    Compile {
        /// The task, as JSON
        #[arg(long)]
        task: String,
    },
}

/// What `evaluate` is asked.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// Client-side key of the environment
    #[arg(long, value_name = "KEY", required_unless_present = "document")]
    pub(crate) environment: Option<String>,
    /// Whom flags are evaluated for
    #[arg(long, value_name = "ID")]
    pub(crate) identifier: Option<String>,
    /// Trait of the identity. A number, true, false, null or "text" is JSON, other values are text; may be repeated
    #[arg(long = "trait", value_name = "KEY=VALUE", value_parser = parse_trait)]
    pub(crate) traits: Vec<(String, String)>,
    /// The flag of this feature alone, and those that it depends on
    #[arg(long, value_name = "NAME")]
    pub(crate) feature: Option<String>,
    /// Which kind of key would ask
    #[arg(long, value_enum, default_value_t)]
    pub(crate) side: SideArgument,
    /// File with an environment document, in place of a proxy on this machine
    #[arg(long, value_name = "FILE", conflicts_with = "directory")]
    pub(crate) document: Option<PathBuf>,
    /// State directory [default: that of the configuration]
    #[arg(long, value_name = "PATH")]
    pub(crate) directory: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArgument {
    #[default]
    Client,
    Server,
}

/// Reads `KEY=VALUE`. The value is given as JSON.
fn parse_trait(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let is_scalar = match serde_json::from_str(value) {
        Ok(Value::Array(_) | Value::Object(_)) | Err(_) => false,
        Ok(_) => true,
    };
    let value = match is_scalar {
        true => value.to_owned(),
        false => Value::from(value).to_string(),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn help_keeps_the_worker_to_itself() {
        let help = CommandLine::command().render_help().to_string();
        assert!(
            help.contains("--demo") && help.contains("WEB_CONCURRENCY"),
            "{help}"
        );
        for command in [
            "check-config",
            "health",
            "snapshot",
            "doctor",
            "evaluate",
            "render-config",
            "completions",
            "man",
        ] {
            assert!(help.contains(&format!("\n  {command} ")), "{help}");
        }
        assert!(!help.contains("worker "), "{help}");
    }

    #[test]
    fn the_value_of_a_trait_is_a_json_scalar_or_else_text() {
        for (text, expected) in [
            ("a=1", "1"),
            ("a=1.50", "1.50"),
            ("a=true", "true"),
            ("a=null", "null"),
            ("a=\"1\"", "\"1\""),
            ("a=premium", "\"premium\""),
            ("a=b=c", "\"b=c\""),
            ("a=[1]", "\"[1]\""),
            ("a=", "\"\""),
            ("a=1.2.3", "\"1.2.3\""),
        ] {
            let expected = ("a".to_owned(), expected.to_owned());
            assert_eq!(parse_trait(text), Ok(expected), "{text}");
        }
        assert!(parse_trait("a").is_err());
    }
}
