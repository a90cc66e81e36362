//! Restarts: the last documents are served at once, with their real age, before anything is fetched.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;
use serde_json::json;
use testing::{Answer, Stub, document, eventually};

use super::{Site, free_address, greeting, last_update, lines_with, stop, wait_for_greeting};
use crate::harness::{Connection, Proxy};

/// The bodies of all answers that depend on an environment's document.
fn answers(proxy: &Proxy, key: &str) -> Vec<(u16, Option<String>, Vec<u8>)> {
    [
        "/api/v1/flags/",
        "/api/v1/flags/?feature=greeting",
        "/api/v1/identities/?identifier=alice",
        "/api/v1/identities/?identifier=bob",
        "/api/v1/environment-document/",
    ]
    .iter()
    .flat_map(|path| [(path, key.to_owned()), (path, format!("ser.{key}"))])
    .map(|(path, key)| {
        let response = proxy.get(path, &key);
        let tag = response.headers.get("etag").cloned();
        (response.status, tag, response.body)
    })
    .collect()
}

#[test]
fn restarted_without_upstream_a_proxy_serves_what_it_served_with_its_real_age() {
    let keys = ["test", "other"];
    let upstream = Stub::start(keys.map(|key| (key, document(key, "last"))));
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut site = Site::new(&upstream, &keys);
        site.set(
            "health_check",
            json!({"environment_update_grace_period_seconds": 3600}),
        );
        let mut proxy = site.start();
        proxy.wait_until_ready();
        let before = keys.map(|key| answers(&proxy, key));
        let (_, fetched_before) = last_update(&proxy);
        proxy.signal(signal);
        proxy.wait();
        let ended = super::iso_8601(SystemTime::now());

        site.set("api_url", json!(super::NOWHERE));
        let mut ages = Vec::new();
        // The second proxy knows the age only from what the first one kept.
        for _ in 0..2 {
            let mut proxy = site.start();
            // This is the first request: the proxy waited for nothing.
            assert_eq!(keys.map(|key| answers(&proxy, key)), before);
            let (status, fetched) = last_update(&proxy);
            assert_eq!(status, 200);
            assert!(
                fetched_before <= fetched && fetched <= ended,
                "{fetched_before} {fetched} {ended}"
            );
            proxy.wait_for("failed fetches", |proxy| {
                lines_with(proxy, &["not updated", "could not reach upstream"]) >= 2
            });
            assert_eq!(last_update(&proxy), (200, fetched.clone()));
            assert_eq!(
                lines_with(&proxy, &["serving 2 of 2 environments from an earlier run"]),
                1
            );
            ages.push(fetched);
            stop(&mut proxy);
        }
        assert_eq!(ages[0], ages[1]);
    }
}

#[test]
fn what_is_older_than_allowed_is_served_and_not_ready() {
    let upstream = Stub::start([("test", document("test", "last"))]);
    let mut site = Site::new(&upstream, &["test"]);
    site.leave_behind();
    // Without a board the age is counted from the time of publication, which is made old here.
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let snapshot = fs::File::open(site.snapshot()).unwrap();
    snapshot.set_modified(long_ago).unwrap();
    fs::remove_file(site.state().join("board")).unwrap();
    let mut proxy = site.start();
    assert_eq!(greeting(&proxy), "\"last\"");
    let health = proxy.get("/proxy/health/readiness", "");
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["reason"], "environment document(s) stale.");
    let expected = super::iso_8601(long_ago);
    assert_eq!(last_update(&proxy).1, expected);
    stop(&mut proxy);

    site.set("api_url", json!(upstream.api_url()));
    let proxy = site.start();
    proxy.wait_until_ready();
    assert_ne!(last_update(&proxy).1, expected);
}

#[test]
fn an_unchanged_document_is_fetched_whole_once_and_not_published_again() {
    let upstream = Stub::start([("test", document("test", "same"))]);
    let mut site = Site::new(&upstream, &["test"]);
    site.leave_behind();
    site.set("api_url", json!(upstream.api_url()));
    let before = site.snapshot();
    let inode = fs::metadata(&before).unwrap().ino();

    let asked = upstream.count("test");
    let proxy = site.start();
    proxy.wait_for("some polls", |_| upstream.count("test") >= asked + 4);
    let heads = &upstream.heads("test")[asked..];
    let conditional: Vec<bool> = heads
        .iter()
        .map(|head| head.to_lowercase().contains("if-modified-since"))
        .collect();
    assert!(
        !conditional[0] && conditional[1..].iter().all(|one| *one),
        "{conditional:?}"
    );
    assert_eq!(site.snapshot(), before);
    assert_eq!(fs::metadata(&before).unwrap().ino(), inode);

    upstream.set("test", Answer::Document(document("test", "changed")));
    wait_for_greeting(&proxy, "changed");
    site.wait_until_settled(1);
    assert_ne!(site.snapshot(), before);
}

#[test]
fn a_document_that_changed_meanwhile_replaces_what_was_served_at_once() {
    let upstream = Stub::start([("test", document("test", "before"))]);
    let mut site = Site::new(&upstream, &["test"]);
    site.leave_behind();
    site.set("api_url", json!(upstream.api_url()));
    upstream.set("test", Answer::Document(document("test", "after")));
    let proxy = site.start();
    wait_for_greeting(&proxy, "after");
}

#[test]
fn what_is_no_longer_configured_is_not_served_and_goes() {
    let upstream = Stub::start(["test", "gone"].map(|key| (key, document(key, "here"))));
    let mut site = Site::new(&upstream, &["test", "gone"]);
    site.leave_behind();
    site.set(
        "environment_key_pairs",
        json!([{"client_side_key": "test", "server_side_key": "ser.test"}]),
    );
    let proxy = site.start();
    assert_eq!(greeting(&proxy), "\"here\"");
    assert_eq!(proxy.get("/api/v1/flags/", "gone").status, 401);
    site.wait_until_settled(1);
}

/// The time from the start of the process to the first answer with a document's content.
fn time_to_first_answer(site: &mut Site) -> Duration {
    let address = free_address();
    site.set(
        "server",
        json!({"host": "127.0.0.1", "port": address.port()}),
    );
    let mut command = site.command();
    let started = Instant::now();
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let head = "GET /api/v1/flags/ HTTP/1.1\r\nHost: proxy.test\r\nX-Environment-Key: test\r\n\r\n";
    let mut connection = eventually("a listener", || {
        // `eventually` pauses longer than what is measured, so this tries without a pause.
        let soon = Instant::now() + Duration::from_millis(5);
        while Instant::now() < soon {
            if crate::harness::accepts(address) {
                return Some(Connection::open(address));
            }
            std::thread::yield_now();
        }
        None
    });
    connection.send(head.as_bytes());
    let response = connection.response("GET");
    let taken = started.elapsed();
    assert_eq!(response.status, 200, "{response:?}");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().cast_signed()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert!(child.wait().unwrap().success());
    taken
}

/// A document with so many identity overrides, each of some 450 bytes.
fn large_document(identities: usize) -> String {
    let mut document: serde_json::Value = serde_json::from_str(&document("test", "large")).unwrap();
    let one = document["identity_overrides"][0].clone();
    let all = (0..identities).map(|number| {
        let mut one = one.clone();
        one["identifier"] = json!(format!("identity-{number}"));
        one["identity_features"][0]["feature_state_value"] = json!(format!("value {number}"));
        one
    });
    document["identity_overrides"] = all.collect();
    document.to_string()
}

#[test]
fn the_first_answer_does_not_wait_for_upstream() {
    let document = large_document(100 * testing::scale());
    let length = document.len();
    let upstream = Stub::start([("test", document)]);
    let mut site = Site::new(&upstream, &["test"]);
    site.leave_behind();
    let mut times: Vec<Duration> = (0..5 * testing::scale())
        .map(|_| time_to_first_answer(&mut site))
        .collect();
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    eprintln!(
        "warm start with a document of {length} bytes: median {median:?}, longest {longest:?}"
    );
    // On an idle machine it takes 100 ms. The limit is far below any timeout of a fetch.
    assert!(median < Duration::from_secs(3), "{times:?}");
}

#[test]
fn restarted_with_other_settings_a_proxy_serves_what_they_say_also_without_upstream() {
    let upstream = Stub::start([("test", document("test", "last"))]);
    let mut site = Site::new(&upstream, &["test"]);
    let mut proxy = site.start();
    proxy.wait_until_ready();
    let before = answers(&proxy, "test");
    let (_, fetched) = last_update(&proxy);
    stop(&mut proxy);
    site.set("api_url", json!(super::NOWHERE));
    for only in [true, true, false] {
        site.set("identities", json!({"official_proxy_fields_only": only}));
        let mut proxy = site.start();
        let expected = before.iter().cloned().map(|(status, tag, body)| {
            let mut body = String::from_utf8(body).unwrap();
            if only {
                body = body.replace(",\"variant\":null", "");
            }
            (status, tag, body.into_bytes())
        });
        // This is the first request.
        let found = answers(&proxy, "test");
        assert_eq!(found, expected.collect::<Vec<_>>(), "{only}");
        assert!(last_update(&proxy).1 >= fetched);
        proxy.wait_for("the line of the start", |proxy| {
            lines_with(proxy, &["earlier run"]) == 1
        });
        stop(&mut proxy);
    }
}
