//! A script of `tests/clients/`, which prints what a client found: for each check a line with a JSON object.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::program::program;

/// How long a check may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running script: an iterator over its checks, each with its name and what was found. What the script says beside
/// them is shown when the test fails. Killed when dropped.
pub(crate) struct Script {
    child: Child,
    lines: Receiver<String>,
    said: File,
}

impl Script {
    /// Starts a script, by its path in `tests/clients/`: those in `browser/` get a Chromium. `None` where something is
    /// missing that it needs; then the test is skipped.
    pub(crate) fn start(path: &str, arguments: &[&str]) -> Option<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let installed = target.with_file_name("clients");
        if !is_current(&installed) {
            testing::skip("clients are not installed: tests/clients/install");
            return None;
        }
        let mut command = match path.ends_with(".py") {
            true => program(installed.join("python/bin/python")),
            false => program("node"),
        };
        if path.starts_with("browser/") {
            let Some(chromium) = chromium() else {
                testing::skip("there is no chromium, and CHROMIUM names none");
                return None;
            };
            command.env("CHROMIUM", chromium);
        }
        command
            .env("NODE_PATH", installed.join("node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(testing::root().join("tests/clients").join(path))
            .args(arguments);
        Some(Self::run(command))
    }

    fn run(mut command: Command) -> Self {
        let said = tempfile::tempfile().expect("a file");
        let stderr = said.try_clone().expect("a second handle");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("start the script");
        let stdout = child.stdout.take().expect("its stdout");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // A test that has failed takes no more.
            lines.all(|line| sender.send(line).is_ok())
        });
        Self { child, lines, said }
    }
}

impl Iterator for Script {
    type Item = (String, Value);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("the script takes too long"),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().expect("wait for the script");
                    assert!(status.success(), "the script ended with {status}");
                    return None;
                }
            };
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            let Some(check) = value["check"].as_str() else {
                // Some clients log to stdout.
                eprintln!("{line}");
                continue;
            };
            if let Some(error) = value["error"].as_str() {
                panic!("{check}: {error}");
            }
            return Some((check.to_owned(), value["found"].clone()));
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let mut said = String::new();
            let _ = self.said.rewind();
            let _ = self.said.read_to_string(&mut said);
            eprintln!("--- what the script said ---\n{said}---");
        }
    }
}

/// Whether that is installed which the repository names.
fn is_current(installed: &Path) -> bool {
    let names = ["requirements.txt", "package.json", "package-lock.json"];
    let wanted = names.map(|name| testing::file(&format!("tests/clients/{name}")));
    fs::read_to_string(installed.join("installed")).is_ok_and(|found| found == wanted.concat())
}

/// The browser: what `CHROMIUM` names, or `chromium` where programs are.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let directories = env::var_os("PATH")?;
    let mut candidates = env::split_paths(&directories).map(|path| path.join("chromium"));
    candidates.find(|candidate| candidate.exists())
}
