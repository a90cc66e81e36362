//! What a newcomer types, and what comes back.

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
        "config.json.example",
        "WEB_CONCURRENCY",
        "RUST_LOG",
    ] {
        assert!(stdout.contains(word), "help lacks {word}:\n{stdout}");
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
fn a_worker_without_its_supervisor_does_not_start() {
    let (code, _, stderr) = run(executable().args(["worker", "--handover", "{}"]));
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("read the handover"), "{stderr}");
}
