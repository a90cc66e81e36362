//! Where the proxy publishes when nobody says where: the first directory that it can use, with one warning if that is
//! not the one it should be.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use testing::{Stub, document};

use crate::harness::{Proxy, executable, run};

/// No directory can be made there.
const NOWHERE: &str = "/proc/nowhere";

struct Site {
    upstream: Stub,
    directory: TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            upstream: Stub::start([("test", document("test", "hello"))]),
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a directory.
    fn make(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).expect("make a directory");
        path
    }

    /// The command of a proxy whose configuration names no state directory, and whose process environment has these
    /// variables alone.
    fn command(&self, variables: &[(&str, &Path)]) -> Command {
        let config = json!({
            "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
            "api_url": self.upstream.api_url(),
            "server": {"host": "127.0.0.1", "port": 0},
            "admin": {"port": null},
        });
        let path = self.path("config.json");
        fs::write(&path, config.to_string()).expect("write the configuration");
        let mut command = executable();
        command.env_clear().envs(variables.iter().copied());
        command.arg("--config").arg(path);
        command
    }

    /// Starts it and waits until it serves.
    fn start(&self, variables: &[(&str, &Path)]) -> Proxy {
        let proxy = Proxy::spawn(self.command(variables), PathBuf::new(), None);
        proxy.wait_until_ready();
        assert_eq!(proxy.get("/api/v1/flags/", "test").status, 200);
        proxy
    }
}

fn user() -> String {
    format!("edge-proxy-{}", nix::unistd::geteuid())
}

#[track_caller]
fn warnings(proxy: &Proxy) -> Vec<String> {
    let log = proxy.log();
    let lines = log.lines().filter(|line| line.contains("WARN"));
    lines.map(str::to_owned).collect()
}

/// The only warning. A thread writes the log, so it may come after the proxy is ready.
#[track_caller]
fn only_warning(proxy: &Proxy) -> String {
    let warnings = proxy.wait_for("a warning", |proxy| {
        Some(warnings(proxy)).filter(|warnings| !warnings.is_empty())
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings.concat()
}

/// Expects one warning, which names this directory and holds these words.
#[track_caller]
fn check_warning(proxy: &Proxy, directory: &Path, words: &[&str]) {
    let warning = only_warning(proxy);
    let publishing = format!("publishing in {}", directory.display());
    for words in [&[publishing.as_str()], words].concat() {
        assert!(warning.contains(words), "{warning}, not {words}");
    }
    assert!(directory.join("board").is_file());
}

#[test]
fn the_directory_of_the_service_is_used_whatever_its_name() {
    let site = Site::new();
    for name in [&b"state"[..], b"two words", b"no text: \xff"] {
        let directory = site.directory.path().join(OsStr::from_bytes(name));
        let listed = [directory.as_os_str().as_bytes(), b":/elsewhere"].concat();
        // A colon separates, so the last name ends there.
        let expected =
            OsStr::from_bytes(listed.split(|byte| *byte == b':').next().expect("a name"));
        let proxy = site.start(&[("STATE_DIRECTORY", Path::new(OsStr::from_bytes(&listed)))]);
        assert_eq!(warnings(&proxy), [""; 0]);
        assert!(Path::new(expected).join("board").is_file());
    }
}

#[test]
fn without_a_directory_that_lasts_a_temporary_one_is_used_with_one_warning() {
    let site = Site::new();
    let temporary = site.make("temporary");
    let (nowhere, here) = (Path::new(NOWHERE), temporary.as_path());
    for (variables, words) in [
        (
            &[("STATE_DIRECTORY", nowhere), ("TMPDIR", here)][..],
            &["create directory /proc/nowhere: ", "waits for upstream"][..],
        ),
        (
            &[
                ("HOME", nowhere),
                ("TMPDIR", nowhere),
                ("RUNTIME_DIRECTORY", here),
            ],
            &["create directory /proc/nowhere/.local/state/edge-proxy: "],
        ),
        (
            &[("TMPDIR", here)],
            &["neither STATE_DIRECTORY nor HOME is set"],
        ),
    ] {
        let proxy = site.start(variables);
        check_warning(&proxy, &temporary.join(user()), words);
    }
}

#[test]
fn proxies_of_one_user_have_a_directory_each() {
    let site = Site::new();
    let temporary = site.make("temporary");
    let variables = [
        ("STATE_DIRECTORY", Path::new(NOWHERE)),
        ("TMPDIR", &temporary),
    ];
    let first = site.start(&variables);
    let second = site.start(&variables);
    check_warning(&first, &temporary.join(user()), &[]);
    check_warning(&second, &temporary.join(user() + "-2"), &[]);
    let state = site.path("state");
    let _third = site.start(&[("STATE_DIRECTORY", &state)]);
    let fourth = site.start(&[("STATE_DIRECTORY", &state), ("TMPDIR", &temporary)]);
    let held = format!("lock state directory {}: process ", state.display());
    check_warning(&fourth, &temporary.join(user() + "-3"), &[&held]);
}

#[test]
fn a_volume_that_others_can_write_to_holds_a_directory_that_they_cannot() {
    let site = Site::new();
    let volume = site.make("volume");
    fs::set_permissions(&volume, Permissions::from_mode(0o2770)).expect("open it to its group");
    let variables = [("STATE_DIRECTORY", volume.as_path())];
    for _ in 0..2 {
        let proxy = site.start(&variables);
        check_warning(
            &proxy,
            &volume.join("edge-proxy"),
            &["mode 2770 lets other users in"],
        );
    }
}

/// Kubernetes opens a volume to its group before each start of a pod with an `fsGroup`.
#[test]
fn a_volume_that_kubernetes_opened_is_closed_and_used_without_what_it_holds() {
    let site = Site::new();
    let state = site.path("state");
    let variables = [("STATE_DIRECTORY", state.as_path())];
    drop(site.start(&variables));
    let open = "find \"$0\" -type d -exec chmod 2770 {} + -o -exec chmod 660 {} +";
    for _ in 0..2 {
        let opened = Command::new("sh").args(["-c", open]).arg(&state).status();
        assert!(opened.expect("open it to its group").success());
        let proxy = site.start(&variables);
        let warning = only_warning(&proxy);
        assert!(
            warning.contains("mode 2770 let its group write"),
            "{warning}"
        );
    }
    let mode = fs::metadata(&state)
        .expect("the directory")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o700);
    assert_eq!(warnings(&site.start(&variables)), [""; 0]);
}

#[test]
fn a_directory_that_the_configuration_names_is_the_only_one() {
    let site = Site::new();
    let mut command = site.command(&[("TMPDIR", &site.make("temporary"))]);
    let path = site.path("config.json");
    let config = fs::read_to_string(&path).expect("the configuration");
    let named = format!(
        r#"{{"snapshot":{{"directory":"{NOWHERE}"}},{}"#,
        &config[1..]
    );
    fs::write(&path, named).expect("write the configuration");
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, Some(1), "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("edge-proxy: create directory /proc/nowhere: "),
        "{stderr}"
    );
}
