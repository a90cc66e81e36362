//! Whatever goes wrong between proxy and upstream, what was served stays served, byte for byte; the log tells the
//! environment, what happened and the next try; and the first success ends it.

mod connections;
mod missing_upstream;
mod pages;
mod waits;
mod wrong_answers;

use crate::harness::Proxy;

/// Whatever depends on an environment's document: the bytes of all that is answered.
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

/// Waits until the document that is served is this one.
#[track_caller]
fn wait_until_served(proxy: &Proxy, environment: &str, document: &str) {
    let server = format!("ser.{environment}");
    proxy.wait_for(&format!("a document of {environment}"), |proxy| {
        let response = proxy.get("/api/v1/environment-document/", &server);
        response.body == document.as_bytes()
    });
}

/// Waits for a line that says this of an environment's fetch, and when the next one is due. Returns that, in seconds.
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

/// Waits for the line that says that an environment's fetches succeed again.
#[track_caller]
fn wait_for_recovery(proxy: &Proxy, environment: &str) {
    let line = format!("environment {environment} updated again after ");
    proxy.wait_for(&line, |proxy| proxy.log().contains(&line));
}

/// No server-side key of these is in the log.
#[track_caller]
fn assert_secrets_kept(proxy: &Proxy) {
    let log = proxy.log();
    assert!(
        !log.contains("ser."),
        "a server-side key is in the log:\n{log}"
    );
}
