//! Fetches from a stub: requests, outcomes, and messages of failures.

mod connections;
mod pages;

use contract::{KeyPair, ServerSideKey};
use testing::{Answer, Stub};

use super::*;
use crate::source::api_url::ApiUrl;

const KEY: &str = "ser.verysecret";
const DOCUMENT: &str = r#"{"api_key":"public"}"#;
const PATH: &str = "/api/v1/environment-document/";
const LARGEST: usize = 256 << 20;

fn api_url(stub: &Stub) -> ApiUrl {
    ApiUrl::parse(&stub.api_url()).unwrap()
}

fn answer(status: &str, headers: &[&str], body: &str) -> Answer {
    Answer::new(status, headers, body)
}

fn pair(server_side_key: &str) -> KeyPair {
    KeyPair::new("public", [ServerSideKey::new(server_side_key)])
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn fetch_since(upstream: &Upstream, since: Option<SystemTime>) -> Result<FetchOutcome, FetchError> {
    let credential = Credential::of(&pair(KEY)).unwrap();
    runtime().block_on(upstream.fetch(&credential, since))
}

fn settings(stub: &Stub) -> UpstreamSettings {
    UpstreamSettings {
        api_url: api_url(stub),
        proxy_key: None,
        way: Way::Straight,
        poll_timeout: Duration::from_secs(10),
        max_document_bytes: LARGEST,
        user_agent: "somebody/1".to_owned(),
    }
}

fn upstream(stub: &Stub) -> Upstream {
    Upstream::new(&settings(stub)).unwrap()
}

fn fetch(stub: &Stub) -> Result<FetchOutcome, FetchError> {
    fetch_since(&upstream(stub), None)
}

/// The message of the failure, which shows neither the key nor the path of the request.
fn failure(stub: &Stub) -> String {
    let error = fetch(stub).unwrap_err();
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("secret"), "{text}");
        assert!(!text.contains("environment-document"), "{text}");
    }
    error.to_string()
}

fn second() -> SystemTime {
    httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap()
}

#[test]
fn a_document_comes_as_it_was_sent() {
    let stub = Stub::answering(|_| {
        answer(
            "200 OK",
            &["Date: Sun, 06 Nov 1994 08:49:37 GMT"],
            " {\"a\": 1}\n",
        )
    });
    let FetchOutcome::Document(document) = fetch(&stub).unwrap() else {
        panic!("not modified");
    };
    assert_eq!(*document.body, *b" {\"a\": 1}\n");
    assert_eq!(document.timing.date, Some(second()));
}

#[test]
fn a_date_out_of_a_cache_is_none() {
    let stub = Stub::answering(|_| {
        let headers = [
            "Date: Sun, 06 Nov 1994 08:49:37 GMT",
            "Age: 0",
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
        ];
        answer("200 OK", &headers, DOCUMENT)
    });
    let FetchOutcome::Document(document) = fetch(&stub).unwrap() else {
        panic!("not modified");
    };
    assert_eq!(document.timing.date, None);
    assert_eq!(document.last_modified, Some(second()));
}

#[test]
fn a_fetch_is_one_request_that_says_who_we_are() {
    let stub = Stub::answering(|_| answer("200 OK", &[], DOCUMENT));
    fetch(&stub).unwrap();
    let requests = stub.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    for expected in [
        &*format!("GET {PATH} HTTP/1.1\n"),
        "\nx-environment-key: ser.verysecret\n",
        "\nuser-agent: somebody/1\n",
        "\naccept: application/json\n",
        "\naccept-encoding: gzip\n",
    ] {
        assert!(request.contains(expected), "{expected:?} in {request}");
    }
    assert!(!request.contains("if-modified-since"), "{request}");
}

#[test]
fn older_keys_fetch_while_upstream_refuses_newer_ones() {
    for refusal in ["401 Unauthorized", "403 Forbidden"] {
        let stub = Stub::answering(move |head| match head.contains(": ser.old\n") {
            true => answer("200 OK", &[], DOCUMENT),
            false => answer(refusal, &[], ""),
        });
        let upstream = upstream(&stub);
        let mut pair = pair("ser.new");
        pair.server_side_keys
            .extend(["ser.middle", "ser.old"].map(ServerSideKey::new));
        let credential = Credential::of(&pair).unwrap();
        let fetch = || runtime().block_on(upstream.fetch(&credential, Some(second())));
        assert!(matches!(fetch(), Ok(FetchOutcome::Document(_))));
        assert_eq!(stub.requests().len(), 3);
        // The key that was accepted is asked first from then on.
        assert!(matches!(fetch(), Ok(FetchOutcome::Document(_))));
        assert_eq!(stub.requests().len(), 4);

        pair.server_side_keys.truncate(2);
        let refused = Credential::of(&pair).unwrap();
        let outcome = runtime().block_on(upstream.fetch(&refused, None));
        assert!(matches!(outcome, Err(FetchError::Status { .. })));
        assert_eq!(stub.requests().len(), 6);
    }
    // Other failures say nothing about the key.
    let stub = Stub::answering(|_| answer("500 Oh no", &[], ""));
    let mut pair = pair("ser.new");
    pair.server_side_keys.push(ServerSideKey::new("ser.old"));
    let credential = Credential::of(&pair).unwrap();
    let outcome = runtime().block_on(upstream(&stub).fetch(&credential, None));
    assert!(outcome.is_err());
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn a_condition_goes_out_and_304_comes_back() {
    let stub = Stub::answering(|_| answer("304 Not Modified", &[], ""));
    let answer = fetch_since(&upstream(&stub), Some(second())).unwrap();
    assert!(matches!(answer, FetchOutcome::NotModified(_)));
    assert!(stub.requests()[0].contains("\nif-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\n"));
}

#[test]
fn an_unconditional_304_is_a_failure() {
    let stub = Stub::answering(|_| answer("304 Not Modified", &[], ""));
    assert_eq!(
        failure(&stub),
        "upstream answered 304 to an unconditional request"
    );
}

#[test]
fn a_redirect_within_the_origin_is_followed_with_the_key() {
    let stub = Stub::answering(|request| {
        if request.starts_with("GET /moved/ ") {
            answer("200 OK", &[], DOCUMENT)
        } else {
            answer("302 Found", &["Location: /moved/"], "")
        }
    });
    fetch(&stub).unwrap();
    let requests = stub.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains("\nx-environment-key: ser.verysecret\n"));
    assert!(!requests[1].contains("\nreferer"));
}

#[test]
fn a_redirect_to_another_origin_is_refused() {
    let other = Stub::answering(|_| answer("200 OK", &[], DOCUMENT));
    let location = format!("Location: {}{PATH}", other.origin());
    let stub = Stub::answering(move |_| answer("302 Found", &[&location], ""));
    assert_eq!(
        failure(&stub),
        format!(
            "upstream redirects to {}, which is not the origin of api_url",
            other.origin()
        )
    );
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a_redirect_that_goes_elsewhere_by_way_of_here_is_refused_too() {
    let other = Stub::answering(|_| answer("200 OK", &[], DOCUMENT));
    let location = format!("Location: {}{PATH}", other.origin());
    let stub = Stub::answering(move |request| {
        if request.starts_with("GET /moved/ ") {
            answer("307 Temporary Redirect", &[&location], "")
        } else {
            answer("302 Found", &["Location: /moved/"], "")
        }
    });
    assert!(failure(&stub).contains("not the origin"));
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn redirects_end_after_five() {
    let stub = Stub::answering(|_| answer("302 Found", &[&format!("Location: {PATH}")], ""));
    assert_eq!(failure(&stub), "upstream redirects more than 5 times");
    assert_eq!(stub.requests().len(), 6);
}

#[test]
fn a_refusal_names_the_status() {
    for (status, expected) in [
        ("500 Internal Server Error", "upstream answered 500"),
        (
            "401 Unauthorized",
            "upstream answered 401: check the server-side key",
        ),
        ("404 Not Found", "upstream answered 404: check api_url"),
        ("204 No Content", "upstream answered 204"),
    ] {
        let stub = Stub::answering(move |_| answer(status, &[], ""));
        assert_eq!(failure(&stub), expected);
    }
}

#[test]
fn retry_after_is_kept_by_upstream_s_clock() {
    for (retry_after, expected) in [
        ("Retry-After: 120", Some(120)),
        ("Retry-After: Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Retry-After: soon", None),
    ] {
        let stub = Stub::answering(move |_| {
            answer(
                "503 Service Unavailable",
                &[retry_after, "Date: Sun, 06 Nov 1994 08:49:37 GMT"],
                "",
            )
        });
        let error = fetch(&stub).unwrap_err();
        assert_eq!(error.retry_after().map(|wait| wait.as_secs()), expected);
    }
}

#[test]
fn what_is_not_json_is_named_by_its_type() {
    let stub = Stub::answering(|_| answer("200 OK", &["Content-Type: text/html"], "<html>"));
    assert_eq!(
        failure(&stub),
        "upstream answered something other than a JSON object (content type text/html)"
    );
    let stub = Stub::answering(|_| answer("200 OK", &[], ""));
    assert_eq!(
        failure(&stub),
        "upstream answered something other than a JSON object"
    );
}

#[test]
fn a_body_that_breaks_off_is_no_document() {
    let stub = Stub::answering(|_| {
        Answer::Closed(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":".to_vec())
    });
    let failure = failure(&stub);
    assert!(failure.starts_with("the document broke off: "), "{failure}");
}

#[test]
fn a_body_too_large_is_refused_whether_or_not_it_says_so() {
    let stub = Stub::answering(|request| {
        if request.starts_with("GET /api") {
            return answer("200 OK", &[], &format!("{{{}}}", " ".repeat(2 << 20)));
        }
        let body = " ".repeat(2 << 20);
        Answer::Closed(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes())
    });
    let unannounced = ApiUrl::parse(&stub.origin()).unwrap();
    for api_url in [api_url(&stub), unannounced] {
        let upstream = Upstream::new(&UpstreamSettings {
            api_url,
            max_document_bytes: 1 << 20,
            ..settings(&stub)
        })
        .unwrap();
        let error = fetch_since(&upstream, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the document is larger than api_max_document_bytes, which is 1048576"
        );
    }
}

#[test]
fn a_key_that_no_header_can_carry_is_noticed() {
    let error = Credential::of(&pair("ser.new\nline"))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("environment public"), "{error}");
    assert!(!error.contains("new"), "{error}");
}
