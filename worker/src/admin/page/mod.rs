//! The status page: plain files, the same in every proxy, so they need no token. What the page shows it asks of the
//! other endpoints, with the token that it was given.

use actix_http::header::{
    CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use crate::http::response::{self, Response};

/// What the page may do: use its own files, and ask the listener that it came from. No other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// A file of the page: its path, its kind and what is in it.
type File = (&'static str, &'static str, &'static str);

const FILES: [File; 10] = [
    ("/", HTML, include_str!("index.html")),
    ("/page.css", STYLE, include_str!("page.css")),
    ("/page.js", SCRIPT, include_str!("page.js")),
    ("/history.js", SCRIPT, include_str!("history.js")),
    ("/chart.js", SCRIPT, include_str!("chart.js")),
    ("/tables.js", SCRIPT, include_str!("tables.js")),
    ("/playground.js", SCRIPT, include_str!("playground.js")),
    ("/explanation.js", SCRIPT, include_str!("explanation.js")),
    ("/dom.js", SCRIPT, include_str!("dom.js")),
    ("/icon.svg", IMAGE, include_str!("icon.svg")),
];

/// The file of a path, if the page has it.
pub(super) fn file(path: &str) -> Option<Response> {
    let (_, kind, text) = FILES.iter().find(|(of, ..)| *of == path)?;
    let mut response = response::text_of_type(kind, text);
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
