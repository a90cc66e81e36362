//! Faults between proxy and upstream. The last documents are served on, byte for byte. The log tells the environment,
//! the fault and the next try. The first success ends it.

mod connections;
mod missing_upstream;
mod pages;
mod waits;
mod wrong_answers;

use crate::harness::Proxy;

/// The bodies of all answers that depend on an environment's document.
fn served(proxy: &Proxy, environment: &str) -> Vec<Vec<u8>> {
    let server = format!("ser.{environment}");
    let identity =
        r#"{"identifier":"bob","traits":[{"trait_key":"plan","trait_value":"premium"}]}"#;
    [
        proxy.get("/api/v1/flags/", environment),
        proxy.get("/api/v1/flags/", &server),
        proxy.get("/api/v1/flags/?feature=greeting", environment),
        proxy.get("/api/v1/identities/?identifier=alice", environment),
        proxy.post("/api/v1/identities/", &server, identity),
        proxy.get("/api/v1/environment-document/", &server),
    ]
    .map(|response| {
        assert_eq!(response.status, 200, "{environment}: {response:?}");
        response.body
    })
    .into()
}

/// Waits until this document is served.
#[track_caller]
fn wait_until_served(proxy: &Proxy, environment: &str, document: &str) {
    let server = format!("ser.{environment}");
    proxy.wait_for(&format!("a document of {environment}"), |proxy| {
        let response = proxy.get("/api/v1/environment-document/", &server);
        response.body == document.as_bytes()
    });
}

/// Waits for the line that tells why a fetch of an environment failed. Returns when the next one is due, in seconds.
#[track_caller]
fn wait_for_failure(proxy: &Proxy, environment: &str, reason: &str) -> f64 {
    let beginning = format!("environment {environment} not updated: ");
    proxy.wait_for(&format!("{beginning}{reason}"), |proxy| {
        proxy.log().lines().find_map(|line| {
            let (_, told) = line.split_once(&beginning)?;
            let (told, next) = told.rsplit_once("; next try in ")?;
            let seconds = next.strip_suffix(" s")?.parse().ok()?;
            told.starts_with(reason).then_some(seconds)
        })
    })
}

/// Waits for the line that tells that fetches of an environment succeed again.
#[track_caller]
fn wait_for_recovery(proxy: &Proxy, environment: &str) {
    let line = format!("environment {environment} updated again after ");
    proxy.wait_for(&line, |proxy| proxy.log().contains(&line));
}

/// The log holds no server-side key.
#[track_caller]
fn assert_secrets_kept(proxy: &Proxy) {
    let log = proxy.log();
    assert!(
        !log.contains("ser."),
        "a server-side key is in the log:\n{log}"
    );
}
