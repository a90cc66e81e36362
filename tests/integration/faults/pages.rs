//! A document that comes in pages is served as one document, and never half of it from before an edit.

use std::sync::atomic::{AtomicUsize, Ordering};

use testing::{Answer, Stub, document};

use super::wait_until_served;
use crate::harness::Proxy;

/// A document with one identity override, for this identifier.
fn of(identifier: &str, updated_at: &str) -> String {
    document("test", "default")
        .replace("alice", identifier)
        .replace("2026-01-15T10:30:00.123456", updated_at)
}

const UPDATED_AT: &str = "2026-01-15T10:30:00.5";
const NEXT: &str = "Link: </api/v1/environment-document/?page_id=a%3Ab>; rel=\"next\"";

fn is_first(head: &str) -> bool {
    !head.contains("?page_id=a%3Ab ")
}

/// The document that both pages make: the first page, with the overrides of both.
fn merged(updated_at: &str) -> String {
    let override_of = |page: &str| {
        let (_, list) = page.split_once("\"identity_overrides\":[").expect("a list");
        list.strip_suffix("]}").expect("the last member").to_owned()
    };
    let first = of("alice", updated_at);
    let later = override_of(&of("zoe", updated_at));
    format!("{},{later}]}}", first.strip_suffix("]}").expect("a list"))
}

#[test]
fn pages_are_served_as_one_document() {
    let upstream = Stub::start([]);
    let answer = |head: &str| {
        let date = "Date: Mon, 02 Feb 2026 12:00:00 GMT";
        match is_first(head) {
            true if head.to_lowercase().contains("if-modified-since") => {
                Answer::raw(&["304 Not Modified", date], "")
            }
            true => Answer::raw(&["200 OK", date, NEXT], of("alice", UPDATED_AT)),
            false => Answer::raw(&["200 OK", date], of("zoe", UPDATED_AT)),
        }
    };
    upstream.set("test", Answer::made(answer));
    let proxy = Proxy::ready(&upstream, "test");
    wait_until_served(&proxy, "test", &merged(UPDATED_AT));
    for identifier in ["alice", "zoe"] {
        let path = format!("/api/v1/identities/?identifier={identifier}");
        let body = proxy.get(&path, "test").text();
        assert!(body.contains(&format!("hello {identifier}")), "{body}");
    }
    let conditional = || {
        let heads = upstream.heads("test");
        let heads = heads.iter().map(|head| head.to_lowercase());
        heads
            .filter(|head| head.contains("if-modified-since"))
            .collect::<Vec<_>>()
    };
    proxy.wait_for("conditional fetches", |_| conditional().len() >= 3);
    assert!(conditional().iter().all(|head| is_first(head)));
}

#[test]
fn an_edit_between_two_pages_is_never_seen_in_half() {
    let edited = "2026-01-15T10:30:01.5";
    let upstream = Stub::start([]);
    let firsts = AtomicUsize::new(0);
    let answer = move |head: &str| {
        let is_first = is_first(head);
        let count = firsts.fetch_add(usize::from(is_first), Ordering::SeqCst);
        // The first answer is from before the edit, all later ones are from after it.
        match (is_first, count) {
            (true, 0) => Answer::raw(&["200 OK", NEXT], of("alice", UPDATED_AT)),
            (true, _) => Answer::raw(&["200 OK", NEXT], of("alice", edited)),
            (false, _) => Answer::raw(&["200 OK"], of("zoe", edited)),
        }
    };
    upstream.set("test", Answer::made(answer));
    let proxy = Proxy::ready(&upstream, "test");
    let response = proxy.get("/api/v1/environment-document/", "ser.test");
    assert!(
        response.body == merged(edited).as_bytes(),
        "{}",
        response.text()
    );
    let log = proxy.log();
    assert!(!log.contains("not updated"), "{log}");
}
