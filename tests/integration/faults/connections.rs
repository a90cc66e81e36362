//! Connections to upstream: every way in which they fail, and one connection that is used for many fetches.

use std::path::Path;

use serde_json::json;
use testing::{Answer, End, Stub, document};

use super::{assert_secrets_kept, served, wait_for_failure, wait_for_recovery, wait_until_served};
use crate::harness::{Manner, Proxy, Start, TlsFront, executable};

#[test]
fn an_upstream_that_is_gone_or_full_changes_nothing_that_is_served() {
    let upstream = Stub::start([("test", document("test", "good"))]);
    let proxy = Start::new(&upstream, &["test"])
        .set("api_poll_timeout_seconds", json!(0.5))
        .start();
    proxy.wait_until_ready();
    let before = served(&proxy, "test");
    let refused = "could not reach upstream: Connection refused (os error 111)";
    let jammed = "could not connect to upstream within 0.5 s";
    let faults = [
        (Stub::close as fn(&Stub), refused, "one"),
        (Stub::jam, jammed, "two"),
    ];
    let mut expected = before;
    for (fault, reason, value) in faults {
        fault(&upstream);
        wait_for_failure(&proxy, "test", reason);
        assert!(served(&proxy, "test") == expected, "{reason}");
        upstream.set("test", Answer::Document(document("test", value)));
        upstream.open();
        wait_until_served(&proxy, "test", &document("test", value));
        wait_for_recovery(&proxy, "test");
        expected = served(&proxy, "test");
    }
    assert_secrets_kept(&proxy);
}

#[test]
fn a_certificate_that_is_not_trusted_changes_nothing_that_is_served() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = directory.path().join("authority.pem");
    let upstream = Stub::start([("test", document("test", "good"))]);
    let front = TlsFront::start(&upstream, &authority);
    let proxy = start(&front.api_url(), Some(&authority));
    wait_until_served(&proxy, "test", &document("test", "good"));
    let mut expected = served(&proxy, "test");
    let certificate = "no TLS with upstream: invalid peer certificate: ";
    let plain = "no TLS with upstream: received corrupt message of type InvalidContentType; \
        should api_url begin with http://?";
    for (manner, reason) in [
        (
            Manner::SelfSigned,
            format!("{certificate}UnknownIssuer; SSL_CERT_FILE can name a CA bundle of your own"),
        ),
        (
            Manner::SelfSignedCa,
            "no TLS with upstream: upstream's certificate is that of a CA, not of a server; \
            SSL_CERT_FILE can name this very certificate to trust it"
                .to_owned(),
        ),
        (
            Manner::OwnCaOfOtherHost,
            format!("{certificate}certificate not valid for name"),
        ),
        (
            Manner::ExpiredOwnCa,
            format!("{certificate}certificate expired"),
        ),
        (
            Manner::OtherHost,
            format!("{certificate}certificate not valid for name"),
        ),
        (Manner::Expired, format!("{certificate}certificate expired")),
        (Manner::Plain, plain.to_owned()),
        (Manner::Rude, "could not reach upstream: ".to_owned()),
    ] {
        let asked = upstream.count("test");
        front.set(manner);
        wait_for_failure(&proxy, "test", &reason);
        assert!(served(&proxy, "test") == expected, "{manner:?}");
        let next = document("test", &format!("after {manner:?}"));
        upstream.set("test", Answer::Document(next.clone()));
        assert!(
            upstream.count("test") <= asked + 1,
            "the key was sent: {manner:?}"
        );
        front.set(Manner::Trusted);
        wait_until_served(&proxy, "test", &next);
        wait_for_recovery(&proxy, "test");
        expected = served(&proxy, "test");
    }
    assert_secrets_kept(&proxy);
}

#[test]
fn a_certificate_that_is_its_own_ca_is_trusted_if_it_is_a_root() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = directory.path().join("authority.pem");
    let upstream = Stub::start([("test", document("test", "good"))]);
    let front = TlsFront::start(&upstream, &authority);
    front.set(Manner::OwnCa);
    let proxy = start(&front.api_url(), Some(&authority));
    wait_until_served(&proxy, "test", &document("test", "good"));
    let log = proxy.log();
    assert!(!log.contains("not updated"), "{log}");
}

#[test]
fn a_kept_connection_that_ends_is_not_logged() {
    for end in [End::Close, End::Reset] {
        let upstream = Stub::start([("test", document("test", "good"))]);
        upstream.end_kept_connections(end);
        let proxy = Proxy::ready(&upstream, "test");
        proxy.wait_for("ten fetches", |_| upstream.count("test") >= 10);
        let log = proxy.log();
        assert!(!log.contains("not updated"), "{log}");
    }
}

#[test]
fn a_name_that_nobody_knows_is_said_so() {
    // The top-level domain `invalid` is reserved: no such name ever resolves.
    let proxy = start("http://flagsmith.invalid/api/v1", None);
    wait_for_failure(
        &proxy,
        "test",
        "could not reach upstream: failed to lookup address information",
    );
    assert_eq!(proxy.get("/api/v1/flags/", "test").status, 503);
    assert_eq!(proxy.get("/proxy/health/readiness", "").status, 503);
    assert_secrets_kept(&proxy);
}

#[test]
fn one_connection_serves_for_many_fetches() {
    let upstream = Stub::start([("test", document("test", "good"))]);
    let proxy = Proxy::ready(&upstream, "test");
    proxy.wait_for("ten fetches", |_| upstream.count("test") >= 10);
    assert_eq!(upstream.connections(), 1);
    // It may end at any moment: the next fetch opens another one, and nothing is logged.
    upstream.close();
    upstream.open();
    let next = document("test", "next");
    upstream.set("test", Answer::Document(next.clone()));
    wait_until_served(&proxy, "test", &next);
}

/// Starts a proxy of one environment that polls `api_url`.
fn start(api_url: &str, authority: Option<&Path>) -> Proxy {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    let config = json!({
        "environment_key_pairs": [{"client_side_key": "test", "server_side_key": "ser.test"}],
        "api_url": api_url,
        "api_poll_frequency_seconds": 0.2,
        "server": {"host": "127.0.0.1", "port": 0},
            "admin": {"port": null},
        "snapshot": {"directory": state},
    });
    let file = directory.path().join("config.json");
    std::fs::write(&file, config.to_string()).expect("write the configuration");
    let mut command = executable();
    command.arg("--config").arg(&file);
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    Proxy::spawn(command, state, Some(directory))
}
