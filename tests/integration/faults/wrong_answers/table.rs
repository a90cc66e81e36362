//! The wrong answers, and how the log line for each begins.

use std::io::Write;

use testing::{Answer, document, message};

/// The proxy's `api_max_document_bytes`.
pub(super) const LARGEST: usize = 1 << 20;

fn ok(body: impl AsRef<[u8]>) -> Answer {
    Answer::new("200 OK", &["Content-Type: application/json"], body)
}

fn status(status: &str) -> Answer {
    Answer::status(status, "oops")
}

fn bytes(bytes: &str) -> Answer {
    Answer::Closed(bytes.as_bytes().to_vec())
}

fn redirect(location: impl Fn(&str) -> String + Send + Sync + 'static) -> Answer {
    Answer::made(move |head| {
        let location = format!("Location: {}", location(head));
        Answer::new("302 Found", &[&location], "")
    })
}

/// A document in pages without end. `target` gives the link to a page by its number.
fn pages(target: impl Fn(usize) -> String + Send + Sync + 'static) -> Answer {
    Answer::made(move |head| {
        let link = format!("Link: <{}>; rel=\"next\"", target(page(head) + 1));
        Answer::raw(&["200 OK", &link], r#"{"identity_overrides":[]}"#)
    })
}

/// The number of the page that a request asks for.
fn page(head: &str) -> usize {
    let Some((_, rest)) = head.split_once("?page=") else {
        return 1;
    };
    let number = rest.split_whitespace().next();
    number.expect("a number").parse().expect("a number")
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).expect("compress");
    encoder.finish().expect("compress")
}

/// The name of each environment, the answer to its key, and how the reason in the log begins. `other` is an origin that
/// is not upstream's.
pub(super) fn faults(other: &str) -> Vec<(&'static str, Answer, String)> {
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    let large = format!("{{\"a\":\"{}\"}}", " ".repeat(2 * LARGEST));
    let announced = format!("Content-Length: {}", 2 * LARGEST);
    let too_large = "the document is larger than api_max_document_bytes, which is 1048576";
    let no_object = "upstream answered something other than a JSON object";
    let (elsewhere, linked) = (format!("{other}/api/v1/"), format!("{other}/?page=2"));
    let host = other.strip_prefix("http:").expect("a scheme").to_owned();
    let other_redirect =
        format!("upstream redirects to {other}, which is not the origin of api_url");
    let repeated = "upstream's pages do not end: the page after page 2 came before";
    let by_way = elsewhere.clone();
    let valid = document("any", "any");
    let other_shape = valid.replacen("\"segments\":[", "\"segments\":[7,", 1);

    let text = |text: &str| text.to_owned();
    vec![
        (
            "status-204",
            Answer::raw(&["204 No Content"], ""),
            text("upstream answered 204"),
        ),
        (
            "status-400",
            status("400 Bad Request"),
            text("upstream answered 400"),
        ),
        (
            "status-401",
            status("401 Unauthorized"),
            text("upstream answered 401: check the server-side key"),
        ),
        (
            "status-403",
            status("403 Forbidden"),
            text("upstream answered 403: check the server-side key"),
        ),
        (
            "status-404",
            status("404 Not Found"),
            text("upstream answered 404: check api_url"),
        ),
        (
            "status-429",
            status("429 Too Many Requests"),
            text("upstream answered 429"),
        ),
        (
            "status-500",
            status("500 Internal Server Error"),
            text("upstream answered 500"),
        ),
        (
            "status-502",
            status("502 Bad Gateway"),
            text("upstream answered 502"),
        ),
        (
            "status-503",
            status("503 Service Unavailable"),
            text("upstream answered 503"),
        ),
        (
            "status-504",
            status("504 Gateway Timeout"),
            text("upstream answered 504"),
        ),
        (
            "unasked-304",
            Answer::raw(&["304 Not Modified"], ""),
            text("upstream answered 304 to an unconditional request"),
        ),
        ("empty", ok(""), text(no_object)),
        ("blank", ok(" \n"), text(no_object)),
        (
            "html",
            Answer::raw(&["200 OK", "Content-Type: text/html"], "<html>"),
            format!("{no_object} (content type text/html)"),
        ),
        ("list", ok("[]"), text(no_object)),
        (
            "json-cut",
            ok(&valid[..400]),
            text(
                "the document does not compile: document: not JSON at byte 394: Unterminated string",
            ),
        ),
        (
            "json-more",
            ok(valid.clone() + "x"),
            text("the document does not compile: document: not JSON at byte"),
        ),
        (
            "shape-nothing",
            ok("{}"),
            text("the document does not compile: project: missing"),
        ),
        (
            "shape-inside",
            ok(other_shape),
            text("the document does not compile: project.segments[0]"),
        ),
        (
            "not-utf8",
            ok(b"{\"a\":\"\xff\"}"),
            text("the document does not compile: document: not UTF-8 at byte 6"),
        ),
        (
            "deep",
            ok(deep),
            text(
                "the document does not compile: document: not JSON at byte 260: maximum recursion depth exceeded",
            ),
        ),
        (
            "large-announced",
            Answer::raw(&["200 OK", &announced], "{"),
            text(too_large),
        ),
        (
            "large-unannounced",
            Answer::raw(&["200 OK"], &large),
            text(too_large),
        ),
        (
            "large-unpacked",
            Answer::raw(
                &["200 OK", "Content-Encoding: gzip"],
                gzip(large.as_bytes()),
            ),
            text(too_large),
        ),
        (
            "large-in-pages",
            Answer::made(move |head| {
                let link = format!("Link: <?page={}>; rel=next", page(head) + 1);
                Answer::raw(
                    &["200 OK", &link],
                    format!(
                        r#"{{"identity_overrides":["{}"]}}"#,
                        "x".repeat(LARGEST / 4)
                    ),
                )
            }),
            text(too_large),
        ),
        (
            "gzip-garbage",
            Answer::raw(&["200 OK", "Content-Encoding: gzip"], "{\"a\":1}"),
            text("the document broke off: "),
        ),
        (
            "broken-off",
            Answer::raw(&["200 OK", "Content-Length: 100"], "{"),
            text("the document broke off: "),
        ),
        (
            "chunk-garbage",
            Answer::raw(&["200 OK", "Transfer-Encoding: chunked"], "2\r\n{}\r\nx"),
            text("the document broke off: "),
        ),
        ("no-answer", bytes(""), text("could not reach upstream: ")),
        (
            "no-http",
            bytes("SSH-2.0-OpenSSH_9.2\r\n"),
            text("could not reach upstream: "),
        ),
        (
            "endless-head",
            Answer::raw(&["200 OK", &"X: y\r\n".repeat(400_000)], ""),
            text("could not reach upstream: "),
        ),
        (
            "silent",
            Answer::silence(),
            text("upstream did not answer within 1 s"),
        ),
        (
            "silent-in-head",
            Answer::Stalled(b"HTTP/1.1 200 OK\r\nConten".to_vec()),
            text("upstream did not answer within 1 s"),
        ),
        (
            "silent-in-body",
            Answer::Stalled(message(&["200 OK", "Content-Length: 100"], "{")),
            text("upstream did not answer within 1 s"),
        ),
        (
            "redirect-loop",
            redirect(move |_| text("/api/v1/environment-document/")),
            text("upstream redirects more than 5 times"),
        ),
        (
            "redirect-on-and-on",
            redirect(|head| format!("?page={}", page(head) + 1)),
            text("upstream redirects more than 5 times"),
        ),
        (
            "redirect-elsewhere",
            redirect(move |_| elsewhere.clone()),
            other_redirect.clone(),
        ),
        (
            "redirect-by-way",
            redirect(move |head| match page(head) {
                1 => text("?page=2"),
                _ => by_way.clone(),
            }),
            other_redirect,
        ),
        (
            "page-elsewhere",
            pages(move |_| linked.clone()),
            text(repeated),
        ),
        (
            "page-same-scheme",
            pages(move |_| format!("{host}/?page=2")),
            text(repeated),
        ),
        (
            "page-without-query",
            pages(move |_| text("/api/v1/environment-document/")),
            text("upstream's link to the next page has no query"),
        ),
        (
            "page-repeated",
            pages(move |_| text("?page=2")),
            text(repeated),
        ),
        (
            "page-on-and-on",
            pages(|number| format!("?page={number}")),
            text("upstream's pages do not end: there are more than 1024"),
        ),
        (
            "page-broken",
            Answer::made(|head| match page(head) {
                1 => Answer::raw(
                    &["200 OK", "Link: <?page=2>; rel=next"],
                    document("any", "any"),
                ),
                _ => Answer::raw(&["200 OK"], r#"{"identity_overrides":[{"#),
            }),
            text("page 2 of the document cannot be read: document: not JSON at byte 24"),
        ),
        (
            "page-changed",
            Answer::made(|head| {
                let edited = document("any", "any")
                    .replace("2026-01-15", &format!("2026-01-1{}", page(head)));
                let link = ["200 OK", "Link: <?page=2>; rel=next"];
                Answer::raw(&link[..3 - page(head)], edited)
            }),
            text("the document changed between two of its pages, 3 times in a row"),
        ),
    ]
}
