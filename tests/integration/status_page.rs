//! The status page in a browser, over a proxy that serves the demonstration's documents from a stub upstream.

use serde_json::json;
use testing::{Answer, Stub, file};

use crate::harness::{Script, Start};

/// The value of `banner_text`.
const BANNER: &str = "Welcome to the demo shop";

fn demonstration(environment: &str) -> String {
    file(&format!("src/commands/demo/{environment}.json"))
}

#[test]
fn the_page_shows_what_is_served_and_follows_an_edit() {
    let production = demonstration("production");
    let upstream = Stub::start([
        ("demo_production", production.clone()),
        ("demo_staging", demonstration("staging")),
    ]);
    let start = Start::new(&upstream, &["demo_production", "demo_staging"]).workers(2);
    let proxy = start.admin().start();
    proxy.wait_until_ready();
    let url = format!("http://{}/", proxy.admin_address());
    let Some(script) = Script::start("browser/status.js", &[&url]) else {
        return;
    };
    let mut checks = 0;
    for (check, found) in script {
        checks += 1;
        match check.as_str() {
            "state" => assert_eq!(found, "Edge Proxy"),
            "environments" => assert_eq!(
                found,
                json!([
                    ["Production demo…", "current"],
                    ["Staging demo…", "current"]
                ])
            ),
            "before the edit" => {
                assert_eq!(found, BANNER);
                let document = production.replace(BANNER, "edited");
                upstream.set("demo_production", Answer::Document(document));
            }
            "after the edit" => assert_eq!(found, json!(["edited", true])),
            "explanation" => {
                assert_eq!(found["button_colour"], "alice red");
                assert_eq!(found["free_shipping_from"], "0");
                let because = found["because"].to_string();
                for part in [
                    "Segment override",
                    "premium_customers",
                    "decides",
                    "plan",
                    "yes",
                ] {
                    assert!(because.contains(part), "{part}: {because}");
                }
            }
            "unfolded" => assert_eq!(found, 1),
            "requests" => assert_eq!(found, "0"),
            "percentiles" => assert_eq!(found, json!(["2", "3", "Infinity", "null"])),
            "filter" => assert_eq!(found, json!([["Staging demo…", "current"]])),
            "a server-side key as filter" => {
                let told = found.as_str().expect("a text");
                assert!(told.starts_with("That is a server-side key"), "{told}");
            }
            "hosts asked" => assert_eq!(found, json!(["127.0.0.1"])),
            "errors in the console" => assert_eq!(found, json!([])),
            other => panic!("nobody knows what {other} should find"),
        }
    }
    assert_eq!(checks, 12);
}

#[test]
fn with_a_token_the_page_asks_for_it_and_keeps_it_in_the_tab() {
    const TOKEN: &str = "open-sesame";
    let upstream = Stub::start([("demo_production", demonstration("production"))]);
    let admin = json!({"port": 0, "token": TOKEN});
    let start = Start::new(&upstream, &["demo_production"]).set("admin", admin);
    let proxy = start.start();
    proxy.wait_until_ready();
    let url = format!("http://{}/", proxy.admin_address());
    let Some(script) = Script::start("browser/status_token.js", &[&url, TOKEN]) else {
        return;
    };
    let found: Vec<_> = script.map(|(_, found)| found).collect();
    let expected = [
        json!(false),
        json!("That is not the token."),
        json!("Ready"),
    ];
    assert_eq!(
        found,
        [&expected[..], &[json!(false), json!(false)]].concat()
    );
}
