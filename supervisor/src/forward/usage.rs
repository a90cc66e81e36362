//! Usage: how many requests each environment has answered, added up over all workers.

use std::collections::BTreeMap;

use journal::{Labels, Usage};

use super::delivery::{Delivery, Destination, Headers, json};

/// The rows that upstream takes in one request.
const MAX_ROWS: usize = 1_000;

/// Usage of many reports.
#[derive(Default)]
pub(super) struct UsageSums(BTreeMap<String, Usage>);

impl UsageSums {
    /// How many different things are counted.
    pub(super) fn entries(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, environment: &str, usage: Usage) {
        let Some(sum) = self.0.get_mut(environment) else {
            self.0.insert(environment.to_owned(), usage);
            return;
        };
        sum.flags = sum.flags.saturating_add(usage.flags);
        sum.identities = sum.identities.saturating_add(usage.identities);
        sum.document = sum.document.saturating_add(usage.document);
    }

    /// As requests to upstream.
    pub(super) fn into_deliveries(self) -> Vec<Delivery> {
        let rows: Vec<_> = self.0.into_iter().flat_map(rows).collect();
        let bodies = rows
            .chunks(MAX_ROWS)
            .map(|rows| format!("[{}]", rows.join(",")));
        let headers = || Headers::of_json(Labels::default());
        bodies
            .map(|body| Delivery::new(Destination::Usage, "", headers(), body.into_bytes()))
            .collect()
    }
}

/// A row for each resource that was asked for, under the name that upstream has for it.
fn rows((environment, usage): (String, Usage)) -> impl Iterator<Item = String> {
    let environment = json(&environment);
    let resources = [
        ("flags", usage.flags),
        ("identities", usage.identities),
        ("environment-document", usage.document),
    ];
    let asked_for = resources.into_iter().filter(|(_, count)| *count > 0);
    asked_for.map(move |(resource, count)| {
        format!(r#"{{"client_side_key":{environment},"resource":"{resource}","count":{count}}}"#)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bodies(sums: UsageSums) -> Vec<Value> {
        let deliveries = sums.into_deliveries().into_iter();
        let bodies = deliveries.map(|delivery| serde_json::from_slice(&delivery.body).unwrap());
        bodies.collect()
    }

    fn row(environment: &str, resource: &str, count: u64) -> Value {
        json!({"client_side_key": environment, "resource": resource, "count": count})
    }

    #[test]
    fn usage_is_added_up_and_a_resource_nobody_asked_for_has_no_row() {
        let mut sums = UsageSums::default();
        for (environment, flags, document) in [("a", 1, 2), ("b\"", 0, 1), ("a", 3, u64::MAX)] {
            let usage = Usage {
                flags,
                identities: 0,
                document,
            };
            sums.add(environment, usage);
        }
        let expected = json!([
            row("a", "flags", 4),
            row("a", "environment-document", u64::MAX),
            row("b\"", "environment-document", 1),
        ]);
        assert_eq!(bodies(sums), [expected]);
        assert!(UsageSums::default().into_deliveries().is_empty());
    }

    #[test]
    fn a_request_has_a_thousand_rows_at_most() {
        let mut sums = UsageSums::default();
        for environment in 0..800 {
            let usage = Usage {
                flags: 1,
                identities: 2,
                document: 3,
            };
            sums.add(&environment.to_string(), usage);
        }
        let lengths = bodies(sums)
            .into_iter()
            .map(|body| body.as_array().unwrap().len());
        assert_eq!(lengths.collect::<Vec<_>>(), [1_000, 1_000, 400]);
    }
}
