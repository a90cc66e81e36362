//! The executable under test, as a command.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, Stdio};

use testing::eventually;

/// The executable under test.
pub(crate) fn executable() -> Command {
    program(env!("CARGO_BIN_EXE_edge-proxy"))
}

/// A command without those variables of this process's environment that the executable reads.
pub(super) fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    for name in [
        "CONFIG_PATH",
        "FORWARDED_ALLOW_IPS",
        "WEB_CONCURRENCY",
        "RUST_LOG",
        "STATE_DIRECTORY",
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end: exit code, stdout, stderr.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the executable");
    let status = eventually("the end of the executable", || {
        child.try_wait().expect("wait")
    });
    let read = |stream: &mut dyn Read| {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("read its output");
        text
    };
    let stdout = read(child.stdout.as_mut().expect("stdout"));
    let stderr = read(child.stderr.as_mut().expect("stderr"));
    (status.code(), stdout, stderr)
}
