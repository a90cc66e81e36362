//! The official SDKs, unmodified, get from the proxy what they get from Flagsmith.

use std::process::Command;

use flagsmith::{Flagsmith, FlagsmithOptions};
use flagsmith_flag_engine::types::{FlagsmithValue, FlagsmithValueType};
use testing::{Stub, document};

use crate::harness::Proxy;

fn proxy() -> (Stub, Proxy) {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    (upstream, proxy)
}

fn client(proxy: &Proxy, key: &str, enable_local_evaluation: bool) -> Flagsmith {
    let options = FlagsmithOptions {
        api_url: format!("http://{}/api/v1/", proxy.address),
        enable_local_evaluation,
        ..Default::default()
    };
    Flagsmith::new(key.to_owned(), options)
}

#[test]
fn the_rust_client_gets_environment_and_identity_flags() {
    let (_upstream, proxy) = proxy();
    let client = client(&proxy, "test", false);
    let flags = client.get_environment_flags().unwrap();
    assert_eq!(
        flags.get_feature_value_as_string("greeting").unwrap(),
        "hello"
    );
    assert!(flags.is_feature_enabled("greeting").unwrap());
    let identity =
        |identifier, traits| client.get_identity_flags(identifier, traits, None).unwrap();
    let flags = identity("alice", None);
    assert_eq!(
        flags.get_feature_value_as_string("greeting").unwrap(),
        "hello alice"
    );
    let premium = flagsmith::flagsmith::models::SDKTrait::new(
        "plan".to_owned(),
        FlagsmithValue {
            value: "premium".to_owned(),
            value_type: FlagsmithValueType::String,
        },
    );
    let flags = identity("bob", Some(vec![premium]));
    assert_eq!(
        flags.get_feature_value_as_string("greeting").unwrap(),
        "premium greeting"
    );
}

#[test]
fn the_rust_client_evaluates_locally_from_the_proxys_document() {
    let (_upstream, proxy) = proxy();
    let mut client = client(&proxy, "ser.test", true);
    client.update_environment().unwrap();
    let flags = client.get_identity_flags("alice", None, None).unwrap();
    assert_eq!(
        flags.get_feature_value_as_string("greeting").unwrap(),
        "hello alice"
    );
}

const PYTHON: &str = r#"
import sys
from flagsmith import Flagsmith
client = Flagsmith(environment_key="test", api_url=sys.argv[1])
flags = client.get_environment_flags()
assert flags.is_feature_enabled("greeting") is True
assert flags.get_feature_value("greeting") == "hello", flags
assert client.get_identity_flags("alice").get_feature_value("greeting") == "hello alice"
flags = client.get_identity_flags("bob", traits={"plan": "premium", "age": 34, "beta": True, "score": 1.5})
assert flags.get_feature_value("greeting") == "premium greeting", flags
local = Flagsmith(environment_key="ser.test", api_url=sys.argv[1], enable_local_evaluation=True)
assert local.get_identity_flags("alice").get_feature_value("greeting") == "hello alice"
print("served")
"#;

/// Needs the official client: `pip install flagsmith`. `PYTHON` names the interpreter when it is not `python3`.
#[test]
fn the_python_client_gets_environment_and_identity_flags() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let installed = Command::new(&python)
        .args(["-c", "import flagsmith"])
        .output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return testing::skip(format!("{python} has no flagsmith: pip install flagsmith"));
    }
    let (_upstream, proxy) = proxy();
    let url = format!("http://{}/api/v1/", proxy.address);
    let output = Command::new(&python)
        .args(["-c", PYTHON, &url])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "served");
}
