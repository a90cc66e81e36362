//! The executable: command line, configuration, and which role this process has. Nothing else names both roles.

mod command_line;
mod config;
mod configured;
mod demo;
mod state_directory;

use std::error::Error as StdError;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;

use command_line::{CommandLine, Role};
use config::{ConfigError, Server};
use demo::Demo;

/// The configuration is missing or wrong (`sysexits.h`).
const EX_CONFIG: u8 = 78;

/// A worker could not boot: the supervisor should not try again.
const EX_BOOT: u8 = 3;

/// What is logged when `RUST_LOG` does not say: our own rooms, and what others complain about. The HTTP server complains
/// of clients, once for each bad request: whoever sends those would fill the disk.
const LOG_FILTER: &str =
    "warn,actix_http=off,edge_proxy=info,supervisor=info,worker=info,snapshot=info,engine=info";

/// What ends this process, each kind with its own exit status.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("start the demonstration")]
    Demo(#[source] io::Error),
    #[error(transparent)]
    Supervisor(#[from] supervisor::Error),
    #[error("read the handover: {0}")]
    Handover(#[source] serde_json::Error),
    #[error("take the listening sockets from stdin and stdout")]
    Listener(#[source] io::Error),
    #[error(transparent)]
    Worker(#[from] worker::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Config(_) => EX_CONFIG,
            Failure::Demo(_) | Failure::Supervisor(_) => 1,
            Failure::Handover(_) | Failure::Listener(_) | Failure::Worker(_) => EX_BOOT,
        }
    }
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(LOG_FILTER)).init();
    let outcome = match command_line.role {
        Some(Role::Worker { handover }) => work(&handover),
        Some(Role::CheckConfig { config }) => {
            configured::check(&configured::path(config.or(command_line.config)))
        }
        None if command_line.demo => demonstrate(),
        None => configured::supervise(configured::path(command_line.config)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("edge-proxy: {}", chain(&failure));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Serves the sample environments.
fn demonstrate() -> Result<(), Failure> {
    let workers: NonZeroUsize = config::web_concurrency(variable("WEB_CONCURRENCY").as_deref())?;
    let demo = Demo::new().map_err(Failure::Demo)?;
    let parent = variable("STATE_DIRECTORY").map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = std::fs::create_dir_all(&parent)
        .and_then(|()| {
            tempfile::Builder::new()
                .prefix("edge-proxy-demo-")
                .tempdir_in(&parent)
        })
        .map_err(Failure::Demo)?;
    println!("{}", demo.welcome());
    let path = directory.path().to_owned();
    let server = Server::default();
    let settings = supervisor::Settings {
        environments: demo.environments,
        source: supervisor::Source::Embedded(demo.documents),
        api_poll_frequency: Duration::from_secs(10),
        stale_after: None,
        directory: path.clone(),
        host: Demo::HOST.to_owned(),
        port: demo.port,
        workers,
        shutdown_delay: server.shutdown_delay,
        shutdown_timeout: server.shutdown_timeout,
        worker: supervisor::WorkerCommand::new(worker_command(
            path,
            worker_settings(&server, vec!["*".to_owned()]),
        )),
    };
    Ok(supervisor::run(settings, None)?)
}

/// Serves requests, as one of the supervisor's workers.
fn work(handover: &str) -> Result<(), Failure> {
    let handover = serde_json::from_str(handover).map_err(Failure::Handover)?;
    let (listener, beside) = take_sockets().map_err(Failure::Listener)?;
    Ok(worker::run(handover, listener, beside)?)
}

/// The sockets that are stdin and stdout. Those let go of them: as long as any descriptor of a socket is open, the
/// kernel queues connections that a draining worker will never accept.
fn take_sockets() -> io::Result<(TcpListener, OwnedFd)> {
    let own = io::stdin().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
    let beside = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    Ok((TcpListener::from(own), beside))
}

fn worker_settings(server: &Server, allow_origins: Vec<String>) -> worker::Settings {
    worker::Settings {
        allow_origins,
        drain_timeout: server.shutdown_timeout,
        limits: worker::Limits {
            connections: server.max_connections,
            body: server.max_body_bytes,
            head_timeout: server.header_timeout,
            body_timeout: server.body_timeout,
            silence: server.keep_alive,
        },
    }
}

/// Makes the command that starts a worker: this very program again, whatever has become of its file.
fn worker_command(directory: PathBuf, settings: worker::Settings) -> impl Fn(usize) -> Command {
    move |slot| {
        let handover = worker::Handover {
            directory: directory.clone(),
            slot,
            supervisor: std::process::id(),
            settings: settings.clone(),
        };
        let handover = serde_json::to_string(&handover).unwrap_or_default();
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("edge-proxy")
            .args(["worker", "--handover", &handover]);
        command
    }
}

/// A variable of the process environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An error and what caused it, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}
