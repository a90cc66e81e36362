//! Recorded answers: the running proxy answers every request with the same JSON, types and order included.

use serde_json::json;
use testing::{Golden, Stub};

use crate::harness::Start;

#[test]
fn answers_random_documents() {
    check(&Golden::documents());
}

#[test]
fn answers_every_operator_operand_and_trait() {
    check(&Golden::conditions());
}

#[test]
fn answers_flagsmiths_engine_test_data() {
    check(&Golden::engine_test_data());
}

#[test]
fn answers_flags_that_depend_on_flags() {
    check(&Golden::flag_dependencies());
}

/// Serves every document of a file as an environment of its own and sends the file's requests.
fn check(golden: &Golden) {
    let names: Vec<String> = (0..golden.cases.len())
        .map(|number| format!("golden{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let documents = golden
        .cases
        .iter()
        .map(|case| case.document.get().to_owned());
    let upstream = Stub::start(names.iter().copied().zip(documents));
    let start = Start::new(&upstream, &names).set("api_poll_frequency_seconds", json!(600));
    let proxy = start.start();
    proxy.wait_until_ready();
    let mut connection = proxy.connect();
    golden.check(|number, request| {
        let name = names[number];
        let key = if request.server_key {
            format!("ser.{name}")
        } else {
            name.to_owned()
        };
        let headers = [
            ("X-Environment-Key", key.as_str()),
            ("Content-Type", "application/json"),
        ];
        let response = match request.endpoint.as_str() {
            "flags" => connection.request("GET", "/api/v1/flags/", &headers, b""),
            _ => connection.request(
                "POST",
                "/api/v1/identities/",
                &headers,
                request.body().as_bytes(),
            ),
        };
        assert_eq!(response.status, 200, "{}", response.text());
        response.body
    });
}
