//! `edge-proxy health`: exit status 0 or 1, with the reason, for health checks in an image without a shell.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::{Value, json};
use testing::{Stub, document};

use crate::harness::{Proxy, Start, executable, run};

/// Runs the command with a configuration that says `host` and `port`.
fn ask(host: &str, port: u16, arguments: &[&str]) -> (Option<i32>, String) {
    let config = json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.SECRET"}],
        "server": {"host": host, "port": port},
    });
    ask_with(&config, arguments)
}

fn ask_with(config: &Value, arguments: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("config.json");
    std::fs::write(&file, config.to_string()).expect("write the configuration");
    let mut command = executable();
    command
        .arg("health")
        .args(arguments)
        .env("CONFIG_PATH", &file);
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!(stdout, "", "silent if all is well");
    assert!(stderr.lines().count() <= 1, "{stderr}");
    (code, stderr)
}

fn assert_fails(outcome: &(Option<i32>, String), reason: &str) {
    let (code, stderr) = outcome;
    assert_eq!(*code, Some(1), "{stderr}");
    assert!(stderr.contains(reason), "{stderr:?} lacks {reason:?}");
}

/// A proxy that is alive and not ready: upstream knows no environment.
fn not_ready() -> Proxy {
    Start::new(&Stub::start([]), &["test"]).start()
}

#[test]
fn a_ready_proxy_is_found_by_each_way_to_say_where_it_is() {
    let upstream = Stub::start([("test", document("test", "good"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let port = proxy.address.port();
    for host in ["127.0.0.1", "0.0.0.0", "localhost", "::"] {
        for arguments in [&[][..], &["--live"]] {
            assert_eq!(
                ask(host, port, arguments),
                (Some(0), String::new()),
                "{host}"
            );
        }
    }
}

#[test]
fn a_proxy_that_is_not_ready_is_live() {
    let proxy = not_ready();
    let port = proxy.address.port();
    let not_ready = format!("127.0.0.1:{port} is not ready: 503 Service Unavailable {{");
    let outcome = ask("127.0.0.1", port, &[]);
    assert_fails(&outcome, &not_ready);
    assert_fails(&outcome, "environment document(s) not updated");
    assert_eq!(ask("127.0.0.1", port, &["--live"]).0, Some(0));
}

#[test]
fn what_is_no_proxy_is_no_success() {
    assert_fails(
        &ask("127.0.0.1", 9, &[]),
        "ask 127.0.0.1:9: Connection refused",
    );
    assert_fails(&ask("nobody.invalid", 80, &[]), "look up nobody.invalid: ");
    assert_fails(&ask("127.0.0.1", 0, &[]), "server.port is 0");
    assert_fails(
        &ask_with(&json!({"server": {"port": 1}}), &[]),
        "environment_key_pairs",
    );

    let foreign = answering(Some(b"SSH-2.0-OpenSSH\r\n"));
    assert_fails(
        &ask("127.0.0.1", foreign.port(), &[]),
        "is not ready: no HTTP",
    );
    let silent = answering(None);
    assert_fails(&ask("127.0.0.1", silent.port(), &["--live"]), "timed out");
}

/// A server that sends these bytes and closes, or nothing and keeps the connection.
fn answering(bytes: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            match bytes {
                Some(bytes) => {
                    // Bytes that nobody has read would reset the connection.
                    let _ = stream.read(&mut [0; 1024]).expect("a request");
                    stream.write_all(bytes).expect("answer");
                }
                None => kept.push(stream),
            }
        }
    });
    address
}
