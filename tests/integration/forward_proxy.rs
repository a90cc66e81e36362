//! Proxies on the way to upstream, as the process environment names them: documents arrive through each kind, and no
//! password reaches a log.

use std::path::Path;

use serde_json::json;
use testing::{Stub, document};

use crate::harness::{Forward, Proxy, TlsFront, executable, run};

/// Only a forward proxy knows this name.
const PLAIN: &str = "http://upstream.test:8000/api/v1";
const ENCRYPTED: &str = "https://upstream.test/api/v1";
/// An address for documentation, which nobody has.
const ADDRESS: &str = "http://192.0.2.1:8000/api/v1";
/// In the URL of a proxy, `@` and `:` of a password are encoded.
const LOGIN: &str = "user:open@:sesame";
const LOGIN_IN_URL: &str = "user:open%40%3Asesame";

fn upstream() -> Stub {
    Stub::start([("test", document("test", "good"))])
}

/// The command that polls `api_url`, and its directory.
fn command(directory: &Path, api_url: &str, variables: &[(&str, String)]) -> std::process::Command {
    let config = json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": api_url,
        "api_poll_frequency_seconds": 0.2,
        "server": {"host": "127.0.0.1", "port": 0},
        "admin": {"port": null},
        "snapshot": {"directory": directory.join("state")},
    });
    let file = directory.join("config.json");
    std::fs::write(&file, config.to_string()).expect("write the configuration");
    let mut command = executable();
    command.arg("--config").arg(&file);
    for (name, value) in variables {
        command.env(name, value);
    }
    command
}

fn start(api_url: &str, variables: &[(&str, String)]) -> Proxy {
    let directory = tempfile::tempdir().expect("a directory");
    let command = command(directory.path(), api_url, variables);
    Proxy::spawn(command, directory.path().join("state"), Some(directory))
}

fn assert_no_password(proxy: &Proxy) {
    let log = proxy.log();
    for secret in ["open", "sesame", "ser.test"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn a_document_arrives_through_each_kind_of_proxy() {
    let upstream = upstream();
    for (api_url, variable, scheme, expected) in [
        (
            PLAIN,
            "HTTP_PROXY",
            "http://",
            "GET http://upstream.test:8000",
        ),
        (PLAIN, "http_proxy", "", "GET http://upstream.test:8000"),
        (PLAIN, "ALL_PROXY", "", "GET http://upstream.test:8000"),
        (
            PLAIN,
            "all_proxy",
            "socks5h://",
            "SOCKS5 upstream.test:8000",
        ),
        (ADDRESS, "HTTP_PROXY", "socks5://", "SOCKS5 192.0.2.1:8000"),
    ] {
        for login in [None, Some(LOGIN)] {
            let forward = Forward::to(upstream.address, login);
            let address = forward.address;
            let url = match login {
                None => format!("{scheme}{address}"),
                Some(_) => format!("{scheme}{LOGIN_IN_URL}@{address}"),
            };
            let proxy = start(api_url, &[(variable, url)]);
            proxy.wait_until_ready();
            assert_eq!(forward.asked()[0], expected, "{variable} {scheme}");
            let log = proxy.log();
            for part in [
                "the way to upstream is through",
                &format!("{address} ({variable})"),
            ] {
                assert!(log.contains(part), "{log}");
            }
            assert_no_password(&proxy);
        }
    }
}

#[test]
fn an_encrypted_upstream_is_reached_by_a_tunnel_and_its_certificate_is_checked() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = directory.path().join("authority.pem");
    let front = TlsFront::start(&upstream(), &authority);
    for (variable, scheme, expected) in [
        ("HTTPS_PROXY", "http://", "CONNECT upstream.test:443"),
        ("ALL_PROXY", "socks5h://", "SOCKS5 upstream.test:443"),
    ] {
        let forward = Forward::to(front.address(), Some(LOGIN));
        let variables = [
            (
                variable,
                format!("{scheme}{LOGIN_IN_URL}@{}", forward.address),
            ),
            ("HTTP_PROXY", "http://127.0.0.1:9".to_owned()),
            ("SSL_CERT_FILE", authority.display().to_string()),
        ];
        let proxy = start(ENCRYPTED, &variables);
        proxy.wait_until_ready();
        assert_eq!(forward.asked()[0], expected);
        assert_no_password(&proxy);
    }
    let forward = Forward::to(front.address(), None);
    let proxy = start(
        "https://other.test/api/v1",
        &[
            ("HTTPS_PROXY", forward.address.to_string()),
            ("SSL_CERT_FILE", authority.display().to_string()),
        ],
    );
    proxy.wait_for("a refused certificate", |proxy| {
        proxy.log().contains("certificate not valid for name")
    });
}

#[test]
fn what_is_excepted_is_reached_straight() {
    let upstream = upstream();
    let forward = Forward::to(upstream.address, None);
    let forward_url = || ("HTTP_PROXY", format!("http://{}", forward.address));
    // This machine is never reached through a proxy.
    let proxy = start(&upstream.api_url(), &[forward_url()]);
    proxy.wait_until_ready();
    let straight = "the way to upstream is straight";
    assert!(proxy.log().contains(straight), "{}", proxy.log());
    // Without the proxy, nobody knows the name.
    let proxy = start(
        PLAIN,
        &[forward_url(), ("NO_PROXY", "example.org, .test".to_owned())],
    );
    proxy.wait_for("a failed look-up", |proxy| {
        proxy
            .log()
            .contains("could not reach upstream: failed to lookup")
    });
    assert!(proxy.log().contains(straight), "{}", proxy.log());
    assert_eq!(forward.asked(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_fails_is_named_without_its_password() {
    let upstream = upstream();
    let forward = Forward::to(upstream.address, Some(LOGIN));
    let address = forward.address;
    let nobody = "user:sesame@127.0.0.1:9";
    for (api_url, url, expected) in [
        (
            PLAIN,
            format!("http://user:sesame@{address}"),
            "upstream answered 407: the proxy on the way asks for a user name and a password".to_owned(),
        ),
        (
            ENCRYPTED,
            format!("http://user:sesame@{address}"),
            format!(
                "could not reach upstream through the proxy http://{address} (ALL_PROXY): \
                tunnel error: proxy authorization required"
            ),
        ),
        (
            PLAIN,
            format!("socks5h://user:sesame@{address}"),
            format!("could not reach upstream through the proxy socks5h://{address} (ALL_PROXY): "),
        ),
        (
            ENCRYPTED,
            format!("http://{nobody}"),
            "could not reach upstream through the proxy http://127.0.0.1:9 (ALL_PROXY): Connection refused".to_owned(),
        ),
        (
            PLAIN,
            format!("socks5://{nobody}"),
            "could not reach upstream through the proxy socks5://127.0.0.1:9 (ALL_PROXY): ".to_owned(),
        ),
    ] {
        let proxy = start(api_url, &[("ALL_PROXY", url)]);
        proxy.wait_for("the reason", |proxy| proxy.log().contains(&expected));
        assert_no_password(&proxy);
    }
}

#[test]
fn a_variable_that_names_no_proxy_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    for value in ["ftp://user:sesame@proxy", "http://user:sesame@"] {
        let variables = [("HTTPS_PROXY", value.to_owned())];
        let (code, _, stderr) = run(&mut command(directory.path(), ENCRYPTED, &variables));
        assert_eq!(code, Some(78), "{stderr}");
        assert!(stderr.contains("HTTPS_PROXY: found "), "{stderr}");
        assert!(stderr.contains("expected the URL of a proxy"), "{stderr}");
        assert!(!stderr.contains("sesame"), "{stderr}");
        // It is not the variable of this scheme.
        start(PLAIN, &variables);
    }
}
