//! How a proxy is to be started: its configuration and its process environment.

use serde_json::{Value, json};
use testing::Stub;

use super::program::{executable, program};
use super::proxy::Proxy;

/// A proxy that is about to be started.
pub(crate) struct Start {
    config: Value,
    workers: usize,
    variables: Vec<(&'static str, String)>,
    /// How many files each of its processes may open.
    files: Option<u64>,
}

impl Start {
    /// With these environments, by client-side key. The server-side key is `ser.` and the client-side key.
    pub(crate) fn new(upstream: &Stub, environments: &[&str]) -> Start {
        let pairs: Vec<Value> = environments
            .iter()
            .map(|key| json!({"client_side_key": key, "server_side_key": format!("ser.{key}")}))
            .collect();
        Start::without_upstream()
            .set("environment_key_pairs", json!(pairs))
            .set("api_url", json!(upstream.api_url()))
    }

    /// With nothing that names an environment.
    pub(crate) fn without_upstream() -> Start {
        let config = json!({
            "api_poll_frequency_seconds": 0.2,
            "server": {"host": "127.0.0.1", "port": 0},
            "admin": {"port": null},
        });
        Start {
            config,
            workers: 1,
            variables: Vec::new(),
            files: None,
        }
    }

    pub(crate) fn workers(mut self, workers: usize) -> Start {
        self.workers = workers;
        self
    }

    /// Sets `RUST_LOG`.
    pub(crate) fn log(self, filter: &str) -> Start {
        self.variable("RUST_LOG", filter)
    }

    /// Sets a variable of the process environment.
    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Start {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Limits how many files each of its processes may open.
    pub(crate) fn files(mut self, files: u64) -> Start {
        self.files = Some(files);
        self
    }

    /// Sets a setting in the section `server`.
    pub(crate) fn server(mut self, name: &str, value: Value) -> Start {
        self.config["server"][name] = value;
        self
    }

    /// With an admin listener.
    pub(crate) fn admin(mut self) -> Start {
        self.config["admin"] = json!({"port": 0});
        self
    }

    /// Sets a setting.
    pub(crate) fn set(mut self, name: &str, value: Value) -> Start {
        self.config[name] = value;
        self
    }

    /// Starts the proxy and waits until it listens.
    pub(crate) fn start(mut self) -> Proxy {
        let directory = tempfile::tempdir().expect("a directory");
        let state = directory.path().join("state");
        self.config["snapshot"] = json!({"directory": state});
        let config = directory.path().join("config.json");
        std::fs::write(&config, self.config.to_string()).expect("write the configuration");
        let mut command = executable();
        if let Some(files) = self.files {
            let itself = command.get_program().to_owned();
            command = program("sh");
            let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
            command.arg("-c").arg(script).arg(itself);
        }
        command
            .envs(self.variables)
            .arg("--config")
            .arg(&config)
            .env("WEB_CONCURRENCY", self.workers.to_string());
        Proxy::spawn(command, state, Some(directory))
    }
}
