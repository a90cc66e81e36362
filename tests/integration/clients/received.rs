//! What upstream has received from clients, through the proxy.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testing::Stub;

/// What came so far.
#[derive(PartialEq, Default, Debug)]
pub(super) struct Received {
    /// How often each feature was evaluated.
    counts: BTreeMap<String, u64>,
    /// The last value of each trait, by identifier and key.
    traits: BTreeMap<(String, String), Value>,
    /// The identifier of each event, with its name.
    events: Vec<(String, String)>,
    /// By which upstream tells clients apart: headers of counts. The clients for Python and Node send none.
    labels: BTreeMap<&'static str, String>,
}

impl Received {
    /// What each client reports.
    pub(super) fn wanted() -> Self {
        let counts = [("greeting", 3), ("limit", 1)];
        let counts = counts.map(|(feature, count)| (feature.to_owned(), count));
        let mut wanted = Self {
            counts: counts.into(),
            ..Self::default()
        };
        for (identifier, key, value) in [
            ("bob", "plan", json!("premium")),
            ("bob", "age", json!(34)),
            ("bob", "distance", json!(0.5)),
            ("bob", "tester", json!(true)),
            ("carol", "plan", json!("basic")),
            ("carol", "age", json!(17)),
            ("carol", "distance", json!(2.5)),
            ("carol", "tester", json!(false)),
            ("frank", "plan", Value::Null),
            // The other one is transient, and so is all of dave.
            ("erin", "age", json!(17)),
        ] {
            wanted.set(identifier, key, value);
        }
        wanted
    }

    /// An event as well.
    pub(super) fn with_event(mut self) -> Self {
        self.events.push(("bob".to_owned(), "purchase".to_owned()));
        self
    }

    /// Counts with this header as well.
    pub(super) fn with_label(mut self, header: &'static str, value: &str) -> Self {
        self.labels.insert(header, value.to_owned());
        self
    }

    /// What this upstream has received so far. Of headers, those are compared that `wanted` has.
    pub(super) fn by(upstream: &Stub, wanted: &Self) -> Self {
        let mut received = Self::default();
        for report in upstream.reports() {
            let body = report.json();
            match report.target() {
                ("POST", "/api/v1/analytics/flags/") => {
                    for (feature, count) in body.as_object().expect("counts") {
                        let count = count.as_u64().expect("a number");
                        *received.counts.entry(feature.clone()).or_default() += count;
                    }
                    for header in wanted.labels.keys().copied() {
                        let value = report.header(header).unwrap_or_default();
                        received.labels.insert(header, value.to_owned());
                    }
                }
                ("PUT", "/api/v1/traits/bulk/") => {
                    for item in body.as_array().expect("traits") {
                        let identifier = text(&item["identity"]["identifier"]);
                        let value = item["trait_value"].clone();
                        received.set(identifier, text(&item["trait_key"]), value);
                    }
                }
                ("POST", "/v1/events") => {
                    for event in body["events"].as_array().expect("events") {
                        let (identifier, name) =
                            (text(&event["identifier"]), text(&event["event"]));
                        received
                            .events
                            .push((identifier.to_owned(), name.to_owned()));
                    }
                }
                other => panic!("upstream received {other:?}"),
            }
        }
        received
    }

    /// How much it is.
    pub(super) fn amount(&self) -> usize {
        let counts: u64 = self.counts.values().sum();
        counts as usize + self.traits.len() + self.events.len()
    }

    fn set(&mut self, identifier: &str, key: &str, value: Value) {
        let name = (identifier.to_owned(), key.to_owned());
        self.traits.insert(name, value);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
