//! Documents in pages, from a stub.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// The header that names the next page.
fn link(target: &str) -> String {
    format!("Link: <{target}>; rel=\"next\"")
}

/// The number in `?page=`; 1 without.
fn number(request: &str) -> usize {
    let Some((_, rest)) = request.split_once("?page=") else {
        return 1;
    };
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// A page with the `updated_at` of the whole document.
fn page(number: usize, updated_at: usize) -> String {
    format!(
        r#"{{"updated_at":"{updated_at}","identity_overrides":[{number}.0],"only":"{number}"}}"#
    )
}

fn pages(
    count: usize,
    target: impl Fn(usize) -> String + Send + Sync + 'static,
    body: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Stub {
    Stub::answering(move |request| {
        let number = number(request);
        let link = link(&target(number + 1));
        let headers = if number < count { &[&*link][..] } else { &[] };
        answer("200 OK", headers, &body(number))
    })
}

fn body(answer: Result<FetchOutcome, FetchError>) -> String {
    match answer.unwrap() {
        FetchOutcome::Document(document) => String::from_utf8(document.body.to_vec()).unwrap(),
        FetchOutcome::NotModified(_) => panic!("not modified"),
    }
}

#[test]
fn pages_are_followed_and_put_together() {
    let relative: fn(usize) -> String = |page| format!("?page={page}");
    let rooted: fn(usize) -> String = |page| format!("{PATH}?page={page}");
    let merged = r#"{"updated_at":"0","identity_overrides":[1.0,2.0,3.0],"only":"1"}"#;
    for target in [relative, rooted] {
        let stub = pages(3, target, |number| page(number, 0));
        let answer = fetch_since(&upstream(&stub), Some(second()));
        assert_eq!(body(answer), merged);
        let requests = stub.requests();
        assert_eq!(requests.len(), 3);
        for (index, request) in requests.iter().enumerate() {
            assert_eq!(number(request), index + 1, "{request}");
            assert!(request.contains("\nx-environment-key: ser.verysecret\n"));
            // Only the request for the first page is conditional.
            assert_eq!(
                request.contains("if-modified-since"),
                index == 0,
                "{request}"
            );
        }
    }
}

#[test]
fn a_link_after_a_redirect_starts_from_where_the_page_was() {
    let stub = Stub::answering(|request| match request.split(' ').nth(1).unwrap() {
        PATH => answer("302 Found", &["Location: /moved/here/"], ""),
        "/moved/here/" => answer("200 OK", &[&link("?page=2")], &page(1, 0)),
        "/moved/here/?page=2" => answer("200 OK", &[], &page(2, 0)),
        other => panic!("{other}"),
    });
    assert!(body(fetch(&stub)).contains("[1.0,2.0]"));
}

#[test]
fn of_a_link_only_the_query_is_used() {
    let other = Stub::answering(|_| answer("200 OK", &[], DOCUMENT));
    let host = other.origin().replace("http:", "");
    for target in [
        format!("{}{PATH}?page=2#x", other.origin()),
        format!("{host}/?page=2"),
        // What upstream says of itself behind a TLS terminator, or behind a path prefix.
        format!("https:{host}{PATH}?page=2"),
        "http://internal:8000/environment-document/?page=2".to_owned(),
        "/environment-document/?page=2".to_owned(),
        "http://[?page=2".to_owned(),
        "file:///etc/passwd?page=2".to_owned(),
    ] {
        let stub = pages(2, move |_| target.clone(), |number| page(number, 0));
        assert!(body(fetch(&stub)).contains("[1.0,2.0]"));
        assert!(stub.requests()[1].starts_with(&format!("GET {PATH}?page=2 ")));
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn every_page_is_fetched_with_the_credentials_and_the_path_of_the_api_url() {
    // Upstream does not know the prefix of its path.
    let target = |page| format!("/api/v1/environment-document/?page={page}");
    let stub = pages(3, target, |number| page(number, 0));
    let api_url = stub.origin().replace("//", "//user:password@") + "/flagsmith/api/v1";
    let upstream = Upstream::new(&UpstreamSettings {
        api_url: ApiUrl::parse(&api_url).unwrap(),
        ..settings(&stub)
    })
    .unwrap();
    assert!(body(fetch_since(&upstream, None)).contains("[1.0,2.0,3.0]"));
    let requests = stub.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(request.starts_with("GET /flagsmith/api/v1/environment-document/"));
        // "user:password" in Base64.
        assert!(request.contains("\nauthorization: Basic dXNlcjpwYXNzd29yZA==\n"));
    }
}

#[test]
fn a_link_without_a_query_is_no_next_page() {
    let stub = pages(2, |_| PATH.to_owned(), |number| page(number, 0));
    assert_eq!(
        failure(&stub),
        "upstream's link to the next page has no query"
    );
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn a_page_that_redirects_to_another_origin_is_refused_too() {
    let other = Stub::answering(|_| answer("200 OK", &[], DOCUMENT));
    let location = format!("Location: {}{PATH}", other.origin());
    let stub = Stub::answering(move |request| match number(request) {
        1 => answer("200 OK", &[&link("?page=2")], &page(1, 0)),
        _ => answer("302 Found", &[&location], ""),
    });
    assert!(failure(&stub).contains("redirects to"));
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn pages_without_end_are_left_alone() {
    let stub = pages(
        usize::MAX,
        |number| format!("?page={}", number % 3),
        |number| page(number, 0),
    );
    assert_eq!(
        failure(&stub),
        "upstream's pages do not end: the page after page 4 came before"
    );
    let endless = pages(
        usize::MAX,
        |number| format!("?page={number}"),
        |number| page(number, 0),
    );
    assert_eq!(
        failure(&endless),
        "upstream's pages do not end: there are more than 1024"
    );
    assert_eq!(endless.requests().len(), 1024);
}

#[test]
fn pages_that_take_too_long_are_left_alone() {
    let stub = pages(
        usize::MAX,
        |number| format!("?page={number}"),
        |number| page(number, 0),
    );
    // Each page is in time; only the timeout for all pages is short.
    let upstream = Upstream {
        pages_timeout: Duration::from_millis(120),
        ..upstream(&stub)
    };
    assert_eq!(
        fetch_since(&upstream, None).unwrap_err().to_string(),
        "the document did not arrive within 0.1 s"
    );
}

#[test]
fn a_document_that_changes_between_pages_is_begun_anew() {
    // The document is edited after the second page of the first attempt.
    let beginnings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&beginnings);
    let stub = pages(
        3,
        |number| format!("?page={number}"),
        move |number| {
            if number == 1 {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            let edited = counted.load(Ordering::SeqCst) > 1 || number == 3;
            page(number, usize::from(edited))
        },
    );
    let answer = fetch_since(&upstream(&stub), Some(second()));
    let merged = r#"{"updated_at":"1","identity_overrides":[1.0,2.0,3.0],"only":"1"}"#;
    assert_eq!(body(answer), merged);
    assert_eq!(beginnings.load(Ordering::SeqCst), 2);
    let conditional = |request: &&String| request.contains("if-modified-since");
    assert_eq!(stub.requests().iter().filter(conditional).count(), 1);
}

#[test]
fn a_document_that_always_changes_is_a_failure() {
    let stub = pages(
        2,
        |number| format!("?page={number}"),
        |number| page(number, number),
    );
    assert_eq!(
        failure(&stub),
        "the document changed between two of its pages, 3 times in a row"
    );
    assert_eq!(stub.requests().len(), 6);
}

#[test]
fn pages_without_updated_at_are_told_apart_by_last_modified() {
    let reply = |request: &str, modified: [&'static str; 2]| {
        let number = number(request);
        let link = link("?page=2");
        let headers = [modified[number - 1], &link];
        let body = format!(r#"{{"identity_overrides":[{number}]}}"#);
        answer("200 OK", &headers[..3 - number], &body)
    };
    const ONE: &str = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT";
    const OTHER: &str = "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT";
    for (modified, changes) in [
        ([ONE, ONE], false),
        ([ONE, "X: y"], false),
        (["X: y", ONE], false),
        ([ONE, OTHER], true),
    ] {
        let stub = Stub::answering(move |request| reply(request, modified));
        match fetch(&stub) {
            Ok(answer) => assert!(!changes && body(Ok(answer)).contains("[1,2]")),
            Err(error) => assert!(changes && error.to_string().contains("changed"), "{error}"),
        }
    }
}

#[test]
fn the_limit_counts_all_pages_together() {
    let stub = pages(
        10,
        |number| format!("?page={number}"),
        |number| {
            format!(
                r#"{{"identity_overrides":["{}",{number}]}}"#,
                "x".repeat(1000)
            )
        },
    );
    let limited = |max_document_bytes| {
        let settings = UpstreamSettings {
            max_document_bytes,
            ..settings(&stub)
        };
        Upstream::new(&settings).unwrap()
    };
    let document = body(fetch_since(&limited(1 << 20), None));
    assert!(document.len() > 10_000, "{}", document.len());
    let asked = stub.requests().len();
    let error = fetch_since(&limited(5_000), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the document is larger than api_max_document_bytes, which is 5000"
    );
    assert_eq!(stub.requests().len() - asked, 5);
}

#[test]
fn what_is_wrong_with_a_later_page_is_said_with_its_number() {
    for (reply, expected) in [
        (
            answer("500 Internal Server Error", &[], ""),
            "upstream answered 500",
        ),
        (
            answer("304 Not Modified", &[], ""),
            "upstream answered 304 to an unconditional request",
        ),
        (
            answer("200 OK", &[], ""),
            "upstream answered something other than a JSON object",
        ),
        (
            answer("200 OK", &[], "{\"identity_overrides\":[1,"),
            "page 2 of the document cannot be read: document: not JSON at byte 25: Expecting value",
        ),
        (
            answer("200 OK", &[], "{\"identity_overrides\":7}"),
            "page 2 of the document cannot be read: identity_overrides: expected a list, found an integer",
        ),
    ] {
        let Answer::Closed(bytes) = reply else {
            unreachable!()
        };
        let stub = Stub::answering(move |request| match number(request) {
            1 => answer("200 OK", &[&link("?page=2")], &page(1, 0)),
            _ => Answer::Closed(bytes.clone()),
        });
        assert_eq!(failure(&stub), expected);
    }
    let stub = pages(
        2,
        |_| "?page=2".to_owned(),
        |_| "{\"a\":\"\u{1}\"}".to_owned(),
    );
    assert_eq!(
        failure(&stub),
        "page 1 of the document cannot be read: document: not JSON at byte 6: Invalid control character at"
    );
}
