//! What pages in browsers need: origins that are allowed, with credentials too, and answers that are asked about again.

use std::collections::HashMap;

use serde_json::json;
use testing::{Stub, document};

use crate::harness::{Proxy, Start};

#[test]
fn origins_are_allowed_however_the_configuration_writes_them() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let origins = json!(["https://App.Example.com:443/", "app.example.com"]);
    let proxy = Start::new(&upstream, &["test"])
        .set("allow_origins", origins)
        .start();
    proxy.wait_until_ready();
    let allowed = |origin| {
        let headers = [("X-Environment-Key", "test"), ("Origin", origin)];
        let answer = proxy
            .connect()
            .request("GET", "/api/v1/flags/", &headers, b"");
        answer.headers.get("access-control-allow-origin").cloned()
    };
    let origin = "https://app.example.com";
    assert_eq!(allowed(origin).as_deref(), Some(origin));
    assert_eq!(allowed("https://other.example.com"), None);
    let log = proxy.log();
    assert!(
        log.contains("allow_origins: \"app.example.com\" is no origin"),
        "{log}"
    );
}

#[test]
fn a_page_with_credentials_asks_before_it_asks_and_again_with_what_it_has() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let origin = ("Origin", "https://app.example.com");
    let is_allowed = |headers: &HashMap<String, String>| {
        assert_eq!(headers["access-control-allow-origin"], origin.1);
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert!(headers["vary"].contains("Origin"));
    };
    let path = "/api/v1/flags/";
    let asks = [
        origin,
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "x-environment-key"),
    ];
    let preflight = proxy.connect().request("OPTIONS", path, &asks, b"");
    assert_eq!(preflight.status, 200);
    is_allowed(&preflight.headers);
    assert_eq!(
        preflight.headers["access-control-allow-headers"],
        "x-environment-key"
    );
    let key = ("X-Environment-Key", "test");
    let answer = proxy.connect().request("GET", path, &[origin, key], b"");
    assert_eq!(answer.headers["cache-control"], "private, no-cache");
    is_allowed(&answer.headers);
    let tag = ("If-None-Match", answer.headers["etag"].as_str());
    let again = proxy
        .connect()
        .request("GET", path, &[origin, key, tag], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    is_allowed(&again.headers);
}
