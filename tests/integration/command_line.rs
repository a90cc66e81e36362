//! The command line: version, help, `check-config`, and what a bad configuration gets.

use crate::harness::{executable, run};

#[test]
fn tells_its_version_and_how_to_start() {
    let (code, stdout, _) = run(executable().arg("--version"));
    assert_eq!(
        (code, stdout.trim()),
        (Some(0), concat!("edge-proxy ", env!("CARGO_PKG_VERSION")))
    );
    let (code, stdout, _) = run(executable().arg("--help"));
    assert_eq!(code, Some(0));
    for word in [
        "--config",
        "--demo",
        "check-config",
        "HUP",
        "config.json.example",
        "WEB_CONCURRENCY",
        "RUST_LOG",
    ] {
        assert!(stdout.contains(word), "help lacks {word}:\n{stdout}");
    }
}

#[test]
fn completions_and_manual_pages_come_from_the_command_line() {
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef edge-proxy"),
        ("fish", "complete -c edge-proxy"),
    ] {
        let (code, stdout, _) = run(executable().args(["completions", shell]));
        assert_eq!(code, Some(0), "{shell}");
        for expected in [word, "check-config", "health", "live"] {
            assert!(stdout.contains(expected), "{shell}: {stdout}");
        }
    }
    for (arguments, name, word) in [
        (&["man"][..], ".TH edge-proxy 1", "edge\\-proxy\\-health(1)"),
        (&["man", "health"], ".TH edge-proxy-health 1", "\\-\\-live"),
    ] {
        let (code, stdout, _) = run(executable().args(arguments));
        assert_eq!(code, Some(0), "{arguments:?}");
        assert!(stdout.contains(name) && stdout.contains(word), "{stdout}");
        assert!(!stdout.contains("handover"), "{stdout}");
    }
    for arguments in [
        ["completions", "tcsh"],
        ["man", "worker"],
        ["man", "nothing"],
    ] {
        let (code, stdout, _) = run(executable().args(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn a_bad_configuration_is_one_line_and_78() {
    let directory = tempfile::tempdir().unwrap();
    let check = |text: Option<&str>, expected: &[&str]| {
        let path = directory.path().join("config.json");
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => drop(std::fs::remove_file(&path)),
        }
        for mut command in
            [executable(), executable()]
                .into_iter()
                .enumerate()
                .map(|(way, mut command)| {
                    match way {
                        0 => command.arg("--config").arg(&path),
                        _ => command.env("CONFIG_PATH", &path),
                    };
                    command
                })
        {
            let (code, _, stderr) = run(&mut command);
            assert_eq!(code, Some(78), "{stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            let file = path.display().to_string();
            for word in expected.iter().copied().chain([file.as_str()]) {
                assert!(stderr.contains(word), "{stderr:?} lacks {word:?}");
            }
        }
    };
    check(None, &["No such file", "config.json.example", "--demo"]);
    check(Some("{"), &["is not JSON", "line 1"]);
    check(
        Some("{}"),
        &["environment_key_pairs", "missing", "expected a list"],
    );
    let pair = r#""environment_key_pairs":[{"server_side_key":"ser.a","client_side_key":"a"}]"#;
    check(
        Some(&format!(r#"{{{pair},"server":{{"port":"eighty"}}}}"#)),
        &["server.port", "\"eighty\"", "0 to 65535"],
    );
}

#[test]
fn a_configuration_is_checked_without_starting_anything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let file = path.display().to_string();
    let check = |text: &str, workers: &str| {
        std::fs::write(&path, text).unwrap();
        let mut command = executable();
        command
            .env("HOME", directory.path())
            .env("WEB_CONCURRENCY", workers);
        run(command.args(["check-config", "--config", &file]))
    };
    let pairs = r#""environment_key_pairs":[{"server_side_key":"ser.SECRET","client_side_key":"a"},{"server_side_key":"ser.b","client_side_key":"b"}]"#;
    let fine = format!(r#"{{{pairs},"server":{{"port":1,"prot":2}},"unheard":{{}}}}"#);
    let (code, stdout, stderr) = check(&fine, "3");
    assert_eq!(code, Some(0), "{stderr}");
    let verdict = format!("\n{file} is fine: 2 environments on 3 workers\n");
    assert!(stdout.ends_with(&verdict), "{stdout}");
    let warning = |name| format!("edge-proxy: {file}: {name}; ignoring it\n");
    let misspelt = "server.prot is not a setting (did you mean server.port?)";
    assert_eq!(
        stderr,
        warning(misspelt) + &warning("unheard is not a setting")
    );

    let wrong_port = format!(r#"{{{pairs},"server":{{"port":-1}}}}"#);
    let wrong_key = r#"{"environment_key_pairs":[{"server_side_key":"ser.SECRET\u00e9","client_side_key":"a"}]}"#;
    for (text, workers, expected) in [
        ("{", "1", "is not JSON"),
        (
            wrong_port.as_str(),
            "1",
            "server.port: found -1, expected a whole number from 0 to 65535",
        ),
        (
            wrong_key,
            "1",
            "found another string, expected a key that starts with \"ser.\" and is plain ASCII",
        ),
        (fine.as_str(), "many", "WEB_CONCURRENCY: found \"many\""),
    ] {
        let (code, stdout, stderr) = check(text, workers);
        assert_eq!((code, stdout.as_str()), (Some(78), ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr:?} lacks {expected:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(!stderr.contains("SECRET"), "{stderr}");
    }
    // `CONFIG_PATH` may name the file, and `--config` may stand before the sub-command.
    std::fs::write(&path, &fine).unwrap();
    let (code, ..) = run(executable().arg("check-config").env("CONFIG_PATH", &path));
    assert_eq!(code, Some(0));
    let (code, ..) = run(executable().args(["--config", &file, "check-config"]));
    assert_eq!(code, Some(0));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "it touches nothing: {left:?}");
}

#[test]
fn a_worker_without_its_supervisor_does_not_start() {
    let (code, _, stderr) = run(executable().arg("worker"));
    assert_eq!(code, Some(3), "{stderr}");
    let expected =
        "edge-proxy: take the handover from standard input, where a supervisor puts it: ";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}
