//! Faults of the machine that the proxy runs on, beside a running proxy and without one.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use testing::{Answer, Stub, document};

use super::{Examined, config, good, upstream};
use crate::harness::Start;

#[test]
fn a_running_proxy_is_no_fault() {
    let upstream = Stub::start([("test", document("test", "good"))]);
    let proxy = Start::new(&upstream, &["test"]).start();
    proxy.wait_until_ready();
    let mut config = config("/nowhere".as_ref(), &upstream.api_url());
    config["snapshot"] = json!({"directory": proxy.state()});
    config["server"]["port"] = json!(proxy.address.port());
    config["environment_key_pairs"][0]["server_side_key"] = json!("ser.test");
    let examined = Examined::with(&config, &[]);
    examined.assert(
        "state.directory",
        "ok",
        &format!("is in use by process {}", proxy.pid()),
    );
    examined.assert("server.port", "ok", "is in use, by the proxy that runs");
    assert_eq!(examined.code, Some(0), "{:#?}", examined.findings);
}

#[test]
fn documents_in_files_and_lists_of_environments_are_examined() {
    let files = tempfile::tempdir().expect("a directory");
    fs::write(files.path().join("one.json"), document("one", "good")).expect("write");
    let config = json!({"environment_documents": files.path(), "admin": {"port": null},
                        "server": {"host": "127.0.0.1", "port": 0}});
    let good = Examined::with(&config, &[]);
    good.assert("document.file", "ok", "\"Test\": ");
    assert!(!good.has("settings.staleness") && !good.has("upstream.answer"));
    assert_eq!(good.code, Some(0), "{:#?}", good.findings);
    fs::write(files.path().join("two.json"), r#"{"api_key":"two"}"#).expect("write");
    let wrong = Examined::with(&config, &[]);
    wrong.assert("document.compile", "failed", "project: missing");
    fs::write(files.path().join("two.json"), "{").expect("write");
    let broken = Examined::with(&config, &[]);
    broken.assert("document.file", "failed", "two.json: document: not JSON");

    let upstream = Stub::start([("one", document("one", "good"))]);
    let key = json!({"key": "ser.one", "active": true, "expires_at": null});
    let list = json!([{"client_side_key": "one", "server_side_keys": [key]}]);
    upstream.list("pk.SECRET", Answer::status("200 OK", &list.to_string()));
    let mut config = json!({"api_url": upstream.api_url(), "proxy_key": "pk.SECRET", "admin": {"port": null},
                            "server": {"host": "127.0.0.1", "port": 0}});
    let listed = Examined::with(&config, &[]);
    listed.assert("environments.listed", "ok", "upstream lists 1 environment");
    listed.assert("document.fetch", "ok", "\"Test\": ");
    config["proxy_key"] = json!("pk.another_SECRET");
    let refused = Examined::with(&config, &[]);
    refused.assert(
        "environments.listed",
        "failed",
        "upstream answered 403: check proxy_key",
    );
}

#[test]
fn a_port_of_another_program_is_told() {
    let stranger = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = stranger.local_addr().expect("its address").port();
    let upstream = upstream(good());
    let mut config = config("/nowhere".as_ref(), &upstream.api_url());
    config["snapshot"] = json!({});
    config["server"]["port"] = json!(port);
    let examined = Examined::with(&config, &[]);
    examined.assert("server.port", "failed", "Address already in use");
    config["server"] = json!({"host": "192.0.2.1", "port": 8000});
    config["admin"] = json!({"port": port});
    let examined = Examined::with(&config, &[]);
    examined.assert("server.port", "failed", "Cannot assign requested address");
    examined.assert("admin.port", "failed", "Address already in use");
}

#[test]
fn a_state_directory_that_is_missing_will_be_created() {
    let upstream = upstream(good());
    let mut config = config("/nowhere".as_ref(), &upstream.api_url());
    config["snapshot"] = json!({"directory": "relative/state"});
    let examined = Examined::with(&config, &[]);
    examined.assert("state.directory", "ok", "/relative/state will be created");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = directory.path().join("open");
    fs::create_dir(&open).expect("a directory");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).expect("open it");
    let file = directory.path().join("file");
    fs::write(&file, "").expect("a file");
    let upstream = upstream(good());
    for (path, words) in [
        (open, "lets other users in"),
        (file.clone(), "this user cannot write to"),
        (file.join("below"), "this user cannot write to"),
    ] {
        let mut config = config(directory.path(), &upstream.api_url());
        config["snapshot"] = json!({"directory": path});
        Examined::with(&config, &[]).assert("state.directory", "failed", words);
    }
}
