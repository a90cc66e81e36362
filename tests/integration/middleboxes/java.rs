//! Java's HTTP client, which sends `Upgrade: h2c` on each new connection.

use std::process::Command;

use testing::{Stub, document};

use crate::harness::{Proxy, Relay};

/// Whether there is a Java that runs a source file.
fn is_installed() -> bool {
    let modules = Command::new("java").arg("--list-modules").output();
    modules.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("jdk.compiler"))
}

#[test]
fn javas_client_sends_all_its_requests_on_one_connection() {
    if !is_installed() {
        return testing::skip("there is no JDK: apt-get install default-jdk-headless");
    }
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let relay = Relay::to(proxy.address);
    let requests = 1_000 * testing::scale();
    let output = Command::new("java")
        .arg(testing::root().join("tests/integration/middleboxes/Requests.java"))
        .arg(format!("http://{}/api/v1/", relay.address))
        .arg(requests.to_string())
        .output()
        .expect("start Java");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout.trim(), format!("{requests} answers"));
    assert_eq!(relay.connections(), 1);
}
