//! Answers: entity tags, encodings, headers.

use contract::{Paths, WorkerSettings};
use sha2::{Digest, Sha256};

use super::*;

/// A document whose answers are compressed.
fn large_document() -> String {
    let value = format!("\"{}\"", "x".repeat(2000));
    document("one", 0, &[(1, "first", true, &value)])
}

#[test]
fn constants_have_entity_tags_and_clients_that_have_them_get_a_304() {
    let (_supervisor, worker) = one_environment();
    for (path, key) in [
        ("/api/v1/flags/", CLIENT),
        ("/api/v1/flags/?feature=first", CLIENT),
        ("/api/v1/environment-document/", SERVER),
    ] {
        let full = worker.get(path, key);
        assert_eq!(full.status, 200, "{path}");
        let tag = full.header("etag").expect("tag").to_owned();
        for wanted in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let answer = worker.get(path, &format!("{key}If-None-Match: {wanted}\r\n"));
            assert_eq!(answer.status, 304, "{path} {wanted}");
            assert_eq!(answer.body, b"");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert!(answer.header("x-flagsmith-document-updated-at").is_some());
        }
        let other = worker.get(path, &format!("{key}If-None-Match: \"other\"\r\n"));
        assert_eq!(other.body, full.body, "{path}");
    }
}

#[test]
fn answers_say_when_the_document_changed_and_pages_may_read_it() {
    let (_supervisor, worker) = one_environment();
    for answer in [
        worker.get(
            "/api/v1/flags/",
            &format!("{CLIENT}Origin: https://a.example\r\n"),
        ),
        worker.get(
            "/api/v1/identities/?identifier=a",
            &format!("{CLIENT}Origin: https://a.example\r\n"),
        ),
        worker.get(
            "/api/v1/environment-document/",
            &format!("{SERVER}Origin: https://a.example\r\n"),
        ),
    ] {
        assert_eq!(
            answer.header("x-flagsmith-document-updated-at"),
            Some("1768473000.123456")
        );
        let exposed = answer.header("access-control-expose-headers");
        assert!(
            exposed
                .expect("exposed")
                .contains("x-flagsmith-document-updated-at")
        );
    }
}

#[test]
fn long_answers_are_compressed_for_clients_that_accept_gzip() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &large_document());
    let worker = Worker::start(&supervisor, &["https://a.example"]);
    for (path, key) in [
        ("/api/v1/flags/", CLIENT),
        ("/api/v1/flags/?feature=first", CLIENT),
        ("/api/v1/identities/?identifier=a", CLIENT),
        ("/api/v1/environment-document/", SERVER),
    ] {
        let plain = worker.get(path, key);
        assert_eq!(plain.header("content-encoding"), None);
        let compressed = worker.get(path, &format!("{key}Accept-Encoding: gzip\r\n"));
        assert_eq!(
            compressed.header("content-encoding"),
            Some("gzip"),
            "{path}"
        );
        assert!(compressed.body.len() < plain.body.len() / 2);
        assert_eq!(compressed.decoded(), plain.body, "{path}");
        if let Some(tag) = compressed.header("etag") {
            assert_ne!(Some(tag), plain.header("etag"), "{path}");
            let headers = format!("{key}Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n");
            assert_eq!(worker.get(path, &headers).status, 304);
        }
    }
}

#[test]
fn serves_a_large_document_byte_for_byte() {
    let value = format!("\"{}\"", "0123456789abcdef".repeat(20_000));
    let document = document("one", 0, &[(1, "first", true, &value)]);
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document);
    let worker = Worker::start(&supervisor, &["*"]);
    let answer = worker.get("/api/v1/environment-document", SERVER);
    assert_eq!(
        answer.header("content-length"),
        Some(document.len().to_string().as_str())
    );
    assert!(answer.body == document.as_bytes());
}

#[test]
fn answers_head_with_the_headers_of_get_and_no_body() {
    let (_supervisor, worker) = one_environment();
    for (path, key) in [
        ("/api/v1/flags/", CLIENT),
        ("/api/v1/identities/?identifier=a", CLIENT),
        ("/api/v1/environment-document/", SERVER),
        ("/proxy/health/liveness", ""),
    ] {
        let get = worker.get(path, key);
        let head = worker.ask(request("HEAD", path, key, ""));
        assert_eq!(head.status, 200);
        assert_eq!(head.body, b"");
        let without_date = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(without_date(&head), without_date(&get), "{path}");
    }
}

#[test]
fn an_identity_without_identifier_is_named_by_its_traits() {
    let (_supervisor, worker) = one_environment();
    let headers = format!("{CLIENT}Content-Type: application/json\r\n");
    let ask = |body: &str| {
        let answer = worker.post("/api/v1/identities/", &headers, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["identifier"]
            .as_str()
            .expect("identifier")
            .to_owned()
    };
    let traits = r#"{"traits":[{"trait_key":"a","trait_value":"b"}]}"#;
    let digest: String = Sha256::digest("ab")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(ask(traits), digest);
    let anonymous = ask(r#"{"traits":[]}"#);
    assert_eq!(anonymous.len(), 32);
    assert_ne!(ask(r#"{"identifier":null}"#), anonymous);
}

#[test]
fn caches_are_told_what_an_answer_depends_on() {
    const VARY: Option<&str> = Some("Accept-Encoding, Origin, X-Environment-Key");
    let (_supervisor, worker) = one_environment();
    let revalidate = Some("private, no-cache");
    let nothing = Some("no-store");
    for (path, key, status, caching) in [
        ("/api/v1/flags/", CLIENT, 200, revalidate),
        ("/api/v1/flags/?feature=first", CLIENT, 200, revalidate),
        ("/api/v1/flags/?feature=none", CLIENT, 404, nothing),
        ("/api/v1/flags/", "", 401, nothing),
        (
            "/api/v1/flags/",
            "X-Environment-Key: other\r\n",
            401,
            nothing,
        ),
        ("/api/v1/identities/?identifier=a", SERVER, 200, revalidate),
        ("/api/v1/identities/", CLIENT, 422, nothing),
        ("/api/v1/environment-document/", SERVER, 200, nothing),
        ("/api/v1/environment-document/", CLIENT, 403, nothing),
    ] {
        let answer = worker.get(path, key);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("vary"), VARY, "{path}");
        assert_eq!(answer.header("cache-control"), caching, "{path}");
        if let Some(tag) = answer.header("etag") {
            let cached = worker.get(path, &format!("{key}If-None-Match: {tag}\r\n"));
            assert_eq!(cached.status, 304, "{path}");
            assert_eq!(cached.header("vary"), VARY, "{path}");
            assert_eq!(cached.header("cache-control"), caching, "{path}");
        }
    }
    let post = worker.post("/api/v1/identities/", CLIENT, r#"{"identifier":"a"}"#);
    assert_eq!(
        (post.header("vary"), post.header("cache-control")),
        (VARY, revalidate)
    );
    let unloaded = StubSupervisor::new(&["one"]);
    let answer = Worker::start(&unloaded, &["*"]).get("/api/v1/flags/", CLIENT);
    assert_eq!(answer.status, 503);
    assert_eq!(
        (answer.header("vary"), answer.header("cache-control")),
        (VARY, nothing)
    );
    // These are the same for every key, but not for every page.
    for path in ["/proxy/health", "/nowhere"] {
        assert_eq!(
            worker.get(path, CLIENT).header("vary"),
            Some("Origin"),
            "{path}"
        );
    }
}

#[test]
fn a_page_that_sends_credentials_may_read_answers() {
    let (_supervisor, worker) = one_environment();
    let origin = "Origin: https://app.example.com\r\n";
    for (path, status) in [
        ("/api/v1/flags/", 200),
        ("/api/v1/flags/?feature=none", 404),
    ] {
        let answer = worker.get(path, &format!("{CLIENT}{origin}"));
        assert_eq!(answer.status, status);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some("https://app.example.com"));
        let credentials = answer.header("access-control-allow-credentials");
        assert_eq!(credentials, Some("true"));
    }
}

#[test]
fn options_names_the_methods_of_a_path() {
    let (_supervisor, worker) = one_environment();
    let options = |path: &str, headers: &str| worker.ask(request("OPTIONS", path, headers, ""));
    for (path, methods) in [
        ("/api/v1/flags/", "GET, HEAD, OPTIONS"),
        ("/api/v1/identities", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/environment-document/", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, OPTIONS, POST, PUT"),
    ] {
        let answer = options(path, "");
        assert_eq!((answer.status, answer.text()), (204, ""), "{path}");
        assert_eq!(answer.header("allow"), Some(methods), "{path}");
        assert_eq!(answer.header("content-length"), None, "{path}");
    }
    assert_eq!(options("/nowhere", "").status, 404);
    let preflight = "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n";
    let answer = options("/api/v1/identities/", preflight);
    assert_eq!((answer.status, answer.header("allow")), (200, None));
    assert!(answer.header("access-control-allow-methods").is_some());
}

#[test]
fn the_root_says_what_this_is() {
    let (_supervisor, worker) = one_environment();
    let answer = worker.get("/", "");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    // Each path that it names answers.
    let paths = answer.text().lines().filter(|line| line.starts_with('/'));
    let paths: Vec<_> = paths
        .map(|line| line.split(' ').next().expect("a path"))
        .collect();
    assert_eq!(paths.len(), 5, "{}", answer.text());
    for path in paths {
        let status = worker.get(path, CLIENT).status;
        // Some need a query, or a body.
        assert!([200, 405, 422].contains(&status), "{path}: {status}");
    }
}

#[test]
fn a_base_path_may_stand_before_every_path() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document("one", 0, ONE));
    let settings = WorkerSettings {
        paths: Paths {
            base_path: Some("/edge".to_owned()),
        },
        ..WorkerSettings::default()
    };
    let worker = Worker::start_with(&supervisor, settings, None);
    for base in ["", "/edge"] {
        let flags = worker.get(&format!("{base}/api/v1/flags/"), CLIENT);
        assert_eq!(
            (flags.status, flags.json().as_array().map(Vec::len)),
            (200, Some(2))
        );
        assert_eq!(worker.get(&format!("{base}/health"), "").status, 200);
    }
    assert_eq!(worker.get("/edges/health", "").status, 404);
}

#[test]
fn a_document_has_a_date_and_clients_that_send_it_get_a_304_if_it_tells_documents_apart() {
    const DATE: &str = "Thu, 15 Jan 2026 10:30:00 GMT";
    const DOCUMENT: &str = "/api/v1/environment-document/";
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish_dated("one", &document("one", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    let ask = |headers: &str| worker.get(DOCUMENT, &format!("{SERVER}{headers}"));
    let whole = ask("");
    assert_eq!(whole.header("last-modified"), Some(DATE));
    let since = format!("If-Modified-Since: {DATE}\r\n");
    let cached = ask(&since);
    assert_eq!((cached.status, cached.body.len()), (304, 0));
    assert_eq!(cached.header("last-modified"), Some(DATE));
    assert_eq!(cached.header("etag"), whole.header("etag"));
    for other in [
        "Thu, 15 Jan 2026 10:29:59 GMT",
        "Thu, 15 Jan 2026 10:30:01 GMT",
        "then",
    ] {
        assert_eq!(
            ask(&format!("If-Modified-Since: {other}\r\n")).body,
            whole.body,
            "{other}"
        );
    }
    // The tag decides where both are sent.
    assert_eq!(
        ask(&format!("{since}If-None-Match: \"other\"\r\n")).status,
        200
    );
    let tag = whole.header("etag").expect("tag");
    let later = "If-Modified-Since: Thu, 15 Jan 2026 10:00:00 GMT";
    assert_eq!(
        ask(&format!("{later}\r\nIf-None-Match: {tag}\r\n")).status,
        304
    );
    // Another document of the same second.
    supervisor.publish("one", &document("one", 0, &[(1, "first", true, "2")]));
    let answer = ask(&since);
    assert_eq!(
        (answer.status, answer.header("last-modified")),
        (200, Some(DATE))
    );
    assert_ne!(answer.body, whole.body);
    let flags = worker.get("/api/v1/flags/", &format!("{CLIENT}{since}"));
    assert_eq!((flags.status, flags.header("last-modified")), (200, None));
}
