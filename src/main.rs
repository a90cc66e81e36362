//! The executable: command line, configuration, and which role this process has. Nothing else names both roles.

mod command_line;
mod config;
mod configured;
mod demo;
mod state_directory;

use std::io;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use contract::{
    EX_BOOT, EX_CONFIG, EX_FAILURE, Handover, Limits, Sockets, WorkerSettings, with_causes,
};

use command_line::{CommandLine, Role};
use config::{ConfigError, Server};
use demo::Demo;

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
            Failure::Demo(_) | Failure::Supervisor(_) => EX_FAILURE,
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
            eprintln!("edge-proxy: {}", with_causes(&failure));
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
    let handover = Handover::from_json(handover).map_err(Failure::Handover)?;
    let sockets = Sockets::take().map_err(Failure::Listener)?;
    Ok(worker::run(handover, sockets)?)
}

fn worker_settings(server: &Server, allow_origins: Vec<String>) -> WorkerSettings {
    WorkerSettings {
        allow_origins,
        shutdown_timeout: server.shutdown_timeout,
        limits: Limits {
            max_connections: server.max_connections,
            max_body_bytes: server.max_body_bytes,
            header_timeout: server.header_timeout,
            body_timeout: server.body_timeout,
            keep_alive: server.keep_alive,
        },
    }
}

/// Makes the command that starts a worker: this very program again, whatever has become of its file.
fn worker_command(directory: PathBuf, settings: WorkerSettings) -> impl Fn(usize) -> Command {
    move |slot| {
        let handover = Handover {
            directory: directory.clone(),
            slot,
            supervisor: std::process::id(),
            settings: settings.clone(),
        };
        let handover = handover.to_json().unwrap_or_default();
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
