//! Faults between the proxy and upstream, and in what upstream answers.

use std::time::{Duration, Instant};

use serde_json::json;
use testing::{Answer, Stub, document};

use super::{Examined, config, good, upstream};
use crate::harness::{Forward, Manner, TlsFront, in_a_week};

#[test]
fn a_certificate_that_is_not_trusted_is_explained() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = directory.path().join("authority.pem");
    let upstream = upstream(good());
    let front = TlsFront::start(&upstream, &authority);
    let examine = || {
        let authority = authority.to_str().expect("a path");
        Examined::of(&front.api_url(), &[("SSL_CERT_FILE", authority)])
    };
    let soon = format!(
        "is trusted today, but it or its issuer expires on {}",
        in_a_week()
    );
    for (manner, status, words) in [
        (Manner::ExpiresSoon, "warning", soon.as_str()),
        (
            Manner::Trusted,
            "ok",
            "\"Trusted\" of issuer \"authority\" is trusted (1 certificate sent)",
        ),
        (
            Manner::OwnCa,
            "ok",
            "\"OwnCa\" of issuer \"OwnCa\" is trusted",
        ),
        (
            Manner::SelfSigned,
            "failed",
            "\"SelfSigned\" of issuer \"SelfSigned\" is self-signed",
        ),
        (
            Manner::SelfSignedCa,
            "failed",
            "is that of a CA, not of a server",
        ),
        (
            Manner::WithoutIntermediate,
            "failed",
            "of issuer \"intermediate\", who is not trusted, and no other",
        ),
        (
            Manner::OtherHost,
            "failed",
            "is not for the host of api_url, but for other.example",
        ),
        (
            Manner::OwnCaOfOtherHost,
            "failed",
            "is not for the host of api_url, but for other.example",
        ),
        (Manner::Expired, "failed", "has expired on 2002-01-01"),
        (Manner::ExpiredOwnCa, "failed", "has expired on 2002-01-01"),
        (
            Manner::Plain,
            "failed",
            "should api_url begin with http://?",
        ),
        (Manner::Rude, "failed", "could not reach upstream"),
    ] {
        front.set(manner);
        let examined = examine();
        examined.assert("upstream.tls", status, words);
        examined.assert(
            "upstream.certificates",
            "ok",
            "4 certificates trusted, from ",
        );
        // The key is not sent to a server that is not trusted.
        assert_eq!(
            examined.has("document.fetch"),
            status != "failed",
            "{manner:?}"
        );
    }
}

#[test]
fn a_bundle_that_is_read_in_part_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = directory.path().join("authority.pem");
    let front = TlsFront::start(&upstream(good()), &authority);
    let mut text = std::fs::read_to_string(&authority).expect("the bundle");
    let examine = |text: &str| {
        std::fs::write(&authority, text).expect("write the bundle");
        let authority = authority.to_str().expect("a path");
        Examined::of(&front.api_url(), &[("SSL_CERT_FILE", authority)])
    };
    let missing = Examined::of(&front.api_url(), &[("SSL_CERT_FILE", "/nowhere.pem")]);
    missing.assert(
        "upstream.certificates",
        "failed",
        "none was found in /nowhere.pem (SSL_CERT_FILE)",
    );
    examine("").assert(
        "upstream.certificates",
        "failed",
        "no certificate is trusted",
    );
    text += "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let examined = examine(&text);
    examined.assert(
        "upstream.certificates",
        "warning",
        "has 5 sections, and 4 of them can be used",
    );
    examined.assert("upstream.tls", "ok", "is trusted");
}

#[test]
fn a_refused_key_is_explained() {
    let refuse = |status: &str, detail: &str| {
        let body = json!({"detail": detail}).to_string();
        let upstream = upstream(Answer::status(status, &body));
        Examined::of(&upstream.api_url(), &[])
    };
    let unknown = refuse("403 Forbidden", "Invalid or missing Environment Key");
    unknown.assert(
        "keys.accepted",
        "failed",
        "upstream does not know the server-side key",
    );
    unknown.assert("upstream.answer", "ok", "and refuses the first key");
    let blocked = refuse(
        "403 Forbidden",
        "Organisation is disabled from serving flags.",
    );
    blocked.assert(
        "keys.accepted",
        "failed",
        "the organisation is blocked from serving flags",
    );
    let other = refuse("401 Unauthorized", "go away, ser.SECRET");
    other.assert("keys.accepted", "failed", "upstream answered 401");
    other.assert("keys.accepted", "failed", "go away, (the key)");
}

#[test]
fn a_revoked_key_beside_a_good_one_is_told() {
    let upstream = Stub::start([("good", document("test", "good"))]);
    let mut config = config("/nowhere".as_ref(), &upstream.api_url());
    config["snapshot"] = json!({});
    config["environment_key_pairs"] = json!([
        {"client_side_key": "test", "server_side_key": "ser.good"},
        {"client_side_key": "test", "server_side_key": "ser.SECRET"},
    ]);
    let examined = Examined::with(&config, &[]);
    examined.assert(
        "keys.accepted",
        "warning",
        "upstream refuses 1 of 2 server-side keys",
    );
    examined.assert("document.fetch", "ok", "\"Test\"");
}

#[test]
fn keys_of_two_environments_in_one_pair_are_told() {
    let answer = Answer::new("200 OK", &[], document("another_environment", "good"));
    let upstream = upstream(answer);
    let examined = Examined::of(&upstream.api_url(), &[]);
    examined.assert(
        "keys.pair",
        "warning",
        "is of the environment anot…, not of that of the client-side key",
    );
}

#[test]
fn an_address_of_no_api_is_told() {
    let page = Answer::new(
        "200 OK",
        &["Content-Type: text/html"],
        "<!DOCTYPE html><p>Log in</p>",
    );
    let moved = Answer::raw(
        &[
            "302 Found",
            "Location: https://elsewhere.test/",
            "Content-Length: 0",
        ],
        "",
    );
    for (answer, words) in [
        (page, "answers 200 with a web page"),
        (
            Answer::new("404 Not Found", &[], "{}"),
            "answers 404: no environment documents",
        ),
        (Answer::new("502 Bad Gateway", &[], "<html>"), "answers 502"),
        (
            Answer::new("429 Too Many Requests", &[], "{}"),
            "answers 429",
        ),
        (moved, "redirects to https://elsewhere.test"),
    ] {
        let upstream = upstream(answer);
        let examined = Examined::of(&upstream.api_url(), &[]);
        examined.assert("upstream.answer", "failed", words);
        assert!(!examined.has("document.fetch"));
    }
    let upstream = upstream(good());
    let examined = Examined::of(&upstream.origin(), &[]);
    examined.assert("upstream.address", "warning", "does not end in /api/v1");
    let unknown = Examined::of("http://flagsmith.invalid/api/v1", &[]);
    unknown.assert("upstream.dns", "failed", "flagsmith.invalid has no address");
    let refused = Examined::of("http://127.0.0.1:9/api/v1", &[]);
    refused.assert(
        "upstream.connection",
        "failed",
        "takes no connection at 127.0.0.1:9 (Connection refused)",
    );
}

#[test]
fn a_silent_upstream_does_not_take_for_ever() {
    let upstream = upstream(Answer::silence());
    let begun = Instant::now();
    let examined = Examined::of(&upstream.api_url(), &[]);
    examined.assert(
        "upstream.answer",
        "failed",
        "upstream did not answer within 2 s",
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
    let examine = |headers: &[&str]| {
        let upstream = upstream(Answer::new("200 OK", headers, document("test", "good")));
        Examined::of(&upstream.api_url(), &[])
    };
    examine(&[date]).assert("upstream.clock", "warning", " s ahead of that of upstream");
    let now = jiff::Timestamp::now().strftime("Date: %a, %d %b %Y %H:%M:%S GMT");
    examine(&[&now.to_string()]).assert("upstream.clock", "ok", "agree");
    // The date of a cache says nothing.
    assert!(!examine(&[date, "Age: 7"]).has("upstream.clock"));
}

#[test]
fn documents_that_are_wrong_or_large_are_told() {
    let examine = |body: &str, limit: usize| {
        let upstream = upstream(Answer::new("200 OK", &[], body));
        let mut config = config("/nowhere".as_ref(), &upstream.api_url());
        config["snapshot"] = json!({});
        config["api_max_document_bytes"] = json!(limit);
        Examined::with(&config, &[])
    };
    let document = document("test", "good");
    examine("{}", 1 << 20).assert("document.compile", "failed", "project: missing");
    let large = examine(&document, document.len() + 1);
    large.assert(
        "document.size",
        "warning",
        "more than half of api_max_document_bytes",
    );
    let too_large = examine(&document, document.len() - 1);
    too_large.assert(
        "document.fetch",
        "failed",
        "larger than api_max_document_bytes",
    );
    let odd = document.replace("\"EQUAL\"", "\"NEVER_HEARD_OF\"");
    examine(&odd, 1 << 20).assert("document.compile", "warning", "NEVER_HEARD_OF");
}

#[test]
fn proxies_on_the_way_are_examined() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = directory.path().join("authority.pem");
    let front = TlsFront::start(&upstream(good()), &authority);
    let authority = authority.to_str().expect("a path");
    let forward = Forward::to(front.address(), Some("user:SECRET"));
    let address = forward.address;
    let examine = |login: &str, variable: &str, scheme: &str| {
        let url = format!("{scheme}{login}@{address}");
        let variables = [(variable, url.as_str()), ("SSL_CERT_FILE", authority)];
        Examined::of("https://upstream.test/api/v1", &variables)
    };
    for (variable, scheme) in [("HTTPS_PROXY", "http://"), ("all_proxy", "socks5h://")] {
        let examined = examine("user:SECRET", variable, scheme);
        examined.assert(
            "upstream.way",
            "ok",
            &format!("through the proxy {scheme}{address} ({variable})"),
        );
        examined.assert(
            "upstream.dns",
            "ok",
            "the proxy's host 127.0.0.1 is 127.0.0.1",
        );
        examined.assert(
            "upstream.connection",
            "ok",
            "the proxy's host takes connections",
        );
        examined.assert("upstream.tls", "ok", "is trusted");
        examined.assert("document.fetch", "ok", "\"Test\"");
    }
    let refused = examine("user:SECRET2", "HTTPS_PROXY", "http://");
    refused.assert("upstream.tls", "failed", "proxy authorization required");
    let plain = format!("http://user:SECRET2@{address}");
    let refused = Examined::of("http://upstream.test/api/v1", &[("HTTP_PROXY", &plain)]);
    refused.assert(
        "upstream.answer",
        "failed",
        "it asks for a user name and a password",
    );
    let wrong = Examined::of(
        "http://upstream.test/api/v1",
        &[("HTTP_PROXY", "ftp://user:SECRET@proxy")],
    );
    wrong.assert(
        "configuration",
        "failed",
        "HTTP_PROXY: found the scheme ftp://",
    );
    let excepted = [("HTTP_PROXY", plain.as_str()), ("NO_PROXY", ".test")];
    let excepted = Examined::of("http://upstream.test/api/v1", &excepted);
    excepted.assert(
        "upstream.way",
        "ok",
        "straight: NO_PROXY excepts it from HTTP_PROXY",
    );
}

#[test]
fn of_many_environments_each_is_examined() {
    let upstream = Stub::start((0..10).map(|number| {
        let key = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"][number];
        (key, document(key, "good"))
    }));
    let mut config = config("/nowhere".as_ref(), &upstream.api_url());
    config["snapshot"] = json!({});
    let pairs = (0..12).map(|number| {
        json!({"client_side_key": format!("a{number}"), "server_side_key": format!("ser.a{number}")})
    });
    config["environment_key_pairs"] = pairs.collect();
    let examined = Examined::with(&config, &[]);
    let count = |id: &str| {
        let found = examined
            .findings
            .iter()
            .filter(|finding| finding["id"] == id);
        found.count()
    };
    assert_eq!(
        (count("document.fetch"), count("keys.accepted")),
        (10, 2),
        "{:#?}",
        examined.findings
    );
}
