//! Reloads that change nothing: of an invalid file, of an unchanged one, and of settings that need a restart.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use super::{
    FLAGS, READINESS, clients, configuration, edit, pair, proxy, reload, reloaded, some_requests,
    status, upstream, workers,
};
use crate::harness::{Expect, Proxy, executable, run};

#[test]
fn an_invalid_file_changes_nothing_and_says_why() {
    let upstream = upstream(&["stays", "other"]);
    let proxy = proxy(&upstream, &["stays"]);
    let good = fs::read_to_string(configuration(&proxy)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let before = workers(&proxy);
    let clients = clients(
        &proxy,
        &[(FLAGS, "other", Expect::Always(401, String::new()))],
    );
    let with = |change: fn(&mut Value)| {
        let mut config: Value = serde_json::from_str(&good).unwrap();
        config["environment_key_pairs"] = json!([pair("other", "ser.other")]);
        change(&mut config);
        config.to_string()
    };
    let cases = [
        (String::new(), "is not JSON"),
        (good[..good.len() / 2].to_owned(), "is not JSON"),
        ("[]".to_owned(), "expected an object"),
        (
            with(|config| config["server"]["port"] = json!(65536)),
            "server.port: found 65536",
        ),
        (
            with(|config| config["api_url"] = json!("ftp://upstream")),
            "api_url: found",
        ),
        (
            with(|config| config["environment_key_pairs"] = json!([])),
            "environment_key_pairs",
        ),
        (
            with(|config| config["environment_key_pairs"] = json!([pair("other", "SECRET")])),
            "environment_key_pairs[0].server_side_key: found another string",
        ),
    ];
    for (text, reason) in &cases {
        fs::write(configuration(&proxy), text).unwrap();
        let line = reload(&proxy);
        assert!(line.contains("ERROR"), "{line}");
        assert!(line.contains(reason), "{line:?} lacks {reason:?}");
        assert!(
            !line.contains("SECRET") && !line.contains("ser.other"),
            "{line}"
        );
        // A start refuses the file with the same words.
        let (code, _, stderr) = run(executable().arg("--config").arg(configuration(&proxy)));
        assert_eq!(code, Some(78));
        let words = stderr.trim_end().strip_prefix("edge-proxy: ").unwrap();
        assert!(
            line.ends_with(words),
            "{line:?} does not end with {words:?}"
        );
    }
    fs::remove_file(configuration(&proxy)).unwrap();
    assert!(reload(&proxy).contains("cannot be read: No such file"));
    // A valid file may ask for something that cannot be done.
    let mut config: Value = serde_json::from_str(&with(|_| ())).unwrap();
    let port = taken.local_addr().unwrap().port();
    config["server"]["port"] = json!(port);
    fs::write(configuration(&proxy), config.to_string()).unwrap();
    let line = reload(&proxy);
    let expected = format!(
        "nothing changes: listen on 127.0.0.1:{port} (server.host, server.port): Address already in use"
    );
    assert!(line.contains(&expected), "{line:?} lacks {expected:?}");
    some_requests(&clients);
    clients.stop("10 invalid configurations");
    assert_eq!(workers(&proxy), before);
    assert_eq!((upstream.count("stays"), upstream.count("other")), (1, 0));
    fs::write(configuration(&proxy), good).unwrap();
    reloaded(&proxy, "nothing changed");
}

#[test]
fn an_unchanged_file_changes_nothing() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let before = workers(&proxy);
    let last_update = || proxy.get(READINESS, "").json()["last_successful_update"].clone();
    let fetched = last_update();
    let clients = clients(&proxy, &[]);
    for _ in 0..10 {
        reloaded(&proxy, "nothing changed");
    }
    some_requests(&clients);
    let tally = clients.stop("10 unchanged configurations");
    assert_eq!(tally.again, 0, "no connection was closed");
    assert_eq!(workers(&proxy), before);
    assert_eq!(upstream.count("stays"), 1);
    assert_eq!(last_update(), fetched);
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_is_applied() {
    let upstream = upstream(&["stays", "comes"]);
    let proxy = proxy(&upstream, &["stays"]);
    edit(&proxy, |config| {
        config["snapshot"]["directory"] = json!(proxy.state().with_file_name("elsewhere"));
        config["environment_key_pairs"] =
            json!([pair("stays", "ser.stays"), pair("comes", "ser.comes")]);
        config["server"]["max_connections"] = json!(100);
        config["unheard_of"] = json!(1);
    });
    reloaded(&proxy, "1 environment added, 2 workers rolled");
    let log = proxy.log();
    let state = proxy.state().display().to_string();
    let stays =
        format!("the state directory changes with a restart only: still publishing in {state}");
    assert!(log.contains(&stays), "{log}");
    assert!(log.contains("unheard_of is not a setting"), "{log}");
    assert_eq!(
        (status(&proxy, "stays"), status(&proxy, "comes")),
        (200, 200)
    );
    assert!(!proxy.state().with_file_name("elsewhere").exists());
}

#[test]
fn the_demonstration_has_nothing_to_reload() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = executable();
    command
        .arg("--demo")
        .env("STATE_DIRECTORY", directory.path());
    command.stdout(std::process::Stdio::null());
    let proxy = Proxy::spawn(command, directory.path().to_owned(), None);
    assert!(reload(&proxy).contains("nothing to reload"));
}
