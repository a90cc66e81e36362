//! Reloads that add, remove and rename environments, rotate keys, or change upstream and polling.

use std::fs;

use serde_json::json;
use testing::{Answer, document, eventually};

use super::{
    DOCUMENT, FLAGS, READINESS, clients, edit, pair, proxy, reload, reloaded, served,
    some_requests, status, upstream, workers,
};
use crate::harness::Expect;

#[test]
fn environments_come_and_go_and_nobody_notices() {
    let upstream = upstream(&["stays", "goes", "comes", "comes-too"]);
    let proxy = proxy(&upstream, &["stays", "goes"]);
    let before = workers(&proxy);
    let clients = clients(
        &proxy,
        &[
            (FLAGS, "goes", Expect::Once(200, 401)),
            (DOCUMENT, "ser.goes", Expect::Once(200, 401)),
            (FLAGS, "comes", Expect::Once(401, 200)),
            (DOCUMENT, "ser.comes", Expect::Once(401, 200)),
        ],
    );
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([
            pair("comes", "ser.comes"),
            pair("stays", "ser.stays"),
            pair("comes-too", "ser.comes-too"),
        ]);
    });
    reloaded(&proxy, "2 environments added, 1 removed");
    for (key, expected) in [
        ("goes", 401),
        ("ser.goes", 401),
        ("comes", 200),
        ("ser.comes-too", 200),
    ] {
        assert_eq!(status(&proxy, key), expected, "{key}");
    }
    // One of the two is removed again.
    edit(&proxy, |config| {
        config["environment_key_pairs"] =
            json!([pair("stays", "ser.stays"), pair("comes", "ser.comes")]);
    });
    reloaded(&proxy, "1 environment removed");
    some_requests(&clients);
    clients.stop("environments come and go");
    assert_eq!(workers(&proxy), before, "nobody was restarted for that");
    assert_eq!(upstream.count("stays"), 1, "it was not fetched again");
    assert_eq!(upstream.count("comes"), 1);
    eventually("what was removed is reclaimed", || {
        let snapshots = fs::read_dir(proxy.state().join("environments")).unwrap();
        snapshots.count() == 2
    });
    edit(&proxy, |config| {
        config["environment_key_pairs"] =
            json!([pair("goes", "ser.goes"), pair("stays", "ser.stays")]);
    });
    reloaded(&proxy, "1 environment added, 1 removed");
    assert_eq!(
        (status(&proxy, "goes"), status(&proxy, "comes")),
        (200, 401)
    );
    assert_eq!(proxy.get(READINESS, "").status, 200);
}

#[test]
fn an_environment_without_a_document_is_added_all_the_same() {
    let upstream = upstream(&["stays", "late"]);
    upstream.set("late", Answer::status("403 Forbidden", ""));
    let proxy = proxy(&upstream, &["stays"]);
    edit(&proxy, |config| {
        config["environment_key_pairs"] =
            json!([pair("stays", "ser.stays"), pair("late", "ser.late")]);
    });
    reloaded(&proxy, "1 environment added");
    assert_eq!(
        (status(&proxy, "stays"), status(&proxy, "late")),
        (200, 503)
    );
    upstream.set("late", Answer::Document(document("late", "here")));
    proxy.wait_for("its document", |proxy| status(proxy, "late") == 200);
}

#[test]
fn a_key_is_rotated_and_its_environment_is_served_throughout() {
    let upstream = upstream(&["stays", "one", "two"]);
    upstream.set(
        "rotated",
        Answer::Document(document("one", "hello from one")),
    );
    let proxy = proxy(&upstream, &["stays", "one", "two"]);
    let generation = |name: &str| {
        let response = proxy.get(FLAGS, name);
        assert_eq!(response.status, 200, "{response:?}");
        response.headers["etag"].clone()
    };
    let before = generation("one");
    let clients = clients(
        &proxy,
        &[
            (FLAGS, "one", served("hello from one")),
            (DOCUMENT, "ser.one", Expect::Once(200, 401)),
            (DOCUMENT, "ser.rotated", Expect::Once(401, 200)),
            (DOCUMENT, "ser.two", served("hello from two")),
            (FLAGS, "two", Expect::Once(200, 401)),
            (FLAGS, "zwei", Expect::Once(401, 200)),
        ],
    );
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([
            pair("stays", "ser.stays"),
            pair("one", "ser.rotated"),
            pair("zwei", "ser.two"),
        ]);
    });
    reloaded(&proxy, "2 key pairs rotated");
    assert_eq!(
        (status(&proxy, "ser.one"), status(&proxy, "two")),
        (401, 401)
    );
    assert_eq!(
        (status(&proxy, "ser.rotated"), status(&proxy, "zwei")),
        (200, 200)
    );
    some_requests(&clients);
    clients.stop("keys are rotated");
    assert_eq!(generation("one"), before);
    eventually("the new key is used at once", || {
        upstream.count("rotated") == 1
    });
    assert_eq!(upstream.count("stays"), 1);
    assert_eq!(upstream.count("one"), 1, "the old key is not used again");
    let log = proxy.log();
    assert!(
        !log.contains("ser.one") && !log.contains("ser.rotated"),
        "{log}"
    );
}

#[test]
fn is_reloaded_in_every_way_again_and_again_and_drops_nothing() {
    let rounds = 4 * testing::scale();
    let upstream = upstream(&["stays", "comes", "two"]);
    let proxy = proxy(&upstream, &["stays", "two"]);
    for round in 0..=rounds {
        let name = format!("rotated-{round}");
        upstream.set(&name, Answer::Document(document("one", "hello from one")));
    }
    edit(&proxy, |config| {
        config["environment_key_pairs"] = json!([
            pair("stays", "ser.stays"),
            pair("one", "ser.rotated-0"),
            pair("two-0", "ser.two"),
        ]);
    });
    reload(&proxy);
    let (one, two) = (served("hello from one"), served("hello from two"));
    let clients = clients(&proxy, &[(FLAGS, "one", one), (DOCUMENT, "ser.two", two)]);
    for round in 1..=rounds {
        edit(&proxy, |config| {
            let mut pairs = json!([
                pair("one", &format!("ser.rotated-{round}")),
                pair("stays", "ser.stays"),
                pair(&format!("two-{round}"), "ser.two"),
            ]);
            if round % 2 == 1 {
                pairs
                    .as_array_mut()
                    .unwrap()
                    .push(pair("comes", "ser.comes"));
            }
            config["environment_key_pairs"] = pairs;
            config["server"]["max_body_bytes"] = json!(100_000 + round);
            config["api_poll_timeout_seconds"] = json!(3 + round % 2);
        });
        let line = reload(&proxy);
        for part in ["key pairs rotated", "2 workers rolled", "polling http://"] {
            assert!(line.contains(part), "{line:?} lacks {part:?}");
        }
        assert_eq!(
            status(&proxy, "comes"),
            if round % 2 == 1 { 200 } else { 401 }
        );
        assert_eq!(status(&proxy, &format!("two-{round}")), 200);
        some_requests(&clients);
    }
    let tally = clients.stop(&format!("{rounds} reloads of every kind"));
    assert!(tally.asked > 400 * rounds);
    eventually("the old workers are gone", || workers(&proxy).len() == 2);
    assert_eq!(upstream.count("stays"), 1);
}

#[test]
fn polling_changes_and_what_is_served_stays() {
    let first = upstream(&["stays"]);
    let second = upstream(&["stays"]);
    second.set("stays", Answer::silence());
    let proxy = proxy(&first, &["stays"]);
    let clients = clients(&proxy, &[]);
    edit(&proxy, |config| {
        config["api_url"] = json!(second.api_url());
        config["api_poll_timeout_seconds"] = json!(0.3);
    });
    let polling = format!("polling {} every 3600 s", second.api_url());
    reloaded(&proxy, &polling);
    proxy.wait_for("the failure", |proxy| {
        let failure = "environment stays not updated: upstream did not answer within 0.3 s";
        proxy.log().contains(failure)
    });
    some_requests(&clients);
    clients.stop("another upstream");
    assert_eq!(first.count("stays"), 1);

    second.set(
        "stays",
        Answer::Document(document("stays", "hello from the other one")),
    );
    let polling = format!("polling {} every 0.1 s", second.api_url());
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!(0.1)
    });
    reloaded(&proxy, &polling);
    proxy.wait_for("the document of the other one", |proxy| {
        let answer = proxy.get(FLAGS, "stays").text();
        answer.contains("the other one")
    });
    proxy.wait_for("the new frequency", |_| second.count("stays") > 5);
    assert_eq!(workers(&proxy).len(), 2);
    edit(&proxy, |config| {
        config["api_max_document_bytes"] = json!(10)
    });
    reloaded(&proxy, &polling);
    second.set("stays", Answer::Document(document("stays", "too large")));
    proxy.wait_for("the limit", |proxy| {
        proxy
            .log()
            .contains("larger than api_max_document_bytes, which is 10")
    });
    assert_eq!(status(&proxy, "stays"), 200);
}

#[test]
fn the_grace_period_changes_without_a_new_worker() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let before = workers(&proxy);
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!(3600.5);
        config["health_check"] = json!({"environment_update_grace_period_seconds": null});
    });
    reload(&proxy);
    upstream.set("stays", Answer::silence());
    edit(&proxy, |config| {
        config["api_poll_frequency_seconds"] = json!(0.1);
        config["api_poll_timeout_seconds"] = json!(0.1);
        config["health_check"] = json!({"environment_update_grace_period_seconds": 0.2});
    });
    reload(&proxy);
    proxy.wait_for("staleness", |proxy| proxy.get(READINESS, "").status == 503);
    edit(&proxy, |config| {
        config["health_check"] = json!({"environment_update_grace_period_seconds": null});
    });
    reloaded(&proxy, "never stale");
    assert_eq!(proxy.get(READINESS, "").status, 200);
    assert_eq!(workers(&proxy), before);
}

#[test]
fn documents_are_compiled_again_for_other_settings() {
    let upstream = upstream(&["stays"]);
    let proxy = proxy(&upstream, &["stays"]);
    let clients = clients(&proxy, &[]);
    let has_variants = || {
        let answer = proxy.get("/api/v1/identities/?identifier=a", "stays");
        String::from_utf8_lossy(&answer.body).contains("\"variant\"")
    };
    assert!(has_variants());
    for only in [true, false] {
        edit(&proxy, |config| {
            config["identities"] = json!({"official_proxy_fields_only": only});
        });
        reloaded(&proxy, "documents compiled again");
        eventually("other flags", || has_variants() != only);
    }
    assert_eq!(upstream.count("stays"), 3);
    reloaded(&proxy, "nothing changed");
    clients.stop("documents are compiled again");
}
